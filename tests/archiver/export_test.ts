/** `deno task archive export`, into a real PostgreSQL. */
import { DuckDBInstance } from "@duckdb/node-api";
import assert from "node:assert/strict";
import fc from "fast-check";
import { parsePostgresUrl } from "../../archiver/export/address.ts";
import { exportWindow, type TableOutcome } from "../../archiver/export/export.ts";
import { Source } from "../../archiver/export/source.ts";
import { parseTime } from "../../shared/time.ts";
import { Target } from "../../archiver/export/target.ts";
import { schemaVersion } from "../../archiver/store/migrations.ts";
import { openArchive as openReader } from "../../query_results/archive/open.ts";
import { openArchive } from "../support/fixtures/archive.ts";
import { makeCertificates } from "../support/servers/certificates.ts";
import { at, fillDay, openDays } from "../support/fixtures/day_archive.ts";
import { makeGossipArchive } from "../support/fixtures/gossip_archive.ts";
import {
  POSTGRES_PASSWORD,
  type PostgresServer,
  startPostgres,
} from "../support/servers/postgres_server.ts";
import { startProgram } from "../support/servers/process.ts";
import { makeEmptyArchive } from "../support/fixtures/query_archive.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

/** Runs the command under nearly its own permission set. */
async function run(dir: TempDir, server: PostgresServer, ...args: string[]) {
  const rights = [
    ...["-P=archiver", "--quiet", `--allow-read=${dir.path}`],
    `--allow-net=127.0.0.1:${server.port},localhost:${server.port}`,
  ];
  await using program = startProgram("archiver/main.ts", ["export", ...args], rights);
  const { code } = await program.wait();
  const lines = [...program.lines];
  assert.ok(!lines.join("\n").includes(POSTGRES_PASSWORD), "the password is printed");
  return { code, lines };
}

/** Exports within this process. */
async function exportAll(
  path: string,
  server: PostgresServer,
  schema: string,
  options: { from?: string; until?: string; onRows?: () => void; signal?: AbortSignal } = {},
): Promise<TableOutcome[]> {
  const { from, until, onRows = () => {}, signal = new AbortController().signal } = options;
  using archive = await openReader(path, { memoryLimit: "256MiB", threads: 1 });
  await using target = await Target.connect({
    address: parsePostgresUrl(server.url),
    password: POSTGRES_PASSWORD,
    schema,
  });
  return await exportWindow({
    source: new Source(archive.connection),
    version: await schemaVersion(archive.connection),
    target,
    schema,
    span: { from: timeOf(from), until: timeOf(until) },
    signal,
    onProgress: onRows,
  });
}

function timeOf(text: string | undefined): number | null {
  return text === undefined ? null : parseTime(text);
}

const RECEIPTS = `SELECT concat_ws(' ', CAST(extract(epoch FROM r.received_at) * 1000000 AS BIGINT),
  encode(m.sha256, 'hex'), p.node_id, c.name, CAST(r.is_repeat AS INTEGER), CAST(r.is_warmup AS INTEGER)) AS line
  FROM $s.receipts r JOIN $s.messages m USING (message_id) JOIN $s.peers p USING (peer_id)
  JOIN $s.collectors c ON c.collector_id = r.collector_id ORDER BY 1`;

/** One line a receipt, as `receiptLines` of the archive has them. */
function receipts(server: PostgresServer, schema: string): Promise<string[]> {
  return server.query(RECEIPTS.replaceAll("$s", schema));
}

/** The archive's own. */
async function archived(path: string): Promise<string[]> {
  const instance = await DuckDBInstance.create(path, { access_mode: "READ_ONLY" });
  const connection = await instance.connect();
  const sql = RECEIPTS.replaceAll("$s", "main").replace(
    /CAST\(extract.*? BIGINT\)/,
    "epoch_us(r.received_at)",
  )
    .replace("encode(m.sha256, 'hex')", "lower(hex(m.sha256))");
  const lines = (await connection.runAndReadAll(sql)).getRows().map(([line]) => String(line));
  connection.closeSync();
  instance.closeSync();
  return lines;
}

function verdicts(outcomes: readonly TableOutcome[]): string[] {
  return outcomes.filter(({ different }) => different.length > 0).map(({ table }) => table);
}

