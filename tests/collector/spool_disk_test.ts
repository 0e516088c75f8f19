import assert from "node:assert/strict";
import fc from "fast-check";
import { Journal } from "../../collector/receipt/journal.ts";
import { Recorder } from "../../collector/receipt/recorder.ts";
import type { DroppedRange } from "../../collector/spool/dropped_ranges.ts";
import { JournalFile } from "../../collector/receipt/journal_file.ts";
import { Spool, type SpoolOptions } from "../../collector/spool/spool.ts";
import { Syncer } from "../../collector/spool/syncer.ts";
import { Delivery } from "../../collector/uplink/delivery.ts";
import { type OutgoingBatch, type Uplink, UplinkFault } from "../../collector/uplink/uplink.ts";
import { decodeBatch } from "../../shared/batch/codec.ts";
import { seededRandom } from "../../shared/random.ts";
import { CapturedLog } from "../support/captured_log.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { canMount, smallDisk } from "../support/small_disk.ts";
import { tempDir } from "../support/temp_dir.ts";

const OPTIONS: SpoolOptions = { maxBytes: 1 << 24, segmentBytes: 1024, onDropped: () => {} };

/** The batches that a spool gives out, by number; each must hold what {@link content} says. */
function numbers(spool: Spool): number[] {
  const found: number[] = [];
  for (let batch = spool.next(); batch; batch = spool.next()) {
    assert.deepEqual(batch.bytes, content(batch.number));
    found.push(batch.number);
    spool.acknowledge(batch);
  }
  return found;
}

/** Bytes of a length of its own. */
function content(number: number): Uint8Array {
  return new Uint8Array(20 + number * 37 % 200).fill(number);
}

function append(spool: Spool, first: number, last: number): void {
  for (let number = first; number <= last; number++) {
    spool.append(content(number), { epoch: 1, number });
  }
}

Deno.test("files are brought to disk as the policy says", async () => {
  const syncs: number[] = [];
  for (const fsync of ["never", "segment", "batch"] as const) {
    await using dir = await tempDir();
    const spool = await Spool.open(dir.path, { ...OPTIONS, fsync });
    append(spool, 0, 39);
    // While a disk is busy, several batches wait for one sync.
    await new Promise((resolve) => setTimeout(resolve, 0));
    append(spool, 40, 40);
    await spool[Symbol.asyncDispose]();
    assert.equal(spool.syncs.failures, 0);
    syncs.push(spool.syncs.syncs);
    await using again = await Spool.open(dir.path, { ...OPTIONS, fsync });
    assert.equal(again.batches, 41);
  }
  const [never, segment, batch] = syncs;
  assert.equal(never, 0);
  assert.ok(segment >= 6, `${segment}: the folder and the segments`);
  assert.ok(batch >= 2, `${batch}: the folder and at least the last segment`);
});

Deno.test("a disk that cannot sync is said once, and stops nothing", async () => {
  await using dir = await tempDir();
  using log = new CapturedLog();
  await Deno.writeTextFile(dir.join("file"), "text");
  const syncer = new Syncer();
  // The system's own files have no disk to go to; what is gone needs none.
  const refused = ["/proc/self/status", "/proc/self/stat"];
  for (const path of [...refused, dir.join("gone"), dir.join("file")]) syncer.sync(path);
  await syncer.idle();
  assert.deepEqual([syncer.syncs, syncer.failures], [1, 2]);
  assert.equal(log.lines("Cannot sync").length, 1);
});

Deno.test("a segment cut at any byte gives every batch before the cut, and takes new ones", async () => {
  await using dir = await tempDir();
  {
    using spool = await Spool.open(dir.path, { ...OPTIONS, segmentBytes: 1 << 20 });
    append(spool, 0, 11);
  }
  const path = dir.join("0000000001.seg");
  const whole = await Deno.readFile(path);
  const ends: number[] = [];
  for (let number = 0, at = 0; number <= 11; number++) ends.push(at += 24 + content(number).length);
  assert.equal(ends.at(-1), whole.length);
  for (let length = 0; length <= whole.length; length++) {
    await Deno.writeFile(path, whole.subarray(0, length));
    using spool = await Spool.open(dir.path, OPTIONS);
    const kept = ends.filter((end) => end <= length).length;
    assert.equal(spool.newest?.number, kept === 0 ? undefined : kept - 1);
    append(spool, 12, 12);
    const expected = [...Array(kept).keys(), 12];
    assert.deepEqual(numbers(spool), expected, `cut at ${length}`);
    assert.equal(spool.counters.damaged, 0);
  }
});

