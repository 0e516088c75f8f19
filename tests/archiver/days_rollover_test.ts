/** Finished days into Parquet, and out of the hot store. */
import assert from "node:assert/strict";
import type { RolloverLine } from "../../archiver/days/rollover.ts";
import { SUMMARY_NAMES } from "../../query_results/archive/summaries.ts";
import { rows } from "../support/fixtures/archive.ts";
import { plainMessage } from "../support/fixtures/batch_maker.ts";
import {
  at,
  contents,
  type DayArchive,
  filesIn,
  fillDay,
  openDays,
} from "../support/fixtures/day_archive.ts";
import { tempDir } from "../support/temp_dir.ts";

const COPY = { day: null, drop: null, apply: false } as const;
const DROP = { day: null, drop: "hot", apply: true } as const;

const told = (lines: readonly RolloverLine[]) =>
  lines.map(({ action, table, day, part, rows }) => [action, table, day, part, rows].join(" "));

async function hotRows({ store }: DayArchive): Promise<unknown> {
  const [counts] = await rows(
    store,
    "SELECT (SELECT count(*) FROM hot_receipts) AS receipts, (SELECT count(*) FROM hot_messages) AS messages",
  );
  return counts;
}

Deno.test("finished days are copied with their manifests; the day that goes on, and its messages, are not", async () => {
  await using dir = await tempDir();
  await using archive = await openDays(dir);
  for (const day of [0, 1, 4]) await fillDay(archive, day);
  const before = await contents(archive.store);
  assert.deepEqual(told(await archive.days.run(COPY)), [
    "copied receipts 2025-09-26 0 15",
    "copied receipts 2025-09-27 0 15",
    "copied messages 2025-09-26 0 5",
    "copied messages 2025-09-27 0 5",
    "summarised summaries 2025-09-26 0 5",
    "summarised summaries 2025-09-27 0 5",
  ]);
  assert.deepEqual(await filesIn(dir.join("days")), [
    ...[...SUMMARY_NAMES, "messages", "receipts"].sort().flatMap((table) =>
      ["26", "27"].flatMap((day) =>
        ["json", "parquet"].map((end) => `${table}/2025/09/${day}/${table}_2025-09-${day}.${end}`)
      )
    ),
  ]);
  assert.deepEqual(await contents(archive.store), before);
  assert.deepEqual(told(await archive.days.run(COPY)), [], "once is enough");
  assert.deepEqual(await hotRows(archive), { receipts: 45, messages: 15 });
});

Deno.test("a day's rows leave the hot store, and no query notices", async () => {
  await using dir = await tempDir();
  await using archive = await openDays(dir);
  for (const day of [0, 1, 2, 3, 4]) await fillDay(archive, day);
  const before = await contents(archive.store);
  const types =
    "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name IN ('receipts', 'messages')";
  const typed = await rows(archive.store, types);
  const commented = "SELECT table_name, column_name, comment FROM duckdb_columns() ORDER BY ALL";
  const comments = await rows(archive.store, commented);

  const dry = await archive.days.run({ ...DROP, apply: false });
  assert.deepEqual(told(dry).filter((line) => line.startsWith("would")), [
    ...["receipts", "messages"].flatMap((table) =>
      ["26", "27", "28"].map((day) =>
        `would drop from hot ${table} 2025-09-${day} 0 ${table === "receipts" ? 15 : 5}`
      )
    ),
  ]);
  assert.deepEqual(await hotRows(archive), { receipts: 75, messages: 25 });

  const lines = await archive.days.run(DROP);
  assert.equal(told(lines).filter((line) => line.startsWith("dropped from hot")).length, 6);
  assert.deepEqual(await hotRows(archive), { receipts: 30, messages: 10 });
  assert.deepEqual(await contents(archive.store), before);
  assert.deepEqual(await rows(archive.store, types), typed);
  assert.deepEqual(await rows(archive.store, commented), comments);
});

