/** A DuckLake of published days: of one archive and of several, in a file and in PostgreSQL with S3. */
import { DuckDBInstance } from "@duckdb/node-api";
import assert from "node:assert/strict";
import { attachLake, type LakeSettings } from "../../query_results/archive/lake.ts";
import { openArchive } from "../../query_results/archive/open.ts";
import { DEFINITIONS } from "../../query_results/catalog/catalog.ts";
import { answerFor } from "../../query_results/where/look.ts";
import { finalError, UserError } from "../../shared/errors.ts";
import { BatchMaker } from "../support/fixtures/batch_maker.ts";
import {
  at,
  type DayArchive,
  fillDay,
  fillMidnight,
  openDays,
} from "../support/fixtures/day_archive.ts";
import {
  answersOf,
  contentsOf,
  DAYS,
  fetchFrom,
  publishTo,
  summarisedDays,
} from "../support/fixtures/published_days.ts";
import { makeQueryArchive } from "../support/fixtures/query_archive.ts";
import {
  nodeId,
  nodePair,
  unsignedChannel,
  unsignedNode,
  unsignedUpdate,
} from "../support/fixtures/unsigned_gossip.ts";
import { duckdbExtensions } from "../support/servers/duckdb_extensions.ts";
import { startPostgres } from "../support/servers/postgres_server.ts";
import { startProgram } from "../support/servers/process.ts";
import { BUCKET, fakeS3, findVersitygw, versitygw } from "../support/servers/s3_server.ts";
import { until } from "../support/until.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const COPY = { day: null, drop: null, apply: false } as const;
const extensions = await duckdbExtensions(["ducklake", "httpfs", "postgres_scanner"]);
/** The other tests run all. */
const SOME = ["convergence_delay", "message_totals", "sessions", "gaps", "clock_offsets"];
const gateway = await findVersitygw();

async function lake(...args: string[]) {
  await using program = startProgram("archiver/main.ts", ["lake", ...args], ["-A", "--quiet"]);
  const { code } = await program.wait();
  return { code, text: program.lines.join("\n") };
}

/** A lake in a file, and its settings for readers. */
async function lakeIn(dir: TempDir) {
  const settings: LakeSettings = { catalog: dir.join("a.ducklake"), extensions: extensions! };
  const file = dir.join("lake.yaml");
  await Deno.writeTextFile(file, JSON.stringify(settings));
  return { settings, file, address: `ducklake:${file}` };
}

async function ask(settings: LakeSettings, sql: string): Promise<unknown[][]> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    await attachLake(connection, settings, { readOnly: true });
    const reader = await connection.runAndReadAll(sql);
    return reader.getRowsJson();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

Deno.test({
  name: "queries say the same of a lake as of its archive, which it does not copy",
  ignore: extensions === null,
  async fn() {
    await using server = await fakeS3();
    await using dir = await tempDir();
    await makeQueryArchive(dir.join("a.duckdb"));
    const before = await answersOf(dir.join("a.duckdb"), dir, "before", SOME);
    {
      await using archive = await openDays(dir, { publish: publishTo(server) });
      await archive.days.run(COPY);
    }
    await fetchFrom(server.bucket("a"), dir.join("fetched"), ["2025-01-01"]);
    const { file, address, settings } = await lakeIn(dir);
    const args = ["--lake", file, "--data", dir.join("fetched")];
    const { code, text } = await lake(...args);
    assert.equal(code, 0, text);
    assert.match(
      text,
      /registered {2}2025-01-01 {2}\d+ files\nlake: registered=1 replaced=0 dropped=0 archive=archive/,
    );
    assert.match((await lake(...args)).text, /^lake: registered=0 replaced=0 dropped=0/);
    assert.deepEqual(await answersOf(address, dir, "after", SOME), before);
    assert.equal(await summarisedDays(address), 1);
    const [[path]] = await ask(settings, "SELECT DISTINCT filename FROM archive.receipts");
    assert.equal(path, dir.join("fetched/receipts/2025/01/01/receipts_2025-01-01.parquet"));
  },
});

async function where(archive: string, name: string) {
  using reader = await openArchive(archive);
  await reader.connection.run(DEFINITIONS);
  return await answerFor(reader.connection, name);
}

