/** Cold messages as the writer knows them. */
import { createHash } from "node:crypto";
import assert from "node:assert/strict";
import { addAllKeys, findCold, shaKey, shaKeySql } from "../../archiver/store/cold.ts";
import { KeyFilter } from "../../archiver/store/key_filter.ts";
import { ArchiveState } from "../../archiver/store/state.ts";
import type { Store } from "../../archiver/store/store.ts";
import { seededRandom } from "../../shared/random.ts";
import { rows } from "../support/fixtures/archive.ts";
import { BatchMaker, plainMessage } from "../support/fixtures/batch_maker.ts";
import { at, fillDay, FIRST_DAY, openDays } from "../support/fixtures/day_archive.ts";
import { tempDir } from "../support/temp_dir.ts";

const DROP = { day: null, drop: "hot", apply: true } as const;
const sha256 = (seed: number) =>
  new Uint8Array(createHash("sha256").update(plainMessage(seed)).digest());

Deno.test("keys are the same in SQL, and a filter of all has hot ones and cold ones", async () => {
  await using dir = await tempDir();
  await using archive = await openDays(dir);
  await fillDay(archive, 0, 50);
  await archive.days.run(DROP);
  await fillDay(archive, 4, 50);
  const seeds = [...Array(50).keys()].flatMap((i) => [i, 4000 + i]);
  const found = await archive.store.read(
    `SELECT sha_key FROM cold_messages UNION ALL SELECT ${shaKeySql("sha256")} FROM hot_messages`,
  );
  const keys = (values: unknown[]) => values.map(Number).sort((a, b) => a - b);
  assert.deepEqual(
    keys(found.map(({ sha_key }) => sha_key)),
    keys(seeds.map((seed) => shaKey(sha256(seed)))),
  );
  const filter = new KeyFilter(1);
  await archive.store.beside((connection) => addAllKeys(connection, filter));
  const has = (seed: number) => {
    const view = new DataView(sha256(seed).buffer);
    return filter.mayHave(view.getUint32(0), view.getUint32(4));
  };
  assert.ok(seeds.every(has));
  assert.ok(!has(99_999));
});

Deno.test("two messages with the same key are two messages, wherever they are", async () => {
  await using dir = await tempDir();
  await using archive = await openDays(dir);
  await fillDay(archive, 0, 2);
  await archive.days.run(DROP);
  const { store } = archive;
  // As if the cold one had the key of a message that comes now.
  const key = shaKey(sha256(7));
  await store.change((connection) =>
    connection.run("UPDATE cold_messages SET sha_key = $1 WHERE message_id = 1", [key]).then(
      () => {},
    )
  );
  await archive[Symbol.asyncDispose]();
  const maker = new BatchMaker("beta", FIRST_DAY);
  await using again = await openDays(dir, {}, { maker });
  maker.receipt(at(4, 1), maker.message(plainMessage(7)), maker.session(1));
  await again.store.commit([maker.close()]);
  const ids = await rows(again.store, "SELECT message_id FROM messages ORDER BY message_id");
  assert.deepEqual(ids.map(({ message_id }) => message_id), [1, 2, 3]);
});

Deno.test("an index that forgets finds hot and cold messages again by looking, and never doubles one", async () => {
  await using dir = await tempDir();
  await using archive = await openDays(dir, {}, { indexedMessages: 8 });
  await fillDay(archive, 0, 40);
  await archive.days.run(DROP);
  await fillDay(archive, 4, 40);
  const maker = new BatchMaker("beta", FIRST_DAY);
  const session = maker.session(1);
  for (let i = 0; i < 40; i++) {
    maker.receipt(at(4, 200 + i), maker.message(plainMessage(i)), session);
    maker.receipt(at(4, 300 + i), maker.message(plainMessage(4000 + i)), session);
  }
  await archive.store.commit([maker.close()]);
  const [counts] = await rows(
    archive.store,
    "SELECT count(*) AS messages, count(DISTINCT sha256) AS distinct_ones FROM messages",
  );
  assert.deepEqual(counts, { messages: 80, distinct_ones: 80 });
});

