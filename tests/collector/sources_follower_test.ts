import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { drain, follow } from "../../collector/sources/follower.ts";
import type { Stopped } from "../../collector/sources/log_files.ts";
import { systemClock } from "../../shared/clock.ts";
import { ClnIoLogReader } from "../../shared/node_logs/cln_io_log.ts";
import { lineTime, receiptLines } from "../support/fixtures/cln_log.ts";
import { type Find, listFinds } from "../support/fixtures/log_finds.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

/** A follower of `log` in a folder, and what it has found. */
class Following implements AsyncDisposable {
  readonly finds: Find[] = [];
  readonly gaps: string[] = [];
  readonly reader = new ClnIoLogReader(listFinds(this.finds));
  file = 0;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(dir: TempDir, stopped: Stopped | null = null, since = 0) {
    this.#done = follow({
      path: dir.join("log"),
      reader: this.reader,
      clock: systemClock,
      signal: this.#stop.signal,
      stopped,
      since,
      onFile: (file) => this.file = file,
      onGap: (reason) => this.gaps.push(reason),
      ready: () => Promise.resolve(),
    });
  }

  get times(): number[] {
    return this.finds.flatMap((find) => find.what === "receipt" ? [find.at] : []);
  }

  /** Where a collector would go on that stamped all this. */
  get stopped(): Stopped {
    const last = this.finds.findLast((find) => find.what === "receipt");
    assert.ok(last?.what === "receipt");
    return { file: this.file, offset: last.end, isDrained: false };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }
}

const times = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => lineTime(from + i));
const write = (path: string, text: string) => Deno.writeTextFile(path, text, { append: true });

async function zip(path: string): Promise<void> {
  const bytes = await Deno.readFile(path);
  await Deno.writeFile(`${path}.gz`, gzipSync(bytes));
  await Deno.remove(path);
}

Deno.test("lines are read as they are written, also those written in parts", async () => {
  await using dir = await tempDir();
  await using log = new Following(dir);
  const lines = receiptLines(0, 10);
  await write(dir.join("log"), lines.slice(0, 1000));
  await until(() => log.times.length > 0);
  await write(dir.join("log"), lines.slice(1000));
  await until(() => log.times.length === 10);
  assert.deepEqual(log.times, times(0, 10));
});

Deno.test("a log that is rotated while it is read loses nothing, nor a line that both files share", async () => {
  await using dir = await tempDir();
  await using log = new Following(dir);
  await write(dir.join("log"), receiptLines(0, 10));
  await until(() => log.times.length === 10);
  const cut = receiptLines(10, 20);
  await write(dir.join("log"), cut.slice(0, 2000));
  await Deno.rename(dir.join("log"), dir.join("log.1"));
  // As a program does that was not yet told.
  await write(dir.join("log.1"), cut.slice(2000, 2300));
  await write(dir.join("log"), cut.slice(2300) + receiptLines(20, 30));
  await until(() => log.times.length === 30);
  assert.deepEqual(log.times, times(0, 30));
  await Deno.rename(dir.join("log"), dir.join("log.2"));
  await zip(dir.join("log.2"));
  await write(dir.join("log"), receiptLines(30, 40));
  await until(() => log.times.length === 40);
  assert.deepEqual(log.times, times(0, 40));
  assert.deepEqual(log.gaps, []);
});

Deno.test("after a restart it goes on where it stopped, through files rotated and compressed since", async () => {
  await using dir = await tempDir();
  await write(dir.join("log.1"), receiptLines(0, 5));
  await write(dir.join("log"), receiptLines(5, 10));
  let stopped: Stopped;
  {
    await using log = new Following(dir);
    await until(() => log.times.length === 5);
    assert.deepEqual(log.times, times(5, 10), "what was rotated out before the first start");
    stopped = log.stopped;
  }
  for (const [i, from] of [10, 20, 30].entries()) {
    await write(dir.join("log"), receiptLines(from, from + 10));
    await Deno.rename(dir.join("log"), dir.join(`log.${2 + i}`));
    const modified = new Date(Date.now() + 1000 * i);
    await Deno.utime(dir.join(`log.${2 + i}`), modified, modified);
  }
  await zip(dir.join("log.2"));
  const past = new Date(Date.now() - 1000);
  await Deno.utime(dir.join("log.2.gz"), past, past);
  await write(dir.join("log"), receiptLines(40, 50));
  await using log = new Following(dir, stopped, Date.now() - 60_000);
  await until(() => log.times.length === 40);
  assert.deepEqual(log.times, times(10, 50));
  assert.deepEqual(log.gaps, []);
});

Deno.test("a log that is copied and cut short is read on in the copy, then in the log", async () => {
  await using dir = await tempDir();
  await using log = new Following(dir);
  await write(dir.join("log"), receiptLines(0, 10));
  await until(() => log.times.length === 10);
  await Deno.writeTextFile(dir.join("log.1"), receiptLines(0, 15));
  await Deno.writeTextFile(dir.join("log"), receiptLines(15, 20));
  await until(() => log.times.length === 20);
  assert.deepEqual(log.times, times(0, 20));
  assert.deepEqual(log.gaps, []);
});

Deno.test("a log that is cut short, and one that is gone after a restart, are gaps", async () => {
  await using dir = await tempDir();
  let stopped: Stopped;
  {
    await using log = new Following(dir);
    await write(dir.join("log"), receiptLines(0, 10));
    await until(() => log.times.length === 10);
    await Deno.writeTextFile(dir.join("log"), receiptLines(20, 22));
    await until(() => log.times.length === 12);
    assert.equal(log.gaps.length, 1);
    stopped = log.stopped;
  }
  await Deno.remove(dir.join("log"));
  await using log = new Following(dir, stopped, Date.now());
  await write(dir.join("log"), receiptLines(30, 40));
  await until(() => log.times.length === 10);
  assert.deepEqual(log.times, times(30, 40));
  assert.deepEqual(log.gaps, [`a file of ${dir.join("log")} is gone`]);
});

Deno.test("a file that vanishes and comes back empty of the old is no gap: it was read to its end", async () => {
  await using dir = await tempDir();
  await using log = new Following(dir);
  await write(dir.join("log"), receiptLines(0, 10));
  await until(() => log.times.length === 10);
  await Deno.remove(dir.join("log"));
  await write(dir.join("log"), receiptLines(10, 20));
  await until(() => log.times.length === 20);
  assert.deepEqual(log.times, times(0, 20));
  assert.deepEqual(log.gaps, []);
});

Deno.test("a FIFO is drained while writers come and go, and can be left at any time", async () => {
  await using dir = await tempDir();
  const path = dir.join("fifo");
  await new Deno.Command("mkfifo", { args: [path] }).output();
  const finds: Find[] = [];
  const stop = new AbortController();
  const done = drain(path, new ClnIoLogReader(listFinds(finds)), stop.signal);
  for (const from of [0, 500]) {
    // More than the 64 KiB that a pipe holds: a reader that stalls would hang the writer.
    await Deno.writeTextFile(path, receiptLines(from, from + 500), { create: false });
  }
  await until(() => finds.length === 1000);
  stop.abort();
  await done;
  assert.deepEqual(finds.map((find) => find.what === "receipt" && find.at), times(0, 1000));
});
