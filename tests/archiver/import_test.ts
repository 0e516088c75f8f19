/** `deno task archive import`: what other observers recorded comes over whole, once, and in the archive's own terms. */
import type { DuckDBConnection } from "@duckdb/node-api";
import assert from "node:assert/strict";
import { type Count, countsTable, isAccounted } from "../../archiver/import/finish.ts";
import { type ImportOptions, type ImportOutcome, runImport } from "../../archiver/import/run.ts";
import { RowsProgress } from "../../archiver/commands/rows_progress.ts";
import { Database, rowsOf } from "../../archiver/store/database.ts";
import { CHECKS } from "../../archiver/verify/checks.ts";
import { systemClock } from "../../shared/clock.ts";
import { gossipFacts } from "../../shared/bolt/facts.ts";
import { UserError } from "../../shared/errors.ts";
import { openArchive, receiptLines } from "../support/fixtures/archive.ts";
import { archiveRows } from "../support/fixtures/archive_check.ts";
import { makeGossipArchive } from "../support/fixtures/gossip_archive.ts";
import {
  expectedReceipts,
  observe,
  type Observed,
  rawText,
  START,
  writeDaily,
  writeExport,
} from "../support/fixtures/foreign_source.ts";
import { startProgram } from "../support/servers/process.ts";
import { DAY, openDays } from "../support/fixtures/day_archive.ts";
import { tempDir } from "../support/temp_dir.ts";

/** Runs `use` on an archive that may be written. */
async function onArchive<T>(
  path: string,
  use: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const database = await Database.open({ path, memoryLimitBytes: 256 * 1024 ** 2, threads: 1 });
  try {
    return await use(database.writing);
  } finally {
    await database.close();
  }
}

/** Imports, and gives what came of it and what was said. */
function importInto(
  path: string,
  folder: string,
  options: Partial<ImportOptions> = {},
): Promise<{ outcome: ImportOutcome; said: string }> {
  return onArchive(path, async (connection) => {
    let said = "";
    const write = (text: string) => void (said += text);
    const progress = new RowsProgress({ isTerminal: false, columns: () => 0, write });
    const outcome = await runImport({
      connection,
      folder,
      prefix: "",
      rowsPerCommit: 5000,
      clock: systemClock,
      say: (line) => said += `${line}\n`,
      onProgress: (rows) => progress.show(rows),
      signal: new AbortController().signal,
      ...options,
    });
    return { outcome, said };
  });
}

/** The counts of an import that finished, all accounted for; what was skipped, by line and reason. */
function accounted(outcome: ImportOutcome): Record<string, Record<string, number>> {
  assert.equal(outcome.status, "finished");
  const counts = (outcome as { counts: readonly Count[] }).counts;
  assert.ok(counts.every(isAccounted), countsTable(counts));
  return Object.fromEntries(
    counts.filter(({ skipped }) => skipped.size > 0)
      .map(({ what, skipped }) => [what, Object.fromEntries(skipped)]),
  );
}

/** That the archive has just the receipts that were observed. */
async function assertReceipts(path: string, observed: Observed, prefix = ""): Promise<void> {
  const store = await openArchive(path);
  try {
    assert.deepEqual(await receiptLines(store), expectedReceipts(observed, prefix));
  } finally {
    await store[Symbol.asyncDispose]();
  }
}

/** {@link assertReceipts}; and that messages are dated by them, and the archive contradicts itself nowhere. */
async function assertHolds(path: string, observed: Observed, prefix = ""): Promise<void> {
  await assertReceipts(path, observed, prefix);
  const misdated = await archiveRows(
    path,
    `SELECT m.message_id FROM messages m
    JOIN (SELECT message_id, min(received_at) AS first FROM receipts GROUP BY message_id) r
      ON r.message_id = m.message_id WHERE r.first <> m.first_seen`,
  );
  assert.deepEqual(misdated, []);
  await assertSound(path);
}

async function assertSound(path: string): Promise<void> {
  await onArchive(path, async (connection) => {
    for (const { claim, look } of CHECKS) {
      assert.equal((await look(connection)).misfits, 0, claim);
    }
  });
}