Deno.test("whatever happens to the bytes of segments, only whole batches come out, those of other segments all", async () => {
  const damage = fc.record({
    segment: fc.nat(),
    at: fc.nat(),
    kind: fc.oneof(
      fc.record({ bit: fc.integer({ min: 0, max: 7 }) }),
      fc.record({ cut: fc.constant(true) }),
      fc.record({ bytes: fc.uint8Array({ minLength: 1, maxLength: 60 }) }),
    ),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 4 }), async (damages) => {
      await using dir = await tempDir();
      const home = new Map<number, string>();
      {
        using spool = await Spool.open(dir.path, OPTIONS);
        for (let number = 0; number < 40; number++) {
          append(spool, number, number);
          home.set(number, [...Deno.readDirSync(dir.path)].map(({ name }) => name).sort().at(-1)!);
        }
      }
      const names = [...new Set(home.values())];
      const hit = new Set<string>();
      for (const { segment, at, kind } of damages) {
        const name = names[segment % names.length];
        hit.add(name);
        let bytes = Deno.readFileSync(dir.join(name));
        if (bytes.length === 0) continue;
        const where = at % bytes.length;
        if ("bit" in kind) bytes[where] ^= 1 << kind.bit;
        else if ("cut" in kind) bytes = bytes.subarray(0, where);
        else bytes.set(kind.bytes.subarray(0, bytes.length - where), where);
        Deno.writeFileSync(dir.join(name), bytes);
      }
      using spool = await Spool.open(dir.path, OPTIONS);
      append(spool, 40, 44);
      const found: number[] = [];
      for (let batch = spool.next(); batch; batch = spool.next()) {
        // What a record's CRC-32 covers is whole, its number included.
        assert.deepEqual(batch.bytes, content(batch.number));
        found.push(batch.number);
        spool.acknowledge(batch);
      }
      assert.deepEqual(found, [...new Set(found)].sort((a, b) => a - b));
      for (let number = 0; number < 45; number++) {
        if (hit.has(home.get(number) ?? "")) continue;
        assert.ok(found.includes(number), `${number} was in a segment that nothing happened to`);
      }
      assert.equal(spool.batches, 0);
    }),
    { numRuns: 60 },
  );
});

Deno.test("what a lost batch told of other lost batches is told again", async () => {
  await using dir = await tempDir();
  const told: DroppedRange[] = [];
  using spool = await Spool.open(dir.join("spool"), {
    ...OPTIONS,
    onDropped: (range) => told.push(range),
  });
  append(spool, 0, 0);
  await Deno.rename(dir.join("spool"), dir.join("away"));
  // The segment of batch 0 is still open; a larger batch would need a new one.
  spool.append(new Uint8Array(2000), { epoch: 1, number: 1 });
  await Deno.rename(dir.join("away"), dir.join("spool"));
  append(spool, 2, 2);
  assert.deepEqual(told.splice(0), [{ epoch: 1, first: 1, last: 1 }]);
  // Batch 3 tells it, and is lost itself.
  await Deno.rename(dir.join("spool"), dir.join("away"));
  spool.append(new Uint8Array(2000), { epoch: 1, number: 3 });
  await Deno.rename(dir.join("away"), dir.join("spool"));
  append(spool, 4, 4);
  assert.deepEqual(told, [{ epoch: 1, first: 1, last: 1 }, { epoch: 1, first: 3, last: 3 }]);
});

const mayMount = await canMount();