Deno.test("an archive arrives in PostgreSQL as it is, and windows that overlap double nothing", async (t) => {
  await using dir = await tempDir();
  await using server = await startPostgres();
  const path = dir.join("a.duckdb");
  await makeGossipArchive(path);
  const passwordFile = dir.join("password");
  await Deno.writeTextFile(passwordFile, `${POSTGRES_PASSWORD}\n`);
  const url = `postgres://postgres@127.0.0.1:${server.port}/postgres`;
  const to = ["--to", url, "--password-file", passwordFile, "--archive", path];

  await t.step("all of it, into a schema that is made", async () => {
    const { code, lines } = await run(dir, server, ...to, "--schema", "Gossip");
    assert.equal(code, 0, lines.join("\n"));
    assert.match(lines.at(-1)!, /^export: tables=\d+ different=0 window=all of it archive=/);
    assert.ok(
      lines.some((line) => /^receipts +11 +11 +(\w+) +\1 +11 +equal$/.test(line)),
      lines.join("\n"),
    );
    assert.deepEqual(await receipts(server, '"Gossip"'), await archived(path));
    const [texts] = await server.query('SELECT count(scid_text) FROM "Gossip".message_list');
    assert.equal(texts, "3");
  });

  await t.step("again: nothing is sent, nothing doubles", async () => {
    const before = await receipts(server, '"Gossip"');
    const { code, lines } = await run(dir, server, ...to, "--schema", "Gossip");
    assert.equal(code, 0, lines.join("\n"));
    assert.ok(lines.some((line) => /^receipts +11 +11 .* 0 +equal$/.test(line)), lines.join("\n"));
    assert.deepEqual(await receipts(server, '"Gossip"'), before);
  });

  await t.step(
    "a window without receipts says so; one that ends before it begins is refused",
    async () => {
      const window = ["--from", "2020-01-01", "--until", "2020-01-02T00:00:00.000001Z"];
      const { code, lines } = await run(dir, server, ...to, "--schema", "empty", ...window);
      assert.equal(code, 0, lines.join("\n"));
      const named = "from 2020-01-01T00:00:00.000000Z until 2020-01-02T00:00:00.000001Z";
      assert.ok(lines.includes(`No receipts in this window: ${named}`), lines.join("\n"));
      const inverted = ["--from", "2020-01-02", "--until", "2020-01-01"];
      const refused = await run(dir, server, ...to, ...inverted);
      assert.equal(refused.code, 2);
      assert.match(
        refused.lines.join(),
        /--until is 2020-01-01T.*, which is not after --from 2020/,
      );
    },
  );

  await t.step("windows that overlap add up to the whole", async () => {
    const windows = [
      { from: "2025-09-26T00:00:12Z", until: "2025-09-26T00:00:20Z" },
      { from: "2025-09-26T00:00:14Z", until: "2025-09-26T00:00:30.000001Z" },
    ];
    for (const [i, window] of windows.entries()) {
      const outcomes = await exportAll(path, server, "parts", window);
      assert.deepEqual(verdicts(outcomes), []);
      const facts = outcomes.slice(-2).map(({ theirs }) => theirs.rows);
      // The second one's update was first seen before it; only laterUpdate is new.
      assert.deepEqual(facts, [[1, 3], [2, 5]][i]);
    }
    const all = await archived(path);
    const seconds = (line: string) => Number(line.split(" ")[0]) / 1e6 - 1_758_844_800;
    const expected = all.filter((line) => seconds(line) >= 12 && seconds(line) <= 30);
    assert.deepEqual(await receipts(server, "parts"), expected);
    assert.deepEqual(verdicts(await exportAll(path, server, "parts")), []);
    assert.deepEqual(await receipts(server, "parts"), all);
  });

  await t.step("what the archive changed since takes the place of what was there", async () => {
    await server.query("UPDATE parts.messages SET verdict = 'valid'");
    await server.query("DELETE FROM parts.receipts WHERE is_repeat");
    await server.query("INSERT INTO parts.receipts SELECT * FROM parts.receipts LIMIT 1");
    await server.query("UPDATE parts.sessions SET closed_at = now()");
    assert.deepEqual(verdicts(await exportAll(path, server, "parts")), []);
    assert.deepEqual(await receipts(server, "parts"), await archived(path));
    assert.deepEqual(await server.query("SELECT DISTINCT verdict FROM parts.messages"), [
      "unchecked",
    ]);
  });

  await t.step("days that the archive no longer has stay", async () => {
    const old = "'2024-01-01T00:00:00Z', 1, 1, 1, false, false";
    await server.query(`INSERT INTO parts.receipts VALUES (${old})`);
    assert.deepEqual(verdicts(await exportAll(path, server, "parts")), []);
    const [rows] = await server.query("SELECT count(*) FROM parts.receipts");
    assert.equal(rows, "12");
  });

  await t.step("what arrives changed is told, ends with 1, and is not kept", async () => {
    await exportAll(path, server, "meddled", { until: "2025-01-01" });
    await server.query(`
      CREATE FUNCTION meddled.meddle() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN NEW.is_repeat := NOT NEW.is_repeat; RETURN NEW; END';
      CREATE TRIGGER meddle BEFORE INSERT ON meddled.receipts FOR EACH ROW EXECUTE FUNCTION meddled.meddle()`);
    const { code, lines } = await run(dir, server, ...to, "--schema", "meddled");
    assert.equal(code, 1, lines.join("\n"));
    assert.ok(lines.some((line) => /^receipts +11 +11 .* DIFFERENT$/.test(line)), lines.join("\n"));
    assert.ok(
      lines.includes("receipts: did not arrive as it is here, and was not kept: 2025-09-26"),
    );
    assert.match(lines.at(-1)!, /different=1 /);
    assert.deepEqual(await server.query("SELECT count(*) FROM meddled.receipts"), ["0"]);
  });

  await t.step(
    "another archive's rows, another version and others' tables are refused in one line",
    async () => {
      const refused = async (why: RegExp, ...args: string[]) => {
        const { code, lines } = await run(dir, server, ...args);
        assert.equal(code, 2, lines.join("\n"));
        assert.equal(lines.length, 1, lines.join("\n"));
        assert.match(lines[0], why);
      };
      const other = dir.join("other.duckdb");
      await makeEmptyArchive(other, async (connection) => {
        await connection.run("INSERT INTO collectors VALUES (1, 'gamma')");
      });
      await refused(
        /holds another archive's rows \(1 of collectors\)/,
        ...to.with(-1, other),
        "--schema",
        "parts",
      );
      await server.query("INSERT INTO meddled.schema_version VALUES (999, 'later', now())");
      await refused(
        /its tables have version 999, the archive has \d+; name a schema/,
        ...to,
        "--schema",
        "meddled",
      );
      await server.query("CREATE TABLE messages (x INTEGER)");
      await refused(/a table messages of something else is there/, ...to);
      const wrong = url.replace("postgres@", "postgres:Tr0ub4dor@");
      await refused(/authentication failed .*--password-file/, "--to", wrong, "--archive", path);
      await refused(/ECONNREFUSED|--allow-net/, ...to.with(1, "postgres://me@127.0.0.1:1/x"));
      await using _store = await openArchive(path);
      await refused(new RegExp(`process ${Deno.pid} .*such as a snapshot$`), ...to);
    },
  );
});