/** Everything that an import fills, as text. */
async function dump(path: string): Promise<string[]> {
  const tables = ["receipts", "messages", "peers", "collectors", "sessions", "epochs"]
    .concat(["imports", "import_files", "import_fates", "import_messages", "import_epochs"]);
  const dumped = await Promise.all(
    tables.map(async (table) => lines(await archiveRows(path, `SELECT * FROM ${table}`))),
  );
  return dumped.flat();
}

/** Rows as text: what JSON cannot hold is told apart all the same. */
function lines(rows: readonly Record<string, unknown>[]): string[] {
  return rows.map((row) => Object.values(row).map(String).join("|")).sort();
}

Deno.test("an export of compat comes back the same, hashes included", async () => {
  await using dir = await tempDir();
  const [from, export_, to] = [dir.join("a.duckdb"), dir.join("export"), dir.join("b.duckdb")];
  await makeGossipArchive(from);
  await onArchive(from, async (connection) => {
    await connection.run(`ATTACH ':memory:' AS copy`);
    for (const table of ["messages", "metadata", "timings"]) {
      await connection.run(`CREATE TABLE copy.${table} AS SELECT * FROM compat.${table}`);
    }
    await connection.run("USE copy");
    await connection.run(`EXPORT DATABASE '${export_}' (FORMAT parquet, COMPRESSION zstd)`);
  });
  assert.deepEqual(accounted((await importInto(to, export_)).outcome), {});
  for (const table of ["messages", "metadata", "timings"]) {
    const sql = `SELECT * FROM compat.${table}`;
    assert.deepEqual(lines(await archiveRows(to, sql)), lines(await archiveRows(from, sql)), table);
  }
  await assertSound(to);
});

Deno.test("the first observer's export comes over whole, and compat shows its tables again", async () => {
  await using dir = await tempDir();
  const [export_, path] = [dir.join("export"), dir.join("a.duckdb")];
  const observed = observe({ messages: 700 });
  await writeExport(export_, observed);
  const { outcome, said } = await importInto(path, export_);
  assert.deepEqual(accounted(outcome), {});
  assert.match(
    said,
    /messages\.raw: URL-safe base64 without padding, of the message without its two bytes of type/,
  );
  assert.match(said, /\n100\.0 %, /);
  await assertHolds(path, observed);

  await onArchive(path, async (connection) => {
    const source = (table: string) => `read_parquet('${export_}/${table}.parquet/*.parquet')`;
    // The hash is another, the text the same.
    const compared = [
      ["SELECT raw FROM compat.messages", `SELECT raw FROM ${source("messages")}`],
      [
        `SELECT m.raw, d.* EXCLUDE (hash) FROM compat.metadata d JOIN compat.messages m ON m.hash = d.hash`,
        `SELECT m.raw, d.* EXCLUDE (hash) FROM ${source("metadata")} d JOIN ${
          source("messages")
        } m ON m.hash = d.hash`,
      ],
      [
        `SELECT m.raw, t.* EXCLUDE (hash) FROM compat.timings t JOIN compat.messages m ON m.hash = t.hash`,
        `SELECT m.raw, t.* EXCLUDE (hash) FROM ${source("timings")} t JOIN ${
          source("messages")
        } m ON m.hash = t.hash`,
      ],
    ];
    for (const [ours, theirs] of compared) {
      assert.deepEqual(
        lines(await rowsOf(connection, ours)),
        lines(await rowsOf(connection, theirs)),
      );
    }
  });
});

Deno.test("messages without signatures come over with zeros for them, all else as it was", async () => {
  await using dir = await tempDir();
  const observed = observe();
  const [signed, unsigned] = [dir.join("signed.duckdb"), dir.join("unsigned.duckdb")];
  await writeExport(dir.join("signed"), observed);
  await writeExport(dir.join("unsigned"), observed, { style: "behind_signatures" });
  accounted((await importInto(signed, dir.join("signed"))).outcome);
  const { outcome, said } = await importInto(unsigned, dir.join("unsigned"));
  accounted(outcome);
  assert.match(said, /URL-safe base64 with padding, of the message without type and signatures/);
  const facts =
    `SELECT type, size, scid, direction, node_id, own_timestamp, hex(inner_id) AS inner_id, first_seen,
    verdict FROM messages`;
  assert.deepEqual(
    lines(await archiveRows(unsigned, facts)),
    lines(await archiveRows(signed, facts)),
  );
  const zeros = observed.messages.map((whole) => {
    const without = whole.slice();
    without.fill(0, 2, whole[1] === 0 ? 258 : 66);
    return without;
  });
  await assertHolds(unsigned, { ...observed, messages: zeros });
  const told = await archiveRows(unsigned, "SELECT has_signatures FROM imports");
  assert.deepEqual(told, [{ has_signatures: false }]);
});