Deno.test({
  name:
    "a full disk stops nothing: said once, told as dropped batches, and over when there is room",
  ignore: !mayMount, // no mounts here; tests/collector/spool_crash_test.ts does the same by a limit on the size of files
  async fn() {
    await using disk = await smallDisk(2 << 20);
    using log = new CapturedLog();
    using spool = await Spool.open(`${disk.path}/spool`, {
      maxBytes: 1 << 24,
      segmentBytes: 1 << 16,
      onDropped: (range) => recorder.batchesDropped(range),
    });
    using file = new JournalFile(`${disk.path}/spool/open_batch.journal`);
    const clock = new ManualClock();
    using recorder: Recorder = new Recorder({
      collector: "test",
      epoch: clock.now(),
      version: "1",
      targetPeers: 1,
      maxReceipts: 200,
      messages: { messagesLog2: 8, rawBytes: 131_072, rawsLog2: 8 },
      repeats: { messagesLog2: 8, peers: 32 },
    }, {
      clock,
      random: seededRandom(1),
      journal: new Journal(file),
      sink: (bytes, id) => spool.append(bytes, id),
    });
    const session = recorder.openSession({
      node_id: "02".repeat(33),
      address: "127.0.0.1:9735",
      dialled_at: 0,
      handshake_at: 0,
      filter_at: 0,
      filter_first: 0,
      features: "",
    });
    const receive = async (turns: number) => {
      for (let turn = 0; turn < turns; turn++) {
        for (let i = 0; i < 20; i++) {
          recorder.receive(session, crypto.getRandomValues(new Uint8Array(400)), clock.now());
        }
        await Promise.resolve();
      }
    };
    await receive(95);
    await disk.fill();
    await receive(100);
    assert.ok(spool.counters.dropped >= 5, `${spool.counters.dropped} dropped`);
    await disk.free();
    await receive(30);
    recorder.end();
    await Promise.resolve();

    const { batches: made, receipts: stamped } = recorder.counters;
    const found: number[] = [];
    const gone: number[] = [];
    let receipts = 0;
    for (let next = spool.next(); next; next = spool.next()) {
      const batch = decodeBatch(next.bytes);
      found.push(batch.number);
      receipts += batch.receipts.flags.length;
      for (const event of batch.events) {
        if (event.kind !== "batches_dropped") continue;
        for (let number = event.first; number <= event.last; number++) gone.push(number);
      }
    }
    assert.equal(stamped, 225 * 20);
    assert.equal(receipts, stamped - 200 * gone.length);
    assert.equal(gone.length, spool.counters.dropped);
    assert.deepEqual([...found, ...gone].sort((a, b) => a - b), [...Array(made).keys()]);
    assert.equal(log.lines("Cannot write to spool").length, 1);
    assert.equal(log.lines("takes batches again").length, 1);
    assert.equal(log.lines("Cannot write the journal").length, 1);
    assert.equal(log.lines("Writing the journal of the open batch again").length, 1);
  },
});

/** A broker that is away until it is told otherwise. */
class DistantBroker implements Uplink {
  readonly target = "broker";
  readonly maxOutstanding = 32;
  isThere = false;
  attempts = 0;
  readonly delivered: number[] = [];

  send({ number }: OutgoingBatch): Promise<"stored"> {
    this.attempts++;
    if (!this.isThere) return Promise.reject(new UplinkFault("unreachable", "nobody is there"));
    this.delivered.push(number);
    return Promise.resolve("stored");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

Deno.test("after an hour without a broker all is delivered in order, and nothing was tried too often", async () => {
  const HOURS = 1, BATCHES_A_MINUTE = 30;
  await using dir = await tempDir();
  using log = new CapturedLog();
  const clock = new ManualClock();
  using spool = await Spool.open(dir.path, { ...OPTIONS, segmentBytes: 1 << 16 });
  const uplink = new DistantBroker();
  await using delivery = new Delivery({ spool, uplink, clock, random: seededRandom(1) });
  let number = 0;
  for (let minute = 0; minute < 60 * HOURS; minute++) {
    append(spool, number, number + BATCHES_A_MINUTE - 1);
    number += BATCHES_A_MINUTE;
    await clock.advance(60_000);
  }
  assert.equal(spool.batches, number);
  assert.ok(uplink.attempts < 3600 * HOURS / 2, `${uplink.attempts} attempts`);
  assert.equal(log.lines("Batches wait in the spool").length, 1);

  uplink.isThere = true;
  await clock.advance(10_000);
  assert.equal(spool.batches, 0);
  assert.deepEqual(uplink.delivered, [...Array(number).keys()]);
  assert.equal(delivery.status.delivered, number);
  assert.equal(log.lines("Batches are delivered").length, 1);
});