Deno.test("messages of more files than are opened at once are found, each in its own", async () => {
  await using dir = await tempDir();
  await using archive = await openDays(dir);
  const { store } = archive;
  await fillDay(archive, 0, 20);
  await archive.days.run(DROP);
  // As if each of them had come on a day of its own.
  await store.beside(async (connection) => {
    const whole = "SELECT file_id FROM day_files WHERE table_name = 'messages' AND part = 0";
    for (let id = 1; id <= 20; id++) {
      const path = dir.join(`${id}.parquet`);
      await connection.run(
        `COPY (SELECT * FROM messages WHERE message_id = ${id}) TO '${path}' (FORMAT parquet)`,
      );
      await connection.run(
        `INSERT INTO day_files SELECT * REPLACE (100 + ${id} AS file_id, ${id} AS part, '${path}' AS path)
        FROM day_files WHERE file_id = (${whole})`,
      );
      await connection.run(
        `UPDATE cold_messages SET file_id = 100 + ${id} WHERE message_id = ${id}`,
      );
    }
  });
  const known = await rows(store, "SELECT message_id, hex(sha256) AS sha256 FROM messages");
  const wanted = [...Array(25).keys()].map(sha256);
  const found = await store.beside((connection) => findCold(connection, wanted));
  assert.equal(found.size, 20);
  for (const { message_id, sha256 } of known) {
    assert.equal(found.get(String(sha256).toLowerCase()), message_id);
  }
  await Deno.truncate(dir.join("18.parquet"));
  await assert.rejects(
    store.beside((connection) => findCold(connection, wanted)),
    /^Error: cannot read .*\.parquet or one of 3 more: .*18\.parquet/,
  );
});

Deno.test("after a commit that failed, keys are not read again, and no message is doubled", async () => {
  await using dir = await tempDir();
  await using archive = await openDays(dir, {}, { indexedMessages: 8 });
  const { store } = archive;
  await fillDay(archive, 0, 20);
  await archive.days.run(DROP);
  await fillDay(archive, 4, 20);
  const nonsense = store.change((connection) => connection.run("SELECT nonsense").then(() => {}));
  await assert.rejects(nonsense, /nonsense/);
  const maker = new BatchMaker("beta", FIRST_DAY);
  for (const seed of [0, 19, 4000, 4019, 5000]) {
    maker.receipt(at(4, 500), maker.message(plainMessage(seed)), maker.session(1));
  }
  await store.commit([maker.close()]);
  const [{ messages }] = await rows(store, "SELECT count(*) AS messages FROM messages");
  assert.equal(messages, 41);

  const load = (keys: KeyFilter | null) =>
    store.beside((connection) => ArchiveState.load(connection, seededRandom(1), 8, keys));
  const keys = new KeyFilter(1);
  const kept = await load(keys);
  assert.equal(kept.messages.all, keys);
  assert.ok(!kept.messages.mayBeArchived(sha256(0)), "it was not read");
  assert.ok((await load(null)).messages.mayBeArchived(sha256(0)));
});

Deno.test("keys that were kept for messages that stayed hot are forgotten at the next start", async () => {
  await using dir = await tempDir();
  const keys = async ({ store }: { store: Store }) =>
    (await rows(store, "SELECT file_id, count(*) AS n FROM cold_messages GROUP BY file_id"))
      .map(({ n }) => n);
  {
    let passes = 0;
    await using archive = await openDays(dir, {}, {
      onStep(step) {
        if (step === "drop hot: keys kept" && ++passes === 2) throw new Error("on purpose");
      },
    });
    await fillDay(archive, 0, 4);
    await fillDay(archive, 1, 7);
    await assert.rejects(archive.days.run(DROP), /on purpose/);
    assert.deepEqual((await keys(archive)).sort(), [4, 7]);
  }
  await using archive = await openDays(dir);
  assert.deepEqual(await keys(archive), [4]);
});
