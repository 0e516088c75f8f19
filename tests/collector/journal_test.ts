import assert from "node:assert/strict";
import fc from "fast-check";
import { Journal } from "../../collector/receipt/journal.ts";
import { readJournal } from "../../collector/receipt/journal_reader.ts";
import { Recorder } from "../../collector/receipt/recorder.ts";

import {
  JournalFile,
  readJournalFile,
  recoverOpenBatch,
} from "../../collector/receipt/journal_file.ts";
import { Spool } from "../../collector/spool/spool.ts";
import type { Batch } from "../../shared/batch/batch.ts";
import { decodeBatch } from "../../shared/batch/codec.ts";
import { seededRandom } from "../../shared/random.ts";
import { CapturedLog } from "../support/captured_log.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { startProgram } from "../support/servers/process.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const LONG_AGO = 1_000_000;
const turn = () => new Promise<void>((resolve) => queueMicrotask(resolve));

/** A recorder whose journal is a file, and whose closed batches are kept. */
class Journaled implements Disposable {
  readonly clock = new ManualClock();
  readonly closed: { bytes: Uint8Array; batch: Batch }[] = [];
  readonly file: JournalFile;
  readonly recorder: Recorder;
  readonly session: number;

  constructor(readonly path: string, maxReceipts = 1000) {
    this.file = new JournalFile(path);
    this.recorder = new Recorder({
      collector: "test",
      epoch: this.clock.now(),
      version: "1",
      targetPeers: 2,
      maxReceipts,
      messages: { messagesLog2: 8, rawBytes: 131_072, rawsLog2: 8 },
      repeats: { messagesLog2: 8, peers: 32 },
    }, {
      clock: this.clock,
      random: seededRandom(1),
      journal: new Journal(this.file),
      sink: (bytes) => this.closed.push({ bytes, batch: decodeBatch(bytes) }),
    });
    this.session = this.recorder.openSession({
      node_id: "02".repeat(33),
      address: "127.0.0.1:9735",
      dialled_at: LONG_AGO,
      handshake_at: LONG_AGO,
      filter_at: LONG_AGO,
      filter_first: 0,
      features: "20000000aa82",
    });
  }

  receive(message: number, size = 20): void {
    const raw = new Uint8Array(size);
    new DataView(raw.buffer).setUint32(2, message);
    this.recorder.receive(this.session, raw, this.clock.now());
  }

  /** What the next life would read. */
  read(): Batch | null {
    const bytes = readJournalFile(this.path);
    return bytes && readJournal(bytes);
  }

  [Symbol.dispose](): void {
    this.recorder[Symbol.dispose]();
    this.file[Symbol.dispose]();
  }
}

function openSpool(dir: TempDir): Promise<Spool> {
  return Spool.open(dir.join("spool"), {
    maxBytes: 1 << 20,
    segmentBytes: 1 << 18,
    onDropped: () => {},
  });
}

/** All batches of a spool. */
function content(spool: Spool): Batch[] {
  const batches: Batch[] = [];
  for (let next = spool.next(); next; next = spool.next()) batches.push(decodeBatch(next.bytes));
  return batches;
}

Deno.test("after each turn the journal holds the open batch, whatever goes into it", async () => {
  await using dir = await tempDir();
  const step = fc.oneof(
    fc.record({
      kind: fc.constant("receipts" as const),
      count: fc.integer({ min: 1, max: 8 }),
      size: fc.oneof(fc.constant(20), fc.integer({ min: 6, max: 65_535 })),
    }),
    fc.record({ kind: fc.constant("verdict" as const) }),
    fc.record({ kind: fc.constant("dropped" as const), count: fc.integer({ min: 1, max: 2000 }) }),
    fc.record({ kind: fc.constant("flush" as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      using run = new Journaled(dir.join("journal"), 12);
      let message = 0;
      for (const step of steps) {
        if (step.kind === "receipts") {
          for (let i = 0; i < step.count; i++) run.receive(message++ % 5, step.size);
        } else if (step.kind === "verdict") run.recorder.verdict(0, "valid");
        else if (step.kind === "flush") run.recorder.flush();
        else {
          for (let i = 0; i < step.count; i++) {
            run.recorder.batchesDropped({ epoch: 1, first: i, last: i });
          }
        }
        await turn();
        if (step.kind === "flush") assert.equal(run.read(), null, "a closed batch is the spool's");
      }
      run.receive(message);
      await turn();
      const journal = run.read();
      const { length } = run.closed;
      run.recorder.flush();
      assert.equal(run.closed.length > length, journal !== null);
      if (journal) assert.deepEqual(plain(journal), plain(run.closed[length].batch));
    }),
    { numRuns: 40 },
  );
});

/** A batch whose columns compare, whatever array they are views of. */
function plain({ messages, verdicts, receipts, ...rest }: Batch): unknown {
  return {
    ...rest,
    messages: { numbers: [...messages.numbers], raws: messages.raws.map((raw) => raw.join()) },
    verdicts: { numbers: [...verdicts.numbers], codes: [...verdicts.codes] },
    receipts: Object.entries(receipts).sort().map(([name, column]) => [name, [...column]]),
  };
}

/** A journal of a few turns, and how many receipts are in it by its length. */
async function someTurns(dir: TempDir): Promise<{ bytes: Uint8Array; receipts: number[] }> {
  using run = new Journaled(dir.join("journal"));
  const receipts: number[] = [];
  for (let i = 0; i < 6; i++) {
    for (let n = 0; n <= i; n++) run.receive(i % 3);
    await turn();
    const { length } = readJournalFile(run.path)!;
    while (receipts.length < length) receipts.push(run.recorder.counters.receipts - i - 1);
    receipts[length] = run.recorder.counters.receipts;
  }
  return { bytes: readJournalFile(run.path)!, receipts };
}

Deno.test("a journal torn at any byte gives all turns before", async () => {
  await using dir = await tempDir();
  const { bytes, receipts } = await someTurns(dir);
  for (let length = 0; length <= bytes.length; length++) {
    const batch = readJournal(bytes.subarray(0, length));
    assert.equal(batch?.receipts.flags.length ?? 0, receipts[length], `${length} bytes`);
  }
});

Deno.test("a journal with a changed byte gives the turns before it", async () => {
  await using dir = await tempDir();
  const { bytes, receipts } = await someTurns(dir);
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice();
    changed[at] ^= 1 << at % 8;
    const found = readJournal(changed)?.receipts.flags.length ?? 0;
    assert.equal(found, receipts[at], `byte ${at}`);
  }
});