/** Batches of a day of a collector: the same messages for all, each peer a little later. */
function batches(name: string, peers: readonly number[]) {
  const maker = new BatchMaker(name, at(0, 0));
  return [0, 1].map((day) => {
    const sessions = peers.map((peer) => [peer, maker.session(peer, at(day, 0))]);
    for (let i = 0; i < 12; i++) {
      const seconds = Math.floor(at(day, 700 + 60 * i) / 1e6);
      const scid = BigInt(800_000 + i) << 40n | 1n << 16n;
      const raw = [
        unsignedChannel({ scid, nodes: nodePair(i, i + 1) }),
        unsignedNode({ id: nodeId(i), timestamp: seconds }),
        unsignedUpdate({ scid, direction: 0, timestamp: seconds }),
      ][i % 3];
      const number = maker.message(raw);
      maker.verdict(number, "valid");
      for (const [peer, session] of sessions) {
        const heard = at(day, 700 + 60 * i) + peer * 250_000;
        maker.receipt(heard, number, session);
        // Twice in one read of the socket.
        if (i === 3) maker.receipt(heard, number, session, 1);
      }
    }
    return maker.close();
  });
}

Deno.test({
  name:
    "two archives in one lake: what both heard is there once, and the queries say what one archive of all says",
  ignore: extensions === null,
  async fn() {
    await using server = await fakeS3();
    await using dir = await tempDir();
    const [alpha, beta, gamma] = [
      batches("alpha", [1, 2]),
      batches("beta", [2, 3]),
      batches("gamma", [4]),
    ];
    const { file, address, settings } = await lakeIn(dir);
    // In other orders, so that ids differ; alpha moves from one to two after its first day, which both have.
    const archives = {
      one: [...beta, alpha[0]],
      two: [...gamma, ...alpha],
      all: [...alpha, ...beta, ...gamma],
    };
    for (const [name, all] of Object.entries(archives)) {
      await Deno.mkdir(dir.join(name));
      const inner = { ...dir, join: (...parts: string[]) => dir.join(name, ...parts) };
      await using archive = await openDays(inner, {
        publish: publishTo(server, { name, prefix: name }),
      });
      for (const batch of all) await archive.store.commit([batch]);
      await archive.days.run(COPY);
      if (name === "all") continue;
      await fetchFrom(server.bucket(name), inner.join("fetched"));
      const { code, text } = await lake("--lake", file, "--data", inner.join("fetched"));
      assert.equal(code, 0, text);
    }
    const receipts = (lines: string[]) => lines.filter((line) => /^\d{16} /.test(line));
    const inLake = receipts(await contentsOf(address));
    assert.deepEqual(inLake, receipts(await contentsOf(dir.join("all/a.duckdb"))));
    const from = await ask(
      settings,
      "SELECT archive, count(*)::INTEGER FROM receipts GROUP BY 1 ORDER BY 1",
    );
    assert.deepEqual(from, [["one", 52], ["one,two", 26], ["two", 52]]);
    // Rows of one instant come in the order of ids, which differ.
    // What only summaries have, a lake of several archives lacks.
    const sorted = (answers: Map<string, string>) =>
      new Map(
        [...answers].filter(([name]) => !/^trend_(delay|messages|differences)$/.test(name))
          .map(([name, csv]) => [name, csv.split("\r\n").sort()]),
      );
    assert.deepEqual(
      sorted(await answersOf(address, dir, "lake")),
      sorted(await answersOf(dir.join("all/a.duckdb"), dir, "one")),
    );
    const update = "800002x1x0";
    const answer = await where(address, update);
    assert.ok(answer.peers.some(({ seconds }) => seconds !== null), "someone delivered it");
    const ofOne = await where(dir.join("all/a.duckdb"), update);
    assert.deepEqual(answer, { ...ofOne, whole_day: null });
  },
});