Deno.test("hostile values arrive as they are, and a NUL in a text as its picture", async () => {
  await using dir = await tempDir();
  await using server = await startPostgres();
  const nasty = fc.string({
    unit: fc.oneof(
      fc.constantFrom(..."\\\t\n\r'\",\0~|\u202e\u{1f4a9}ü."),
      fc.string({ unit: "binary" }),
    ),
  });
  const i64 = fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n);
  const micros = fc.bigInt(-62_000_000_000_000_000n, 250_000_000_000_000_000n);
  // Each day is a part of its own.
  const seen = fc.tuple(fc.bigInt(0n, 2n), fc.bigInt(-1n, 1n)).map(([day, offset]) =>
    1_758_844_800_000_000n + day * 86_400_000_000n + offset
  );
  const bytes = fc.uint8Array({ maxLength: 60 });
  const row = fc.record({
    raw: bytes,
    inner: fc.option(bytes),
    text: nasty,
    scid: fc.option(i64),
    direction: fc.option(fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 })),
    own: fc.option(micros),
    seen,
    flag: fc.boolean(),
    number: fc.double(),
  });
  const rows = fc.sample(row, { numRuns: 800, seed: 20_250_926 });
  const path = dir.join("a.duckdb");
  const text = (value: string) => `decode(from_hex('${new TextEncoder().encode(value).toHex()}'))`;
  const blob = (value: Uint8Array | null) =>
    value === null ? "NULL" : `from_hex('${value.toHex()}')`;
  const time = (value: bigint | null) => value === null ? "NULL" : `make_timestamptz(${value})`;
  const list = (of: (row: typeof rows[number], id: number) => string) =>
    rows.map((row, i) => `(${of(row, i + 1)})`).join(",");
  // The smallest BIGINT has no literal of its own.
  const big = (value: bigint | null) => value === null ? "NULL" : `CAST('${value}' AS BIGINT)`;
  await makeEmptyArchive(path, async (connection) => {
    await connection.run(
      `INSERT INTO hot_messages SELECT * FROM (VALUES ${
        list(({ raw, inner, text: verdict, scid, direction, own, seen }, id) =>
          `${id}, from_hex(md5('${id}')), 258, ${raw.length}, ${text(verdict)}, ${
            big(scid)
          }, ${direction}, NULL, ${time(own)}, ${blob(inner)}, ${time(seen)}, ${blob(raw)}`
        )
      })`,
    );
    await connection.run(
      `INSERT INTO hot_receipts SELECT * FROM (VALUES ${
        list(({ seen, flag }, id) => `${time(seen)}, ${id}, 1, 1, ${flag}, ${!flag}`)
      })`,
    );
    await connection.run(
      `INSERT INTO dead_letters SELECT * FROM (VALUES ${
        list(({ seen, text: reason, raw }) => `${time(seen)}, ${text(reason)}, '', ${blob(raw)}`)
      })`,
    );
    await connection.run(
      `INSERT INTO analytics_results SELECT * FROM (VALUES ${
        list(({ number, own, text: value }, id) =>
          `1, 'q', ${id}, 'c', CAST('${Object.is(number, -0) ? "-0" : number}' AS DOUBLE), ${
            time(own)
          }, ${text(value)}`
        )
      })`,
    );
  });
  const outcomes = await exportAll(path, server, "public", { from: "2025-01-01" });
  assert.deepEqual(verdicts(outcomes), []);
  const all = await exportAll(path, server, "public");
  assert.deepEqual(verdicts(all), []);
  const withNul = rows.filter(({ text }) => text.includes("\0")).length;
  assert.ok(withNul > 10);
  assert.equal(all.find(({ table }) => table === "messages")!.nuls, withNul);
  const found = await server.query(
    `SELECT encode(convert_to(verdict, 'UTF8'), 'hex'), scid, direction, encode(raw, 'hex'), encode(inner_id, 'hex'),
      CAST(extract(epoch FROM own_timestamp) * 1000000 AS BIGINT), CAST(extract(epoch FROM first_seen) * 1000000 AS BIGINT)
    FROM messages ORDER BY message_id`,
  );
  assert.deepEqual(
    found,
    rows.map(({ raw, inner, text, scid, direction, own, seen }) =>
      [
        new TextEncoder().encode(text.replaceAll("\0", "\u2400")).toHex(),
        scid ?? "",
        direction ?? "",
        raw.toHex(),
        inner?.toHex() ?? "",
        own ?? "",
        seen,
      ].join("|")
    ),
  );
  const doubles = await server.query(
    "SELECT encode(float8send(value_number), 'hex') FROM analytics_results ORDER BY row_number",
  );
  assert.deepEqual(
    doubles,
    rows.map(({ number }) => new Uint8Array(new Float64Array([number]).buffer).reverse().toHex()),
  );
});