Deno.test("daily files come over whole: repeats told apart, what went out left, collectors renamed", async () => {
  await using dir = await tempDir();
  const [folder, path] = [dir.join("daily"), dir.join("a.duckdb")];
  const seen = observe({ messages: 300, repeats: true, days: 3 });
  // The last message went out only.
  const inbound = seen.timings.filter(({ message }) => message < 299);
  const outbound = inbound.slice(0, 70).map((timing) => ({ ...timing, dir: 2 }));
  const own = { ...inbound[0], message: 299, dir: 2 };
  const missing = { ...inbound[0], message: seen.messages.length };
  const observed = { ...seen, timings: [...inbound, ...outbound, own, missing] };
  await writeDaily(folder, observed, {
    alter: [
      // A ping: type 4, and one timing of it.
      "INSERT INTO messages VALUES (7, 'AAAA')",
      "INSERT INTO metadata VALUES (7, 4, 3, NULL, NULL)",
      `INSERT INTO timings SELECT 7, collector, recv_peer, recv_peer_hash, recv_timestamp, NULL, 1 FROM timings LIMIT 1`,
    ],
  });
  const { outcome, said } = await importInto(path, folder, { prefix: "theirs " });
  const skipped = accounted(outcome);
  assert.deepEqual(skipped.messages, { "no gossip, a ping or pong": 1 });
  assert.deepEqual(skipped.receipts, {
    "its message is not in the source": 1,
    "no gossip, a ping or pong": 1,
    "outbound, no receipt": 71,
  });
  assert.match(said, /hash: 8 bytes, least significant first/);
  assert.match(said, /metadata\.scid: 8 bytes, least significant first/);
  assert.match(said, /timings\.dir: 1 came in, 2 went out/);
  await assertHolds(path, observed, "theirs ");
  const [{ repeats }] = await archiveRows(
    path,
    "SELECT count(*)::INTEGER AS repeats FROM receipts WHERE is_repeat",
  );
  assert.ok(Number(repeats) > 100, `${repeats} repeats`);
  const undated = await archiveRows(
    path,
    `SELECT epoch_us(first_seen) AS at FROM messages
    WHERE message_id NOT IN (SELECT message_id FROM receipts)`,
  );
  assert.deepEqual(undated, [{ at: BigInt(own.at) }]);
  const raws = await archiveRows(path, "SELECT raw FROM compat.messages");
  assert.deepEqual(lines(raws), seen.messages.map((raw) => rawText(raw, "behind_type")).sort());
});

Deno.test("a message that only went out is dated by the table, the column or its own timestamp", async () => {
  await using dir = await tempDir();
  const seen = observe({ messages: 30 });
  // Its second message is a node_announcement, which has a timestamp of its own.
  const others = seen.timings.filter(({ message }) => message !== 1);
  const sent = { ...others[0], message: 1, dir: 2, at: START + 3_600_000_000 };
  const observed = { ...seen, timings: [...others, sent] };
  const own = gossipFacts(seen.messages[1]).ownTimestamp!;
  const ways = { table: sent.at, column: sent.at, neither: own * 1_000_000 };
  for (const [way, at] of Object.entries(ways)) {
    const [folder, path] = [dir.join(way), dir.join(`${way}.duckdb`)];
    const firstSeen = way === "table" || way === "column" ? [way] as const : [];
    await writeDaily(folder, observed, { firstSeen });
    const { outcome, said } = await importInto(path, folder);
    const skipped = accounted(outcome);
    assert.deepEqual(skipped.message_hashes, {
      "not needed: derived from the messages' bytes": 30,
    });
    assert.equal(skipped.message_first_seen !== undefined, way === "table");
    assert.match(said, / {2}message_hashes: 30 rows in 1 file\n/);
    await assertHolds(path, observed);
    const undated = await archiveRows(
      path,
      `SELECT epoch_us(first_seen) AS at FROM messages
      WHERE message_id NOT IN (SELECT message_id FROM receipts)`,
    );
    assert.deepEqual(undated, [{ at: BigInt(at) }], way);
  }
});