Deno.test({
  name:
    "a day that is replaced or taken back is so in the lake, in one transaction; what was before can be asked",
  ignore: extensions === null,
  async fn() {
    await using server = await fakeS3();
    await using dir = await tempDir();
    const { file, settings } = await lakeIn(dir);
    const count = (of = "receipts") =>
      ask(settings, `SELECT count(*)::INTEGER FROM ${of}`).then(([[n]]) => n);
    const step = async (work: (archive: DayArchive) => Promise<unknown>, outcome: RegExp) => {
      {
        await using archive = await openDays(dir, { publish: publishTo(server) });
        await work(archive);
      }
      await fetchFrom(server.bucket("a"), dir.join("fetched"));
      const { text } = await lake("--lake", file, "--data", dir.join("fetched"));
      assert.match(text, outcome);
    };
    const maker = new BatchMaker("alpha", at(0, 0));
    await step(async ({ store, days }) => {
      for (const day of [0, 1]) await fillDay({ store, maker }, day);
      await days.run(COPY);
    }, /registered=2 replaced=0 dropped=0/);
    const [[snapshot]] = await ask(
      settings,
      "SELECT max(snapshot_id) FROM ducklake_snapshots('lake')",
    );
    await step(async ({ store, days }) => {
      await fillDay({ store, maker }, 1, 3);
      await days.run(COPY);
    }, new RegExp(`replaced +${DAYS[1]} .*\n.*registered=0 replaced=1 dropped=0`));
    assert.equal(await count(), 15 + 24);
    assert.equal(await count("sessions"), 9);
    const changes = () => count(`ducklake_snapshots('lake') WHERE snapshot_id > ${snapshot}`);
    assert.equal(await changes(), 1, "one transaction");
    assert.equal(await count(`archive.receipts AT (VERSION => ${snapshot})`), 30);
    const list = JSON.parse(await Deno.readTextFile(dir.join("fetched/index.json")));
    list.days[DAYS[0]] = "withdrawn";
    await Deno.writeTextFile(dir.join("fetched/index.json"), JSON.stringify(list));
    // As in a bucket.
    await Deno.remove(dir.join(`fetched/receipts/${DAYS[0].replaceAll("-", "/")}`), {
      recursive: true,
    });
    const { text } = await lake("--lake", file, "--data", dir.join("fetched"));
    assert.match(
      text,
      new RegExp(`dropped +${DAYS[0]} .*\nlake: registered=0 replaced=0 dropped=1`),
    );
    assert.equal(await count(), 24);
  },
});