Deno.test("a cold message keeps its id, takes verdicts and earlier receipts, and is found by its hash", async () => {
  await using dir = await tempDir();
  let maker;
  {
    await using archive = await openDays(dir);
    maker = archive.maker;
    await fillDay(archive, 0);
    await archive.days.run(DROP);
    assert.deepEqual(await hotRows(archive), { receipts: 0, messages: 0 });
  }
  await using archive = await openDays(dir, {}, { maker });
  const { store } = archive;
  const before = await rows(store, "SELECT message_id, verdict, sha256 FROM messages ORDER BY ALL");
  // 0 and 1 are heard again under new numbers, 1 earlier than ever; so is one that nobody knows.
  const session = maker.session(9);
  const [again, earlier, fresh] = [0, 1, 999].map((seed) => maker.message(plainMessage(seed)));
  maker.receipt(at(3, 1), again, session);
  maker.receipt(at(0, 1), earlier, session);
  maker.receipt(at(3, 2), fresh, session);
  maker.verdict(again, "invalid");
  maker.verdict(earlier, "valid");
  await store.commit([maker.close()]);
  const after = await rows(
    store,
    `SELECT message_id, verdict, epoch_us(first_seen) - ${at(0, 0)} AS first FROM messages
    WHERE message_id IN (1, 2, 6) ORDER BY message_id`,
  );
  assert.equal(before.length, 5);
  assert.deepEqual(after.map(({ message_id, verdict }) => [message_id, verdict]), [
    [1, "valid"],
    [2, "valid"],
    [6, "unchecked"],
  ]);
  assert.equal(after[1].first, 1_000_000);
  const [{ twins }] = await rows(
    store,
    "SELECT count(*) - count(DISTINCT sha256) AS twins FROM messages",
  );
  assert.equal(twins, 0);
  const whole = await contents(store);
  await archive.days.run(DROP);
  assert.deepEqual(await contents(store), whole);
});

Deno.test("what comes late of a cold day is a further part; of a copied one it is copied again", async () => {
  await using dir = await tempDir();
  await using archive = await openDays(dir);
  await fillDay(archive, 0);
  await fillDay(archive, 3);
  await archive.days.run(DROP);
  await fillDay(archive, 0, 2); // the same two messages from the same peers once more, told again
  await fillDay(archive, 3, 2);
  const before = await contents(archive.store);
  assert.deepEqual(told(await archive.days.run(DROP)), [
    "copied receipts 2025-09-26 1 6",
    "copied again receipts 2025-09-29 0 21",
    "summarised summaries 2025-09-26 0 5",
    "summarised summaries 2025-09-29 0 5",
    "dropped from hot receipts 2025-09-26 1 6",
  ]);
  assert.deepEqual(await contents(archive.store), before);
  assert.ok(
    (await filesIn(dir.join("days"))).includes("receipts/2025/09/26/receipts_2025-09-26.1.parquet"),
  );
});

Deno.test("what differs is never dropped, but copied again first", async () => {
  await using dir = await tempDir();
  await using archive = await openDays(dir);
  await fillDay(archive, 0);
  await archive.days.run(COPY);
  const before = await contents(archive.store);
  const parquet = dir.join("days/receipts/2025/09/26/receipts_2025-09-26.parquet");
  const bytes = await Deno.readFile(parquet);
  bytes[bytes.length >> 1] ^= 1;
  await Deno.writeFile(parquet, bytes);
  const manifest = dir.join("days/messages/2025/09/26/messages_2025-09-26.json");
  await Deno.writeTextFile(manifest, "{}");
  const dry = await archive.days.run({ ...DROP, apply: false });
  assert.deepEqual(told(dry), ["kept receipts 2025-09-26 0 15", "kept messages 2025-09-26 0 5"]);
  assert.match(dry[0].reason!, /the file has another SHA-256/);
  assert.match(dry[1].reason!, /is not a manifest/);
  const lines = await archive.days.run(DROP);
  assert.deepEqual(told(lines), [
    "copied again receipts 2025-09-26 0 15",
    "dropped from hot receipts 2025-09-26 0 15",
    "copied again messages 2025-09-26 0 5",
    "dropped from hot messages 2025-09-26 0 5",
  ]);
  assert.deepEqual(await contents(archive.store), before);
});

