/** Snapshots of an archive that is being written. */
import assert from "node:assert/strict";
import { Snapshots } from "../../archiver/snapshots/snapshots.ts";
import { Database } from "../../archiver/store/database.ts";
import { Refusal } from "../../shared/errors.ts";
import { encodeBatch } from "../../shared/batch/codec.ts";
import { systemClock } from "../../shared/clock.ts";
import { archiveRows } from "../support/fixtures/archive_check.ts";
import { BatchMaker, plainMessage } from "../support/fixtures/batch_maker.ts";
import { freePort } from "../support/servers/free_port.ts";
import { startProgram } from "../support/servers/process.ts";
import { openArchive } from "../support/fixtures/archive.ts";
import { tokenHeader } from "../support/servers/programs.ts";
import { tempDir } from "../support/temp_dir.ts";

async function run(...args: string[]) {
  await using program = startProgram("archiver/main.ts", args, ["-A", "--quiet"]);
  const { code } = await program.wait();
  return { code, lines: program.lines };
}

async function names(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir(folder)) found.push(name);
  return found.sort();
}

/** An archive with so many receipts that a copy takes a while. */
async function openBigArchive(path: string): Promise<Database> {
  const database = await Database.open({ path, memoryLimitBytes: 2 ** 28, threads: 1 });
  await database.writing.run(
    "INSERT INTO hot_receipts SELECT make_timestamptz(range * 7919), range % 100003, range % 997, 1, false, false " +
      "FROM range(2000000)",
  );
  return database;
}

Deno.test("a snapshot taken while batches come is whole and sound, and the archive goes on", async () => {
  await using dir = await tempDir();
  const port = freePort();
  const config = dir.join("a.yaml");
  const folder = dir.join("copies");
  await Deno.writeTextFile(
    config,
    `archive: ${
      dir.join("a 'b.duckdb")
    }\napi: {port: ${port}}\nsnapshots: {folder: ${folder}, max_files: 1}\n`,
  );
  await using archiver = startProgram("archiver/main.ts", ["--config", config], ["-A"]);
  await archiver.waitForLine(/Archiving into/);

  const headers = await tokenHeader(dir.path);
  const maker = new BatchMaker("alpha");
  const session = maker.session(1);
  let posting = true;
  let posted = 0;
  const post = async () => {
    for (let message = 0; message < 3; message++) {
      const number = maker.message(plainMessage(message + posted));
      maker.receipt(maker.epoch + posted, number, session);
    }
    const body = encodeBatch(maker.close());
    const answer = await fetch(`http://127.0.0.1:${port}/batches`, {
      method: "POST",
      body,
      headers,
    });
    assert.equal((await answer.json()).status, "committed");
    posted += 3;
  };
  await post();
  const before = posted;
  const poster = (async () => {
    while (posting) await post();
  })();
  const { code, lines } = await run("snapshot", "--config", config);
  posting = false;
  await poster;
  assert.equal(code, 0, lines.join("\n"));
  const [path] = lines;
  assert.deepEqual(await names(folder), [path.slice(folder.length + 1)]);
  const verified = await run("verify", "--strict", "--archive", path);
  assert.equal(verified.code, 0, verified.lines.join("\n"));
  const [{ receipts }] = await archiveRows(
    path,
    "SELECT count(*)::INTEGER AS receipts FROM receipts",
  );
  assert.ok(Number(receipts) >= before && Number(receipts) <= posted, `${receipts} of ${posted}`);
  const views = await archiveRows(path, "SELECT count(*)::INTEGER AS n FROM compat.timings");
  assert.deepEqual(views, [{ n: 0 }]);

  const full = await run("snapshot", "--config", config);
  assert.equal(full.code, 2);
  assert.match(
    full.lines.join("\n"),
    /^Cannot make a snapshot: .* holds 1 snapshots, .* delete one$/,
  );
  await post();
  assert.equal((await archiver.terminate()).code, 0);
  const whole = await run("verify", "--strict", "--config", config);
  assert.equal(whole.code, 0, whole.lines.join("\n"));
});

Deno.test("one snapshot at a time; one that is cut off leaves nothing, and the next clears up", async () => {
  await using dir = await tempDir();
  const folder = dir.join("copies");
  await using database = disposable(await openBigArchive(dir.join("a.duckdb")));
  const options = { folder, maxFiles: 9 };
  const store = { snapshot: (path: string) => database.value.snapshot(path) };
  const snapshots = new Snapshots(options, { store, clock: systemClock });

  const first = snapshots.take();
  await assert.rejects(snapshots.take(), Refusal);
  const { path, bytes } = await first;
  assert.equal((await Deno.stat(path)).size, bytes);

  // As a killed process leaves it.
  await Deno.writeTextFile(`${folder}/x.duckdb.partial`, "x");
  await Deno.writeTextFile(`${folder}/x.duckdb.partial.wal`, "x");
  const second = snapshots.take();
  const cutOff = assert.rejects(second, /stopped|Interrupt/i);
  while (
    !(await names(folder)).some((name) => name.includes(".partial") && !name.startsWith("x"))
  ) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await database.value.stopBeside();
  await cutOff;
  assert.deepEqual((await names(folder)).map((name) => `${folder}/${name}`), [path]);
  const third = await snapshots.take();
  const sum = "SELECT count(*)::INTEGER AS n, sum(message_id)::BIGINT AS sum FROM receipts";
  assert.deepEqual(await archiveRows(third.path, sum), await database.value.read(sum));
});

Deno.test("an archive closes while a snapshot is being taken, and is whole", async () => {
  await using dir = await tempDir();
  const path = dir.join("a.duckdb");
  const database = await openBigArchive(path);
  const ended = assert.rejects(database.snapshot(dir.join("copy.duckdb")), /stopped|Interrupt/i);
  await database.close();
  await ended;
  await assert.rejects(database.snapshot(dir.join("late.duckdb")));
  const [{ n }] = await archiveRows(path, "SELECT count(*)::INTEGER AS n FROM receipts");
  assert.equal(n, 2_000_000);
  await using store = await openArchive(path);
  await store[Symbol.asyncDispose]();
  await assert.rejects(store.snapshot(dir.join("later.duckdb")), /not open/);
});

function disposable(value: Database) {
  return { value, [Symbol.asyncDispose]: () => value.close() };
}