Deno.test("a day that comes later is added, as if it had been there", async () => {
  await using dir = await tempDir();
  const [folder, day] = [dir.join("daily"), "2025/09/27"];
  const [grown, whole] = [dir.join("grown.duckdb"), dir.join("whole.duckdb")];
  const observed = observe({ messages: 200, repeats: true, days: 2 });
  // Some of the second day's receipts are repeats of the first day's.
  const late = observed.timings.slice(0, 50).map((timing) => ({
    ...timing,
    at: timing.at % 86_400_000_000 + START + 86_400_000_000,
  }));
  const both = { ...observed, timings: [...observed.timings, ...late] };
  await writeDaily(folder, both);
  for (const table of ["messages", "metadata", "timings"]) {
    await Deno.rename(`${folder}/${table}/${day}`, dir.join(`kept-${table}`));
  }
  accounted((await importInto(grown, folder)).outcome);
  for (const table of ["messages", "metadata", "timings"]) {
    await Deno.rename(dir.join(`kept-${table}`), `${folder}/${table}/${day}`);
  }
  accounted((await importInto(grown, folder)).outcome);
  await assertHolds(grown, both);
  accounted((await importInto(whole, folder)).outcome);
  await assertHolds(whole, both);
  const sessions = `SELECT c.name, p.node_id, s.filter_at, s.closed_at, s.receipts, s.number
    FROM sessions s JOIN collectors c ON c.collector_id = s.collector_id JOIN peers p ON p.peer_id = s.peer_id`;
  const told = (rows: Record<string, unknown>[]) =>
    lines(rows.map(({ number: _, ...rest }) => rest));
  assert.deepEqual(
    told(await archiveRows(grown, sessions)),
    told(await archiveRows(whole, sessions)),
  );
});

/** Files of a source of two days that come after the first run, and what is skipped until then. */
const LATE_FILES = {
  "a day's messages": ["messages/2025/09/26"],
  "a day's metadata": ["metadata/2025/09/26"],
  "the metadata of all days but one": ["metadata/2025/09/27"],
  "the first day": ["messages", "metadata", "timings"].map((table) => `${table}/2025/09/26`),
  "messages and metadata": ["messages/2025/09/27", "metadata/2025/09/27"],
} as const;

Deno.test("what was skipped for want of files is read again once those come, in whatever order", async (t) => {
  const first = observe({ messages: 200, repeats: true, days: 2, seed: 7 });
  // The second day has receipts of the first day's messages.
  const late = first.timings.filter(({ at }) => at < START + DAY).slice(0, 90)
    .map((timing) => ({ ...timing, at: timing.at + DAY }));
  const both = { ...first, timings: [...first.timings, ...late] };
  for (const [name, files] of Object.entries(LATE_FILES)) {
    await t.step(name, async () => {
      await using dir = await tempDir();
      const [folder, path, whole] = [dir.join("daily"), dir.join("a.duckdb"), dir.join("b.duckdb")];
      await writeDaily(folder, both);
      const expected = accounted((await importInto(whole, folder)).outcome);
      for (const [i, file] of files.entries()) {
        await Deno.rename(`${folder}/${file}`, dir.join(`kept${i}`));
      }
      const before = await importInto(path, folder, { rowsPerCommit: 100 });
      assert.ok(Object.keys(accounted(before.outcome)).length > Object.keys(expected).length);
      await assertSound(path);
      assert.equal((await importInto(path, folder)).outcome.status, "unchanged");
      for (const [i, file] of files.entries()) {
        await Deno.rename(dir.join(`kept${i}`), `${folder}/${file}`);
      }
      // Stopped on the way: what is done stays done, and nothing is done twice.
      const stop = new AbortController();
      const stopped = { rowsPerCommit: 50, signal: stop.signal, onProgress: () => stop.abort() };
      assert.equal((await importInto(path, folder, stopped)).outcome.status, "stopped");
      await assertSound(path);
      const after = await importInto(path, folder, { rowsPerCommit: 100 });
      assert.deepEqual(accounted(after.outcome), expected);
      await assertHolds(path, both);
      assert.equal((await importInto(path, folder)).outcome.status, "unchanged");
      const undated = "SELECT epoch_us(first_seen) AS at, sha256 FROM messages";
      assert.deepEqual(
        lines(await archiveRows(path, undated)),
        lines(await archiveRows(whole, undated)),
      );
    });
  }
});