Deno.test("two receipts that swap their messages are told apart", async () => {
  await using dir = await tempDir();
  await using archive = await openDays(dir);
  await fillDay(archive, 0);
  await archive.days.run(COPY);
  await archive.store.change(async (connection) => {
    await connection.run(
      "UPDATE hot_receipts SET message_id = 3 - message_id WHERE message_id IN (1, 2)",
    );
  });
  const [line] = await archive.days.run({ ...DROP, apply: false });
  assert.match(line.reason!, /values that go together otherwise/);
});

Deno.test("a day of more rows than a file may have becomes several files", async () => {
  await using dir = await tempDir();
  await using archive = await openDays(dir, { memoryLimitBytes: 7 * 32 });
  await fillDay(archive, 0);
  const before = await contents(archive.store);
  const lines = await archive.days.run(DROP);
  assert.deepEqual(told(lines).slice(0, 3), [
    "copied receipts 2025-09-26 0 7",
    "copied receipts 2025-09-26 1 7",
    "copied receipts 2025-09-26 2 1",
  ]);
  assert.deepEqual(await hotRows(archive), { receipts: 0, messages: 0 });
  assert.deepEqual(await contents(archive.store), before);
});

Deno.test("receipts are dropped from disk when told so, and their messages stay", async () => {
  await using dir = await tempDir();
  await using archive = await openDays(dir, { keep_files: 2 * 86_400_000 });
  for (const day of [0, 1, 2]) await fillDay(archive, day);
  await archive.days.run(DROP);
  const FILES = { day: null, drop: "files", apply: true } as const;
  const dry = told(await archive.days.run({ ...FILES, apply: false }));
  assert.deepEqual(dry, [
    "would drop from disk receipts 2025-09-26 0 15",
    "would drop from disk receipts 2025-09-27 0 15",
  ]);
  const parquet = dir.join("days/receipts/2025/09/27/receipts_2025-09-27.parquet");
  const bytes = await Deno.readFile(parquet);
  bytes[30] ^= 1; // in the first rows: the schema at the end must stay readable
  await Deno.writeFile(parquet, bytes);
  assert.deepEqual(told(await archive.days.run(FILES)), [
    "dropped from disk receipts 2025-09-26 0 15",
    "kept receipts 2025-09-27 0 15",
  ]);
  assert.ok(
    !(await filesIn(dir.join("days"))).some((name) => name.startsWith("receipts/2025/09/26")),
  );
  const [{ messages }] = await rows(archive.store, "SELECT count(*) AS messages FROM messages");
  assert.equal(messages, 15);
  const [{ states }] = await rows(
    archive.store,
    "SELECT string_agg(state, ' ' ORDER BY day) AS states FROM day_files WHERE table_name = 'receipts'",
  );
  assert.equal(states, "dropped cold cold");
});

Deno.test("a message that a commit changes at the last moment is not dropped with its old verdict", async () => {
  await using dir = await tempDir();
  let commit: (() => Promise<unknown>) | null = null;
  await using archive = await openDays(dir, {}, {
    onStep(step) {
      if (step !== "drop hot: keys kept" || commit === null) return;
      void commit(); // it is done before the change that would drop the rows
      commit = null;
    },
  });
  await fillDay(archive, 0);
  const { maker, store } = archive;
  maker.verdict(1, "valid");
  const batch = maker.close();
  commit = () => store.commit([batch]);
  assert.deepEqual(told(await archive.days.run(DROP)), [
    "copied receipts 2025-09-26 0 15",
    "copied messages 2025-09-26 0 5",
    "summarised summaries 2025-09-26 0 5",
    "dropped from hot receipts 2025-09-26 0 15",
    "copied again messages 2025-09-26 0 5",
    "dropped from hot messages 2025-09-26 0 5",
  ]);
  const [{ verdict }] = await rows(store, "SELECT verdict FROM messages WHERE message_id = 2");
  assert.equal(verdict, "valid");
});
