/** Archives with cold days: verified, read, copied, moved. */
import type { DuckDBConnection } from "@duckdb/node-api";
import assert from "node:assert/strict";
import { CHECKS } from "../../archiver/verify/checks.ts";
import { openArchive as openReader } from "../../query_results/archive/open.ts";
import { UserError } from "../../shared/errors.ts";
import { onArchive, rows } from "../support/fixtures/archive.ts";
import { BatchMaker, plainMessage } from "../support/fixtures/batch_maker.ts";
import {
  at,
  contents,
  filesIn,
  fillDay,
  FIRST_DAY,
  openDays,
} from "../support/fixtures/day_archive.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const DROP = { day: null, drop: "hot", apply: true } as const;
const RECEIPTS = "days/receipts/2025/09/26/receipts_2025-09-26.parquet";

/** Closes the archive after two days went cold. */
async function coldArchive(dir: TempDir): Promise<string[]> {
  await using archive = await openDays(dir, { keep_files: 2 * 86_400_000 });
  for (const day of [0, 1, 3]) await fillDay(archive, day);
  await archive.days.run(DROP);
  return await contents(archive.store);
}

/** The claims that do not hold. */
async function contradictions(connection: DuckDBConnection): Promise<string[]> {
  const claims: string[] = [];
  for (const { kind, claim, look } of CHECKS) {
    if (kind === "contradiction" && (await look(connection)).misfits > 0) claims.push(claim);
  }
  return claims;
}

Deno.test("an archive with cold days and dropped files fits, and what is altered is found", async () => {
  await using dir = await tempDir();
  await coldArchive(dir);
  {
    await using archive = await openDays(dir, { keep_files: 3 * 86_400_000 });
    const [line] = await archive.days.run({ day: null, drop: "files", apply: true });
    assert.equal(line.action, "dropped from disk");
  }
  await onArchive(dir.join("a.duckdb"), async (connection) => {
    assert.deepEqual(await contradictions(connection), []);
    for (
      const [sql, claim] of [
        ["DELETE FROM day_file_receipts", /each collector has as many receipts/],
        ["UPDATE day_files SET sha256 = repeat('0', 64)", /each day's file agrees/],
        ["UPDATE day_files SET row_count = row_count + 1", /as many rows as/],
        ["DELETE FROM cold_messages WHERE message_id = 1", /as many rows as/],
        ["INSERT INTO cold_messages SELECT * FROM cold_messages LIMIT 1", /same message_id/],
        [
          "INSERT INTO hot_receipts SELECT * FROM receipts LIMIT 1",
          /each collector has as many receipts/,
        ],
        ["INSERT INTO message_changes VALUES (99, 'valid', NULL)", /message_changes: each/],
      ] as const
    ) {
      await connection.run("BEGIN");
      await connection.run(sql);
      const found = await contradictions(connection);
      assert.ok(found.some((failed) => claim.test(failed)), `${sql}: ${found}`);
      await connection.run("ROLLBACK");
    }
  });
  const parquet = dir.join(RECEIPTS.replaceAll("26", "27"));
  const bytes = await Deno.readFile(parquet);
  bytes[30] ^= 1;
  await Deno.writeFile(parquet, bytes);
  const check = CHECKS.find(({ claim }) => claim.startsWith("each day's file agrees"))!;
  await onArchive(dir.join("a.duckdb"), async (connection) => {
    const { misfits, details } = await check.look(connection);
    assert.equal(misfits, 1);
    assert.match(details![0], /receipts_2025-09-27.parquet: the file has another SHA-256/);
  });
});

Deno.test("readers say in one line which files are missing", async () => {
  await using dir = await tempDir();
  await coldArchive(dir);
  await Deno.rename(dir.join(RECEIPTS), dir.join("elsewhere"));
  const path = dir.join("a.duckdb");
  await assert.rejects(() => openReader(path), (error: Error) => {
    assert.ok(error instanceof UserError);
    assert.ok(
      error.message.startsWith(
        `Cannot open archive ${path}: one file of its days is missing, such as ${
          dir.join(RECEIPTS)
        }; `,
      ),
      error.message,
    );
    return true;
  });
});

Deno.test("an archiver whose files are missing goes on, says so, and reads them again when they are back", async () => {
  await using dir = await tempDir();
  const before = await coldArchive(dir);
  await Deno.rename(dir.join("days"), dir.join("away"));
  {
    await using archive = await openDays(dir, {}, { maker: new BatchMaker("beta", FIRST_DAY) });
    assert.equal(archive.days.progress().unreadable.missing.length, 4);
    await assert.rejects(contents(archive.store), /No files found/);
    const session = archive.maker.session(5);
    archive.maker.receipt(at(4, 1), archive.maker.message(plainMessage(77)), session);
    await archive.store.commit([archive.maker.close()]);
  }
  // The folder is found where the config says it is now.
  await using archive = await openDays(dir, { folder: dir.join("away") });
  assert.deepEqual(archive.days.progress().unreadable, { missing: [], damaged: [] });
  const after = await contents(archive.store);
  assert.ok(before.every((line) => after.includes(line)));
  assert.equal(after.length, before.length + 2);
  const paths = await rows(archive.store, "SELECT path FROM day_files WHERE state = 'cold'");
  assert.ok(paths.every(({ path }) => String(path).startsWith(dir.join("away"))), String(paths));
});

Deno.test("a copy of an archive with cold days reads the same files, as long as they are there", async () => {
  await using dir = await tempDir();
  const before = await coldArchive(dir);
  await using archive = await openDays(dir, { keep_files: 2 * 86_400_000 });
  const copy = dir.join("copy.duckdb");
  await archive.store.snapshot(copy);
  const count = async () => {
    using reader = await openReader(copy);
    const found = await reader.connection.runAndReadAll("SELECT count(*) FROM receipts");
    return Number(found.getRows()[0][0]);
  };
  assert.equal(await count(), before.filter((line) => !line.startsWith("{")).length);
  await archive.days.run({ day: null, drop: "files", apply: true });
  await assert.rejects(count, /2 files of its days are missing/);
});

Deno.test("half-written files are removed; a file that the archive does not list stays as it is", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(dir.join("days/receipts/2025/09/26"), { recursive: true });
  await Deno.writeTextFile(dir.join(`${RECEIPTS}.partial`), "half");
  await Deno.writeTextFile(dir.join(RECEIPTS), "another archive's");
  await using archive = await openDays(dir);
  assert.deepEqual(await filesIn(dir.join("days")), [RECEIPTS.slice("days/".length)]);
  await fillDay(archive, 0);
  await archive.days.run(DROP);
  assert.equal(await Deno.readTextFile(dir.join(RECEIPTS)), "another archive's");
  const [{ path }] = await rows(
    archive.store,
    "SELECT path FROM day_files WHERE table_name = 'receipts'",
  );
  assert.equal(path, dir.join(RECEIPTS.replace(".parquet", ".1.parquet")));
});

Deno.test("numbers of an epoch that ended whole are forgotten once its messages are cold", async () => {
  await using dir = await tempDir();
  await using archive = await openDays(dir);
  const { maker, store, days } = archive;
  await fillDay(archive, 0);
  await fillDay(archive, 4);
  const numbers = async () => (await rows(store, "SELECT count(*) AS n FROM message_numbers"))[0].n;
  await days.run(DROP);
  assert.equal(await numbers(), 10, "the epoch goes on");
  maker.event({ kind: "run_ended", at: at(4, 100), receipts: maker.stamped });
  await store.commit([maker.close()]);
  await days.run(DROP);
  assert.equal(await numbers(), 5);
});