Deno.test("a batch in a journal is spooled once, with its own number", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(dir.join("spool"));
  const path = dir.join("spool", "open_batch.journal");
  let closed: Uint8Array;
  {
    using run = new Journaled(path);
    run.recorder.flush();
    run.receive(1);
    run.receive(2);
    await turn();
    await Deno.copyFile(path, dir.join("before"));
    run.recorder.flush();
    closed = run.closed[1].bytes;
  }
  const { epoch } = decodeBatch(closed);

  await Deno.copyFile(dir.join("before"), path);
  {
    using spool = await openSpool(dir);
    assert.equal(recoverOpenBatch(path, spool), 2);
    // Killed again before its journal was opened anew.
    assert.equal(recoverOpenBatch(path, spool), 0);
  }
  {
    using spool = await openSpool(dir);
    assert.equal(recoverOpenBatch(path, spool), 0);
    const [batch, ...more] = content(spool);
    assert.deepEqual(more, []);
    assert.deepEqual(plain(batch), plain(decodeBatch(closed)));
  }
  await Deno.remove(dir.join("spool"), { recursive: true });
  await Deno.mkdir(dir.join("spool"));
  await Deno.copyFile(dir.join("before"), path);
  // Killed after the batch was closed and before the journal was cleared.
  using spool = await openSpool(dir);
  spool.append(closed, { epoch, number: 1 });
  assert.equal(recoverOpenBatch(path, spool), 0);
  assert.equal(spool.batches, 1);
});

Deno.test("a journal that was ended in order leaves no file, and garbage in one stops nothing", async () => {
  await using dir = await tempDir();
  using log = new CapturedLog();
  const path = dir.join("journal");
  {
    using run = new Journaled(path);
    run.receive(1);
    run.recorder.end();
    await turn();
  }
  assert.deepEqual([...Deno.readDirSync(dir.path)], []);

  using spool = await openSpool(dir);
  assert.equal(recoverOpenBatch(path, spool), 0);
  await Deno.writeFile(path, crypto.getRandomValues(new Uint8Array(1000)));
  assert.equal(recoverOpenBatch(path, spool), 0);
  // A chunk whose CRC-32 fits, of an item that no journal has.
  await Deno.writeFile(path, Uint8Array.of(1, 0, 0, 0, 0x8d, 0xef, 0x02, 0xd2, 0));
  assert.equal(recoverOpenBatch(path, spool), 0);
  assert.equal(log.lines("is damaged").length, 1);
  assert.equal(spool.batches, 0);
});

Deno.test("a collector's receipts survive SIGKILL as soon as their turn is over", async () => {
  for (const kill of [3, 40, 150]) {
    await using dir = await tempDir();
    await using writer = startProgram(
      "tests/support/crash/journal_writer.ts",
      [dir.path],
      [`--allow-read=${dir.path}`, `--allow-write=${dir.path}`],
    );
    await writer.waitForLine(new RegExp(`^stamped ${20 * kill}$`));
    await writer.kill();
    const stamped = Number(writer.lines.at(-1)!.slice("stamped ".length));
    using spool = await Spool.open(dir.path, {
      maxBytes: 1 << 30,
      segmentBytes: 1 << 20,
      onDropped: () => {},
    });
    recoverOpenBatch(dir.join("open_batch.journal"), spool);
    const batches = content(spool);
    assert.deepEqual(batches.map(({ number }) => number), [...batches.keys()]);
    const { receiptsBefore, receipts } = batches.at(-1)!;
    const found = batches.reduce((sum, { receipts }) => sum + receipts.flags.length, 0);
    assert.equal(receiptsBefore + receipts.flags.length, found);
    assert.ok(found >= stamped, `${found} receipts found, ${stamped} were stamped`);
    assert.equal(found % 20, 0, "a turn is there as a whole");
  }
});