Deno.test("late messages of receipts whose file is gone are refused, until that is back", async () => {
  await using dir = await tempDir();
  const [folder, path] = [dir.join("daily"), dir.join("a.duckdb")];
  const observed = observe({ messages: 100, days: 2 });
  await writeDaily(folder, observed);
  const [messages, timings] = ["messages/2025/09/26", "timings/2025/09/26"];
  await Deno.rename(`${folder}/${messages}`, dir.join("messages"));
  await importInto(path, folder);
  await Deno.rename(dir.join("messages"), `${folder}/${messages}`);
  await Deno.rename(`${folder}/${timings}`, dir.join("timings"));
  await assert.rejects(
    importInto(path, folder),
    (error) =>
      error instanceof UserError && /timings_2025-09-26.parquet is missing/.test(error.message),
  );
  await Deno.rename(dir.join("timings"), `${folder}/${timings}`);
  accounted((await importInto(path, folder)).outcome);
  await assertHolds(path, observed);
});

Deno.test("a source none of whose messages has metadata of its day is refused in one line", async () => {
  await using dir = await tempDir();
  const folder = dir.join("daily");
  await writeDaily(folder, observe({ messages: 50, days: 2 }));
  await Deno.remove(`${folder}/metadata/2025/09/26`, { recursive: true });
  await Deno.remove(`${folder}/messages/2025/09/27`, { recursive: true });
  await assert.rejects(
    importInto(dir.join("a.duckdb"), folder),
    (error) =>
      error instanceof UserError &&
      /no file of messages has metadata of its day/.test(error.message),
  );
});

Deno.test("messages and receipts of days that left the hot store are known all the same", async () => {
  await using dir = await tempDir();
  const [folder, path, day] = [dir.join("daily"), dir.join("a.duckdb"), "timings/2025/09/27"];
  const first = observe({ messages: 80, repeats: true });
  const late = first.timings.slice(0, 60).map((timing) => ({ ...timing, at: timing.at + DAY }));
  const both = { ...first, timings: [...first.timings, ...late] };
  await writeDaily(folder, both);
  await Deno.rename(`${folder}/${day}`, dir.join("kept"));
  accounted((await importInto(path, folder)).outcome);
  {
    await using archive = await openDays(dir);
    const done = await archive.days.run({ day: null, drop: "hot", apply: true });
    assert.ok(done.some(({ action }) => action === "dropped from hot"), JSON.stringify(done));
  }
  await Deno.rename(dir.join("kept"), `${folder}/${day}`);
  accounted((await importInto(path, folder)).outcome);
  await assertHolds(path, both);

  // Others saw the same messages, and earlier.
  const earlier = first.timings.map((timing) => ({ ...timing, at: timing.at - 1 }));
  await writeDaily(dir.join("others"), { ...first, timings: earlier });
  accounted((await importInto(path, dir.join("others"), { prefix: "b " })).outcome);
  const store = await openArchive(path);
  const found = await receiptLines(store);
  await store[Symbol.asyncDispose]();
  const others = expectedReceipts({ ...first, timings: earlier }, "b ");
  assert.deepEqual(found, [...expectedReceipts(both), ...others].sort());
  await assertSound(path);
  const hot = await archiveRows(path, "SELECT count(*)::INTEGER AS messages FROM hot_messages");
  assert.deepEqual(hot, [{ messages: 0 }]);
});