Deno.test({
  name: "what came late is replaced in the lake with all that rests on it, at once",
  ignore: extensions === null,
  async fn() {
    await using server = await fakeS3();
    await using dir = await tempDir();
    const { file, settings, address } = await lakeIn(dir);
    const maker = new BatchMaker("alpha", at(0, 0));
    const queries = ["message_totals", "peers_per_message"];
    const fetched = dir.join("fetched");
    const register = async (work: (archive: DayArchive) => Promise<unknown>, outcome: RegExp) => {
      {
        await using archive = await openDays(dir, { publish: publishTo(server) }, { maker });
        await work(archive);
        await archive.days.run(COPY);
      }
      await fetchFrom(server.bucket("a"), fetched);
      assert.match((await lake("--lake", file, "--data", fetched)).text, outcome);
      assert.equal(await summarisedDays(address), 3);
      assert.deepEqual(
        await answersOf(address, dir, "lake", queries),
        await answersOf(dir.join("a.duckdb"), dir, "archive", queries),
      );
      return await ask(
        settings,
        "SELECT max(snapshot_id)::INTEGER FROM ducklake_snapshots('lake')",
      );
    };
    let fillLate = async (_: DayArchive) => {};
    const [[before]] = await register(async (archive) => {
      for (const day of [0, 1, 2]) await fillDay(archive, day);
      fillLate = await fillMidnight(archive);
    }, /registered=3 replaced=0 dropped=0/);
    const [[after]] = await register(
      (archive) => fillLate(archive),
      new RegExp(`replaced +${DAYS[0]} .*\nreplaced +${DAYS[1]} .*\n.*replaced=2 dropped=0`),
    );
    assert.equal(after, Number(before) + 1);
    await Deno.writeTextFile(
      dir.join("past.yaml"),
      JSON.stringify({ ...settings, snapshot: before }),
    );
    const [past, now] = [
      await contentsOf(`ducklake:${dir.join("past.yaml")}`),
      await contentsOf(address),
    ];
    assert.equal(now.filter((line) => !past.includes(line)).length, 1, "the late one");
    await Deno.writeTextFile(dir.join("past.yaml"), JSON.stringify({ ...settings, snapshot: 99 }));
    await assert.rejects(
      contentsOf(`ducklake:${dir.join("past.yaml")}`),
      /: it has no snapshot 99; /,
    );
    const path = `${fetched}/index.json`;
    const list = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, list.replace(/(: ")[0-9a-f]{64}/, `$1${"0".repeat(64)}`));
    const { code, text } = await lake("--lake", file, "--data", fetched);
    assert.equal(code, 2);
    assert.match(text, new RegExp(`^\\S+ has ${DAYS[0]} otherwise than its index.json says: .*$`));
  },
});

Deno.test({
  name: "a lake that cannot be used is one line",
  ignore: extensions === null,
  async fn() {
    await using server = await fakeS3();
    await using dir = await tempDir();
    {
      await using archive = await openDays(dir, { publish: publishTo(server) });
      await fillDay(archive, 0);
      await archive.days.run(COPY);
    }
    const fetched = dir.join("fetched");
    await fetchFrom(server.bucket("a"), fetched);
    const { settings, file } = await lakeIn(dir);
    const refused = async (line: RegExp, ...args: string[]) => {
      const { code, text } = await lake(...args);
      assert.equal(code, 2, text);
      assert.match(text, line);
      assert.doesNotMatch(text, /\n/);
    };
    const reading = async (settings: LakeSettings) => {
      const error = await ask(settings, "SELECT 1").catch((error) => error);
      assert.ok(error instanceof UserError, String(error));
      return error.message;
    };
    assert.match(
      await reading(settings),
      /Cannot open lake .*: there is none; deno task archive lake makes it/,
    );
    assert.match(
      await reading({ ...settings, extensions: dir.path }),
      /Cannot load DuckDB's extension ducklake: .* should hold ducklake.duckdb_extension/,
    );
    {
      const instance = await DuckDBInstance.create(":memory:");
      const connection = await instance.connect();
      const empty = { ...settings, catalog: dir.join("empty.ducklake") };
      await attachLake(connection, empty, { readOnly: false });
      connection.closeSync();
      instance.closeSync();
      await Deno.writeTextFile(dir.join("empty.yaml"), JSON.stringify(empty));
    }
    await assert.rejects(
      contentsOf(`ducklake:${dir.join("empty.yaml")}`),
      /no days are registered in it; deno task archive lake does that/,
    );
    await refused(/--data and either --catalog or --lake are required/, "--data", fetched);
    await refused(
      /has no index.json: no days are published there/,
      "--lake",
      file,
      "--data",
      dir.path,
    );
    await refused(
      /--data is in S3; name its service under s3:/,
      "--lake",
      file,
      "--data",
      "s3://gossip/a",
    );
    const day = `${fetched}/index/2025/09/26/index_2025-09-26.json`;
    const index = await Deno.readTextFile(day);
    const lies: [from: RegExp, to: string, line: RegExp][] = [
      [/"rows": \d+/, '"rows": 4', /^Cannot register 2025-09-26 in lake .* has not the 4 rows and/],
      [/"schema_version": 1/, '"schema_version": 2', /schema's version 2, this program knows 1/],
      [/_2025-09-26.parquet/, "_2025-09-27.parquet", /^Cannot register 2025-09-26 in lake /],
    ];
    for (const [from, to, line] of lies) {
      await Deno.writeTextFile(day, index.replace(from, to));
      await refused(line, "--lake", file, "--data", fetched);
    }
    await Deno.writeTextFile(day, index);
    assert.deepEqual(await ask(settings, "SELECT * FROM archive_files"), []);
    const catalog = ["--catalog", settings.catalog, "--extensions", extensions!];
    assert.equal((await lake(...catalog, "--data", fetched)).code, 0);
    const list = await Deno.readTextFile(`${fetched}/index.json`);
    const made = JSON.parse(list).archive.made_at_us;
    await Deno.writeTextFile(`${fetched}/index.json`, list.replace(String(made), String(made + 1)));
    await refused(
      /has another archive that is called archive; publish this one under a name of its own/,
      "--lake",
      file,
      "--data",
      fetched,
    );
    {
      // In a process of its own that holds it.
      const held = await DuckDBInstance.create(settings.catalog);
      await refused(
        /process \d+ holds the catalogue; stop that process, or keep the catalogue in PostgreSQL/,
        "--lake",
        file,
        "--data",
        fetched,
      );
      const connection = await held.connect();
      await connection.run("UPDATE ducklake_metadata SET value = '9.9' WHERE key = 'version'");
      connection.closeSync();
      held.closeSync();
    }
    await refused(
      /it is of DuckLake's version 9\.9, and the extension is for 1\.0/,
      "--lake",
      file,
      "--data",
      fetched,
    );
  },
});

Deno.test({
  name:
    "PostgreSQL and versitygw: archivers add new days by themselves, at the same time; a refusal is one line",
  ignore: extensions === null || gateway === null,
  async fn() {
    await using server = await versitygw(gateway!);
    await using postgres = await startPostgres();
    await using dir = await tempDir();
    const { pathname: _, ...settings } = {
      pathname: "",
      catalog: postgres.url,
      extensions: extensions!,
      s3: server.config,
    };
    const file = dir.join("lake.yaml");
    await Deno.writeTextFile(file, JSON.stringify(settings));
    const publish = async (name: string, collector: string) => {
      await Deno.mkdir(dir.join(name));
      const inner = { ...dir, join: (...parts: string[]) => dir.join(name, ...parts) };
      const options = { publish: publishTo(server, { name, prefix: name, lake: file }) };
      await using archive = await openDays(inner, options, {
        maker: new BatchMaker(collector, at(0, 0)),
      });
      for (const day of [0, 1]) {
        await fillDay(archive, day);
        await archive.days.run(COPY);
      }
    };
    // Nothing they use may go before both have ended.
    const both = await Promise.allSettled([publish("one", "alpha"), publish("two", "beta")]);
    for (const one of both) if (one.status === "rejected") throw one.reason;
    const rows = await ask(
      settings,
      "SELECT archive, count(*)::INTEGER FROM receipts GROUP BY 1 ORDER BY 1",
    );
    assert.deepEqual(rows, [["one", 30], ["two", 30]]);
    const [[path]] = await ask(settings, "SELECT min(filename) FROM one.receipts");
    assert.equal(path, `s3://${BUCKET}/one/receipts/2025/09/26/receipts_2025-09-26.parquet`);
    assert.equal(
      (await contentsOf(`ducklake:${file}`)).filter((line) => /^\d{16} /.test(line)).length,
      60,
    );
    const refused = async (change: Partial<LakeSettings>, line: RegExp) => {
      await Deno.writeTextFile(file, JSON.stringify({ ...settings, ...change }));
      await assert.rejects(contentsOf(`ducklake:${file}`), (thrown) => {
        const error = finalError(thrown);
        assert.ok(error instanceof UserError && !error.message.includes("\n"), String(error));
        assert.match(error.message, line);
        return true;
      });
    };
    const { config: s3 } = server;
    await refused(
      { s3: { ...s3, secret_key_file: s3.access_key_file } },
      /S3 refuses to read .* \(SignatureDoesNotMatch\); check access_key_file, secret_key_file and this host's clock/,
    );
    await refused(
      { s3: { ...s3, endpoint: "http://127.0.0.1:1" } },
      /cannot reach http:\/\/127.0.0.1:1\/\S+; check the endpoint/,
    );
    await refused(
      { catalog: postgres.url.replace("postgres://postgres:", "postgres://postgres:x") },
      /PostgreSQL does not let us in: password authentication failed for user 'postgres'; check catalog/,
    );
    await refused({ catalog: `${postgres.url}2` }, /database 'postgres2' does not exist/);
    const held = (limit: string) => ({
      catalog: `${postgres.url}?options=${encodeURIComponent(`-c lock_timeout=${limit}`)}`,
    });
    const lock = postgres.query(
      "BEGIN; LOCK TABLE ducklake_snapshot IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)",
    ).catch(() => {});
    await until(async () =>
      (await postgres.query(
        "SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted",
      ))
        .length > 0
    );
    await refused(held("100ms"), /another session holds a lock in the catalogue/);
    await postgres.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()",
    );
    await lock;
    const key = "receipts/2025/09/26/receipts_2025-09-26.parquet";
    await (await server.bucket("one").send(key, { method: "DELETE" })).body?.cancel();
    await refused({}, /receipts_2025-09-26.parquet is gone \(NoSuchKey\)/);
  },
});
