import assert from "node:assert/strict";
import { encodeBatch } from "../../shared/batch/codec.ts";
import { openArchive, receiptLines, rows } from "../support/fixtures/archive.ts";
import { BatchMaker } from "../support/fixtures/batch_maker.ts";
import { expectedReceipts, observe, writeExport } from "../support/fixtures/foreign_source.ts";
import { startProcess, startProgram } from "../support/servers/process.ts";
import { canMount, smallDisk } from "../support/small_disk.ts";
import { tokenHeader } from "../support/servers/programs.ts";
import { tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

const ROOT: URL = new URL("../../", import.meta.url);
const MIB = 1024 * 1024;
/** Of incompressible messages in one batch: the archive grows by as much. */
const BATCH_MESSAGES = 100;
const MESSAGE_BYTES = 5000;

/**
 * A disk that fills up, and has room again: the largest file the archiver may write is limited, as a quota would, and
 * the limit then lifted while it runs.
 */
async function fillUp(limitMebibytes: number, batches: number): Promise<void> {
  await using dir = await tempDir();
  const path = dir.join("a.duckdb");
  const config = dir.join("a.yaml");
  await Deno.writeTextFile(config, `archive: ${path}\napi: {port: 0}\ncommit: {max_wait: 1ms}\n`);
  const command = `trap '' XFSZ; ulimit -S -f ${limitMebibytes * 1024}; exec deno run -A ` +
    `archiver/main.ts --config ${config}`;
  await using archiver = startProcess("bash", ["-c", command], { cwd: ROOT });
  const line = await archiver.waitForLine(/API at/);
  const url = line.match(/http:\/\/127\.0\.0\.1:\d+/)![0];
  const health = async () => {
    const response = await fetch(`${url}/healthz`);
    return { status: response.status, text: await response.text() };
  };

  const headers = await tokenHeader(dir.path);
  const maker = new BatchMaker();
  const session = maker.session(1);
  let answered = 0;
  const post = async () => {
    for (let i = 0; i < batches; i++) {
      for (let k = 0; k < BATCH_MESSAGES; k++) {
        const message = maker.message(crypto.getRandomValues(new Uint8Array(MESSAGE_BYTES)));
        maker.receipt(maker.epoch + i * 1_000_000 + k, message, session);
      }
      const body = encodeBatch(maker.close());
      const response = await fetch(`${url}/batches`, { method: "POST", body, headers });
      assert.equal(response.status, 200, await response.text());
      answered++;
    }
  };
  const posting = post();
  await until(async () => (await health()).status === 503);
  const before = answered;
  assert.ok(before < batches);
  assert.match((await health()).text, /commits fail: .*(File too large|No space left)/);
  await archiver.waitForLine(/Cannot commit, acknowledging nothing/);
  assert.equal(answered, before, "what is not committed is not acknowledged");
  // What is in the archive can still be read.
  await until(async () => {
    const response = await fetch(`${url}/status`);
    const { failure } = await response.json();
    return response.status === 200 && failure !== null;
  });

  const lift = ["--pid", String(archiver.pid), "--fsize=unlimited"];
  assert.ok((await new Deno.Command("prlimit", { args: lift }).output()).success);
  await posting;
  assert.equal((await health()).status, 200);
  assert.equal((await archiver.terminate()).code, 0);
  await using store = await openArchive(path);
  const lines = await receiptLines(store);
  assert.equal(lines.length, batches * BATCH_MESSAGES);
  assert.equal(new Set(lines).size, lines.length);
  assert.deepEqual(await rows(store, "SELECT * FROM gaps"), []);
}

Deno.test("a full disk while a commit is logged: nothing is acknowledged, then it goes on by itself", async () => {
  await fillUp(2, 8);
});

Deno.test("a full disk while a checkpoint is written: nothing is doubled, then it goes on by itself", async () => {
  // DuckDB checkpoints when its log has 16 MB: the first file of that size fits, the second does not.
  await fillUp(20, Math.ceil(36 * MIB / (BATCH_MESSAGES * MESSAGE_BYTES)));
});

/** Sizes of a disk on which an import of some 3 MiB ends: while it makes its tables, and later on. */
const TOO_SMALL = [300_000, 1_000_000, 2_000_000];

Deno.test({
  name: "a command that fills its disk ends in one line, and goes on once there is room",
  ignore: !await canMount(),
  fn: async () => {
    await using dir = await tempDir();
    const observed = observe({ messages: 3000 });
    await writeExport(dir.join("export"), observed);
    const run = async (...args: string[]) => {
      await using program = startProgram(args[0], args.slice(1), ["-A", "--quiet"]);
      const { code } = await program.wait(120_000);
      return { code, lines: program.lines };
    };
    for (const bytes of TOO_SMALL) {
      await using disk = await smallDisk(bytes);
      const archive = `${disk.path}/a.duckdb`;
      const args = ["import", "--from", dir.join("export"), "--archive", archive];
      const full = await run("archiver/main.ts", ...args, "--rows-per-commit", "3000");
      assert.equal(full.code, 2, full.lines.join("\n"));
      assert.match(
        full.lines.at(-1)!,
        /^The disk is full: .*Free space and run the command again$/,
      );
      assert.ok(!full.lines.some((line) => /^ +at |stack/i.test(line)), full.lines.join("\n"));
      await disk.resize(64 * MIB);
      const roomy = await run("archiver/main.ts", ...args);
      assert.match(
        roomy.lines.at(-1)!,
        /^import: (finished counts=fit|nothing new)/,
        roomy.lines.join("\n"),
      );
      await using store = await openArchive(archive);
      assert.deepEqual(await receiptLines(store), expectedReceipts(observed));
      await store[Symbol.asyncDispose]();
      await disk.fill();
      const out = `${disk.path}/out`;
      const drawn = await run("query_results/main.ts", "--archive", archive, "--out", out);
      assert.equal(drawn.code, 2, drawn.lines.join("\n"));
      assert.match(drawn.lines.at(-1)!, /No space left/);
      assert.ok(!drawn.lines.some((line) => /^ +at /.test(line)), drawn.lines.join("\n"));
    }
  },
});