Deno.test("what went missing since shows when counts in and out are compared", async () => {
  await using dir = await tempDir();
  const [folder, path, day] = [dir.join("daily"), dir.join("a.duckdb"), "timings/2025/09/27"];
  await writeDaily(folder, observe({ messages: 50, days: 2 }));
  await Deno.rename(`${folder}/${day}`, dir.join("kept"));
  accounted((await importInto(path, folder)).outcome);
  await Deno.rename(dir.join("kept"), `${folder}/${day}`);
  await onArchive(path, async (connection) => {
    await connection.run("DELETE FROM hot_receipts WHERE rowid = 0");
    await connection.run(
      "DELETE FROM hot_messages WHERE message_id IN (SELECT message_id FROM hot_messages LIMIT 2)",
    );
  });
  const { outcome } = await importInto(path, folder);
  assert.ok(outcome.status === "finished");
  const short = outcome.counts.map(({ what, taken, inArchive }) =>
    [what, taken - inArchive] as const
  );
  assert.deepEqual(short.slice(0, 2), [["messages", 2], ["receipts", 1]]);
  assert.equal(outcome.counts.filter(isAccounted).length, outcome.counts.length - 3);
  assert.equal(countsTable(outcome.counts).match(/DOES NOT FIT/g)?.length, 3);
});

Deno.test("the same source again changes nothing; one that changed, or is named otherwise, is refused", async () => {
  await using dir = await tempDir();
  const [export_, path] = [dir.join("export"), dir.join("a.duckdb")];
  const observed = observe();
  await writeExport(export_, observed);
  await importInto(path, export_);
  const before = await dump(path);
  assert.equal((await importInto(path, export_)).outcome.status, "unchanged");
  await Deno.rename(export_, dir.join("moved"));
  assert.equal((await importInto(path, dir.join("moved"))).outcome.status, "unchanged");
  await assert.rejects(
    importInto(path, dir.join("moved"), { prefix: "x " }),
    (error) => error instanceof UserError && /with --collector-prefix ""/.test(error.message),
  );
  await writeExport(export_, { ...observed, timings: observed.timings.slice(1) });
  await assert.rejects(
    importInto(path, export_),
    (error) =>
      error instanceof UserError && /timings\.parquet.* has changed since/.test(error.message),
  );
  // The same collectors in another source.
  await writeExport(dir.join("other"), observe({ seed: 2 }));
  await assert.rejects(
    importInto(path, dir.join("other")),
    (error) =>
      error instanceof UserError && /keep them apart with --collector-prefix/.test(error.message),
  );
  assert.deepEqual(await dump(path), before);
});

Deno.test("an import into an archive with receipts of its own shares its messages and peers", async () => {
  await using dir = await tempDir();
  const [export_, path] = [dir.join("export"), dir.join("a.duckdb")];
  const observed = observe();
  await writeExport(export_, observed);
  const first = accounted((await importInto(path, export_)).outcome);
  const again = {
    ...observed,
    timings: observed.timings.map((timing) => ({ ...timing, at: timing.at - 1 })),
  };
  await writeExport(dir.join("again"), again);
  const second = accounted((await importInto(path, dir.join("again"), { prefix: "b " })).outcome);
  assert.deepEqual([first, second], [{}, {}]);
  const [{ messages, peers }] = await archiveRows(
    path,
    "SELECT (SELECT count(*) FROM messages)::INTEGER AS messages, (SELECT count(*) FROM peers)::INTEGER AS peers",
  );
  assert.deepEqual({ messages, peers }, { messages: observed.messages.length, peers: 9 });
  const store = await openArchive(path);
  const found = await receiptLines(store);
  await store[Symbol.asyncDispose]();
  assert.deepEqual(found, [...expectedReceipts(observed), ...expectedReceipts(again, "b ")].sort());
  await assertSound(path);
});

Deno.test("rows that cannot be taken are counted with the reason", async () => {
  await using dir = await tempDir();
  const [export_, path] = [dir.join("export"), dir.join("a.duckdb")];
  const timing = (hash: string, peer: string, at: string) =>
    `INSERT INTO timings SELECT ${hash}, 'collector 1', ${peer}, 0, ${at}, NULL FROM timings LIMIT 1`;
  const good = ["(SELECT min(hash) FROM metadata)", "recv_peer", "recv_timestamp"] as const;
  await writeExport(export_, observe(), {
    alter: [
      "INSERT INTO messages VALUES (1, 'not/base64!'), (2, 'AAAA'), (1, 'AAAA')",
      "INSERT INTO metadata VALUES (1, 3, 8, NULL, NULL)",
      timing("1", good[1], good[2]),
      timing("2", good[1], good[2]),
      timing("3", good[1], good[2]),
      timing(good[0], "'nobody'", good[2]),
      timing(good[0], good[1], "TIMESTAMPTZ '1999-01-01 00:00:00+00'"),
    ],
  });
  const skipped = accounted((await importInto(path, export_)).outcome);
  assert.deepEqual(skipped.messages, {
    "its hash came before": 1,
    "no metadata": 1,
    "raw cannot be decoded": 1,
  });
  assert.deepEqual(skipped.receipts, {
    "its message is not in the source": 1,
    "no metadata": 1,
    "no collector, or peer is no node id": 1,
    "raw cannot be decoded": 1,
    "time missing or not from 2015 to 2100": 1,
  });
  await assertSound(path);
});