Deno.test("cold days go over as hot ones do", async () => {
  await using dir = await tempDir();
  await using server = await startPostgres();
  {
    await using archive = await openDays(dir);
    for (const day of [0, 1, 4]) await fillDay(archive, day);
    await archive.days.run({ day: null, drop: "hot", apply: true });
  }
  const path = dir.join("a.duckdb");
  const outcomes = await exportAll(path, server, "public", { from: "2025-09-27" });
  assert.deepEqual(verdicts(outcomes), []);
  const all = await archived(path);
  assert.equal(all.length, 45);
  assert.deepEqual(
    await receipts(server, "public"),
    all.filter((line) => Number(line.split(" ")[0]) >= at(1, 0)),
  );
});

/** An archive with three days of receipts. */
async function makeThreeDays(path: string, rowsADay: number): Promise<void> {
  await makeEmptyArchive(path, async (connection) => {
    await connection.run(
      `INSERT INTO hot_receipts SELECT make_timestamptz(1758844800000000 + 86400000000 * d + i), i, 1, 1, false, false
      FROM range(3) a(d), range(${rowsADay}) b(i)`,
    );
  });
}

Deno.test("an export that is broken off leaves whole days, and goes on where it was", async (t) => {
  await using dir = await tempDir();
  await using server = await startPostgres();
  const path = dir.join("a.duckdb");
  const rows = 60_000;
  await makeThreeDays(path, rows);
  const days = async (schema: string) =>
    (await server.query(
      `SELECT count(*) FROM ${schema}.receipts GROUP BY date_trunc('day', received_at)`,
    )).map(Number);

  /** Calls `act` once in the midst of the second day. */
  const inTheSecondDay = (act: () => void) => {
    let told = 0;
    const half = 1.5 * rows / 2048;
    return () => {
      if (++told === Math.floor(half)) act();
    };
  };
  const backends =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'gossip-observer%'";

  await t.step("by the connection", async () => {
    let killed: Promise<unknown> = Promise.resolve();
    const onRows = inTheSecondDay(() => killed = server.query(backends));
    await assert.rejects(
      exportAll(path, server, "broken", { onRows }),
      /^UserError: (Cannot export to|The connection to) postgres:\/\/postgres@[\d.:]+\/postgres.*part there is complete: run/,
    );
    await killed;
    const kept = await days("broken");
    assert.ok(kept.length < 3, `${kept.length} days`);
    assert.ok(kept.every((count) => count === rows), kept.join());
    const outcomes = await exportAll(path, server, "broken");
    assert.deepEqual(verdicts(outcomes), []);
    assert.deepEqual(await days("broken"), [rows, rows, rows]);
    assert.equal(outcomes.at(-1)!.sent, (3 - kept.length) * rows);
  });

  await t.step("by its user", async () => {
    const stop = new AbortController();
    const onRows = inTheSecondDay(() => stop.abort(new Error("stop")));
    await assert.rejects(
      exportAll(path, server, "stopped", { onRows, signal: stop.signal }),
      /stop/,
    );
    const kept = await days("stopped");
    assert.ok(kept.length < 3 && kept.every((count) => count === rows), kept.join());
    assert.deepEqual(verdicts(await exportAll(path, server, "stopped")), []);
    assert.deepEqual(await days("stopped"), [rows, rows, rows]);
  });
});

