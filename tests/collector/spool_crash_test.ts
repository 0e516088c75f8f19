import assert from "node:assert/strict";
import { Spool } from "../../collector/spool/spool.ts";
import { startProcess, startProgram } from "../support/servers/process.ts";
import { tempDir } from "../support/temp_dir.ts";

const WRITER = "tests/support/crash/spool_writer.ts";
const OPTIONS = { maxBytes: 1 << 30, segmentBytes: 1 << 20, onDropped: () => {} };
const permissions = (path: string) => [`--allow-read=${path}`, `--allow-write=${path}`];

/** The numbers of lines such as `kept 7`. */
function numbers(lines: readonly string[], word: string): number[] {
  return lines.filter((line) => line.startsWith(`${word} `)).map((line) => Number(line.slice(5)));
}

Deno.test("batches written before SIGKILL are there after it, those of earlier lives first", async () => {
  await using dir = await tempDir();
  const expected: string[] = [];
  const kept: number[] = [];
  for (const epoch of [1, 2, 3]) {
    await using writer = startProgram(
      WRITER,
      [dir.path, `${epoch}`, "50000"],
      permissions(dir.path),
    );
    await writer.waitForLine(/^kept 60$/);
    await writer.kill();
    kept.push(Math.max(...numbers(writer.lines, "kept")));
  }
  using spool = await Spool.open(dir.path, OPTIONS);
  const found: string[] = [];
  for (let batch = spool.next(); batch; batch = spool.next()) {
    assert.deepEqual(batch.bytes, new Uint8Array(50_000).fill(7));
    found.push(`${batch.epoch}/${batch.number}`);
  }
  for (const [i, last] of kept.entries()) {
    // The last line may have been on its way when its writer was killed, never the batch of a line that came.
    const ofEpoch = found.filter((name) => name.startsWith(`${i + 1}/`)).length;
    assert.ok(ofEpoch > last, `epoch ${i + 1}: ${ofEpoch} batches, number ${last} was kept`);
    for (let number = 0; number < ofEpoch; number++) expected.push(`${i + 1}/${number}`);
  }
  assert.deepEqual(found, expected);
  assert.equal(spool.counters.damaged, 0);
});

Deno.test("on a disk that takes no more the spool goes on, and says what was lost", async () => {
  await using dir = await tempDir();
  // A limit on the size of files is what a full disk is to a write: a short one, then an error. The files are 1 MiB.
  const script = 'trap "" XFSZ; ulimit -f 800; exec deno run --no-prompt "$@"';
  const args = [...permissions(dir.path), WRITER, dir.path, "1", "100000"];
  await using writer = startProcess("sh", ["-c", script, "sh", ...args]);
  await writer.waitForLine(/^lost/);
  await writer.waitForLine(/^kept 0$/);
  const lost = numbers(writer.lines, "lost")[0];
  await writer.waitForLine(new RegExp(`^lost ${lost + 20}$`));
  await writer.kill();
  using spool = await Spool.open(dir.path, OPTIONS);
  assert.equal(
    spool.counters.tornBytes,
    0,
    "what was written of a refused batch was cut off at once",
  );
  const found: number[] = [];
  for (let batch = spool.next(); batch; batch = spool.next()) found.push(batch.number);
  assert.deepEqual(found, numbers(writer.lines, "kept"));
});