/** Changes of an export's columns that mean the same. */
const OTHER_ENCODINGS: Readonly<Record<string, readonly string[]>> = {
  "timestamps without zone": [
    "ALTER TABLE timings ALTER recv_timestamp TYPE TIMESTAMP USING make_timestamp(epoch_us(recv_timestamp))",
  ],
  "microseconds": [
    "ALTER TABLE timings ALTER recv_timestamp TYPE BIGINT USING epoch_us(recv_timestamp)",
  ],
  "nanoseconds": [
    "ALTER TABLE timings ALTER recv_timestamp TYPE UBIGINT USING CAST(epoch_us(recv_timestamp) * 1000 AS UBIGINT)",
  ],
  "hex": [
    "UPDATE messages SET raw = hex(from_base64(rpad(translate(raw, '-_', '+/'), CAST((length(raw) + 3) // 4 * 4 AS INTEGER), '=')))",
  ],
  "plain base64": ["UPDATE messages SET raw = translate(raw, '-_', '+/')"],
  "bytes": [
    "ALTER TABLE messages ALTER raw TYPE BLOB USING from_base64(rpad(translate(raw, '-_', '+/'), CAST((length(raw) + 3) // 4 * 4 AS INTEGER), '='))",
  ],
  "signed hashes": ["messages", "metadata", "timings"].map((table) =>
    `ALTER TABLE ${table} ALTER hash TYPE BIGINT USING CAST(CASE WHEN hash >= 9223372036854775808
      THEN CAST(hash AS HUGEINT) - 18446744073709551616 ELSE hash END AS BIGINT)`
  ),
  "peers as bytes": ["ALTER TABLE timings ALTER recv_peer TYPE BLOB USING from_hex(recv_peer)"],
  "peers in capitals": ["UPDATE timings SET recv_peer = upper(recv_peer)"],
  "types of the wire": [
    "ALTER TABLE metadata ALTER type TYPE SMALLINT",
    "UPDATE metadata SET type = type + 255",
  ],
};

Deno.test("the same data in other encodings comes to the same", async () => {
  await using dir = await tempDir();
  const observed = observe({ messages: 20 });
  for (const [name, alter] of Object.entries(OTHER_ENCODINGS)) {
    await writeExport(dir.join(name), observed, { alter });
    const path = dir.join(`${name}.duckdb`);
    assert.deepEqual(accounted((await importInto(path, dir.join(name))).outcome), {}, name);
    await assertReceipts(path, observed);
  }
});

/** Changes that leave nothing to make sense of, and what is said then. */
const NONSENSE: readonly (readonly [string, RegExp])[] = [
  [
    "ALTER TABLE timings DROP COLUMN recv_timestamp",
    /timings\.recv_timestamp: there is no such column/,
  ],
  [
    "ALTER TABLE timings ALTER recv_timestamp TYPE BIGINT USING 17",
    /timings\.recv_timestamp: it holds from 17 to 17/,
  ],
  ["UPDATE messages SET raw = 'what is this?'", /messages\.raw: its texts should be base64/],
  ["UPDATE messages SET raw = 'AAAA'", /messages\.raw: of 20 messages too few fit/],
  ["ALTER TABLE metadata ALTER hash TYPE VARCHAR", /metadata\.hash: its type is VARCHAR/],
  ["ALTER TABLE timings ALTER hash TYPE BIGINT USING 1", /timings\.hash is BIGINT/],
  ["ALTER TABLE timings ADD COLUMN dir TINYINT DEFAULT 7", /timings\.dir: it holds 7/],
  ["DELETE FROM metadata", /metadata has no rows/],
];