Deno.test("TLS as the URL asks for it, and with an authority that is trusted", async () => {
  await using dir = await tempDir();
  const certificates = await makeCertificates(dir);
  await using server = await startPostgres({ certificates });
  const path = dir.join("a.duckdb");
  await makeEmptyArchive(path);
  await Deno.writeTextFile(dir.join("password"), POSTGRES_PASSWORD);
  const attempt = (mode: string, ...rights: string[]) => {
    const to = `postgres://postgres@localhost:${server.port}/postgres?sslmode=${mode}`;
    const flags = ["--to", to, "--password-file", dir.join("password"), "--archive", path];
    return startProgram("archiver/main.ts", ["export", ...flags], [
      ...["-P=archiver", "--quiet", `--allow-read=${dir.path}`],
      ...[`--allow-net=localhost:${server.port}`, ...rights],
    ]);
  };
  const cases: [string[], number][] = [
    [["require"], 0],
    [["verify-full"], 2],
    [["verify-full", "--cert", certificates.caFile], 0],
  ];
  for (const [[mode, ...rights], expected] of cases) {
    await using program = attempt(mode, ...rights);
    const { code } = await program.wait();
    assert.equal(code, expected, `${mode}: ${program.lines.join("\n")}`);
  }
  const [tls] = await server.query("SELECT count(*) FROM pg_stat_ssl WHERE ssl");
  assert.equal(tls, "0", "all connections are closed");
});