Deno.test("what nothing known fits is refused with what was found, and nothing is written", async () => {
  await using dir = await tempDir();
  const path = dir.join("a.duckdb");
  for (const [i, [statement, message]] of NONSENSE.entries()) {
    await writeExport(dir.join(`${i}`), observe({ messages: 20 }), { alter: [statement] });
    await assert.rejects(
      importInto(path, dir.join(`${i}`)),
      (error) => error instanceof UserError && message.test(error.message),
      statement,
    );
  }
  await assert.rejects(importInto(path, dir.path), /has neither timings\.parquet .* nor/);
  assert.deepEqual(await archiveRows(path, "SELECT * FROM imports"), []);
});

Deno.test("files of one table whose columns differ are refused", async () => {
  await using dir = await tempDir();
  const folder = dir.join("daily");
  await writeDaily(folder, observe({ messages: 30, days: 2 }));
  const name = "timings/2025/09/27/timings_2025-09-27.parquet";
  await Deno.rename(`${folder}/${name}`, dir.join("old.parquet"));
  await onArchive(dir.join("a.duckdb"), async (connection) => {
    await connection.run(
      `COPY (SELECT * REPLACE (CAST(dir AS VARCHAR) AS dir) FROM '${dir.join("old.parquet")}')
      TO '${folder}/${name}' (FORMAT parquet)`,
    );
  });
  await assert.rejects(
    importInto(dir.join("a.duckdb"), folder),
    (error) =>
      error instanceof UserError && /timings_2025-09-27\.parquet: its columns/.test(error.message),
  );
});

const RIGHTS = ["-A", "--quiet"];

/** Lines after which an import is killed, one after another: each a little further on. */
const KILLED_AT = [
  /^Detected:/,
  /^\d.* rows, /,
  /^[1-9]\d\.\d %/,
  /^[3-9]\d\.\d %/,
  /^[6-9]\d\.\d %/,
];

Deno.test("killed again and again, it goes on where it was; nothing is lost or doubled", async () => {
  await using dir = await tempDir();
  const [folder, path] = [dir.join("daily"), dir.join("a.duckdb")];
  const observed = observe({ messages: 800, repeats: true, days: 2, seed: 3 });
  await writeDaily(folder, observed);
  const args = ["import", "--from", folder, "--archive", path, "--rows-per-commit", "100"];
  for (const moment of KILLED_AT) {
    await using program = startProgram("archiver/main.ts", args, RIGHTS);
    await program.waitForLine(moment, { timeoutMilliseconds: 60_000 });
    await program.kill();
    assert.ok(!program.lines.some((line) => line.startsWith("import: ")), "it was done before");
    await assertSound(path);
  }
  await using last = startProgram("archiver/main.ts", args, RIGHTS);
  assert.equal((await last.wait(60_000)).code, 0, last.lines.join("\n"));
  assert.match(last.lines.at(-1)!, /^import: finished counts=fit/);
  await assertHolds(path, observed);
  await using again = startProgram("archiver/main.ts", args, RIGHTS);
  assert.equal((await again.wait(60_000)).code, 0);
  assert.match(again.lines.at(-1)!, /nothing new: .* already has all of it/);
});

Deno.test("a dry run tells and writes nothing; a held archive and a missing --from are refused", async () => {
  await using dir = await tempDir();
  const [export_, path] = [dir.join("export"), dir.join("a.duckdb")];
  await writeExport(export_, observe());
  const run = async (...args: string[]) => {
    await using program = startProgram("archiver/main.ts", ["import", ...args], RIGHTS);
    const { code } = await program.wait(60_000);
    return { code, text: program.lines.join("\n") };
  };
  const dry = await run("--from", export_, "--archive", path, "--dry-run");
  assert.equal(dry.code, 0, dry.text);
  assert.match(dry.text, /timings of collector 1: \d+ came in, 2025-09-26 .*\n/);
  await assert.rejects(Deno.stat(path), Deno.errors.NotFound);

  assert.match((await run("--help")).text, /dir: only incoming rows \(1\) are receipts/);
  assert.match((await run()).text, /--from is required/);
  await onArchive(path, async () => {
    const held = await run("--from", export_, "--archive", path);
    assert.equal(held.code, 2);
    assert.match(held.text, /^Cannot open archive .*: process \d+ .* holds it/m);
  });
});
