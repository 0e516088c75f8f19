import assert from "node:assert/strict";
import fc from "fast-check";
import type { DroppedRange } from "../../collector/spool/dropped_ranges.ts";
import type { BatchNumber } from "../../collector/spool/record.ts";
import { Spool, type SpooledBatch, type SpoolOptions } from "../../collector/spool/spool.ts";
import { UserError } from "../../shared/errors.ts";
import { CapturedLog } from "../support/captured_log.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const KIB = 1024;
const RECORD_OVERHEAD = 24;

/** Opens the spool of a folder; what it dropped goes to `dropped`. */
function openSpool(
  dir: TempDir,
  options: Partial<SpoolOptions> = {},
  dropped: DroppedRange[] = [],
): Promise<Spool> {
  return Spool.open(dir.join("spool"), {
    maxBytes: 1024 * KIB,
    segmentBytes: 2 * KIB,
    onDropped: (range) => dropped.push(range),
    ...options,
  });
}

/** Bytes that no other batch has. */
function content({ epoch, number }: BatchNumber, length = 100): Uint8Array {
  const bytes = new Uint8Array(length).fill(epoch);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}

function append(spool: Spool, epoch: number, first: number, last: number, length?: number): void {
  for (let number = first; number <= last; number++) {
    spool.append(content({ epoch, number }, length), { epoch, number });
  }
}

/** All that is left to give out. */
function rest(spool: Spool): SpooledBatch[] {
  const batches: SpooledBatch[] = [];
  for (let batch = spool.next(); batch; batch = spool.next()) batches.push(batch);
  return batches;
}

const names = (batches: BatchNumber[]) => batches.map(({ epoch, number }) => `${epoch}/${number}`);

function segments(dir: TempDir): string[] {
  return [...Deno.readDirSync(dir.join("spool"))].map(({ name }) => name).sort();
}

Deno.test("batches come out as they went in, and their files go when all are delivered", async () => {
  await using dir = await tempDir();
  using spool = await openSpool(dir);
  append(spool, 1, 0, 99);
  assert.equal(spool.batches, 100);
  assert.ok(segments(dir).length > 5);
  const batches = rest(spool);
  assert.deepEqual(names(batches), Array.from({ length: 100 }, (_, i) => `1/${i}`));
  for (const batch of batches) assert.deepEqual(batch.bytes, content(batch));
  assert.equal(spool.next(), null);
  assert.equal(spool.batches, 100);

  for (const batch of batches.toReversed()) spool.acknowledge(batch);
  for (const batch of batches) spool.acknowledge(batch);
  assert.equal(spool.batches, 0);
  assert.equal(segments(dir).length, 1, "the one that is written to");
  append(spool, 1, 100, 100);
  assert.deepEqual(names(rest(spool)), ["1/100"]);
});

Deno.test("a spool in which all is delivered leaves no file, and disposing twice is harmless", async () => {
  await using dir = await tempDir();
  using spool = await openSpool(dir);
  append(spool, 1, 0, 9);
  for (const batch of rest(spool)) spool.acknowledge(batch);
  spool[Symbol.dispose]();
  assert.deepEqual(segments(dir), []);
});

Deno.test("a delivered segment goes at a megabyte even if it could grow on", async () => {
  await using dir = await tempDir();
  using spool = await openSpool(dir, { maxBytes: 1 << 30, segmentBytes: 1 << 28 });
  for (let number = 0; number < 30; number++) {
    append(spool, 1, number, number, 100 * KIB);
    for (const batch of rest(spool)) spool.acknowledge(batch);
  }
  assert.ok(spool.bytes < 1100 * KIB, `${spool.bytes}`);
});

Deno.test("over any course of appends, deliveries and restarts nothing is lost and the order holds", async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("append" as const), length: fc.integer({ min: 4, max: 900 }) }),
    fc.record({ kind: fc.constant("next" as const) }),
    fc.record({ kind: fc.constant("acknowledge" as const), which: fc.nat() }),
    fc.record({ kind: fc.constant("restart" as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: "max" }), async (steps) => {
      await using dir = await tempDir();
      let spool = await openSpool(dir, { segmentBytes: KIB });
      let epoch = 1, number = 0;
      const appended = new Map<string, Uint8Array>();
      const delivered = new Set<string>();
      let out: SpooledBatch[] = [];
      let lastOut = "";
      try {
        for (const step of steps) {
          if (step.kind === "append") {
            const id = { epoch, number: number++ };
            appended.set(names([id])[0], content(id, step.length));
            spool.append(content(id, step.length), id);
          } else if (step.kind === "next") {
            const batch = spool.next();
            const given = names(out);
            if (batch) out.push(batch);
            const order = [...appended.keys()];
            const expected = order.slice(order.indexOf(lastOut) + 1);
            if (!batch) assert.deepEqual(expected.filter((name) => !delivered.has(name)), []);
            else {
              const [name] = names([batch]);
              assert.deepEqual(batch.bytes, appended.get(name));
              assert.ok(!given.includes(name), "given out once");
              // A batch delivered before a restart may come again, one that was not may not be skipped.
              const skipped = expected.slice(0, expected.indexOf(name));
              assert.ok(skipped.every((one) => delivered.has(one)), `${skipped} before ${name}`);
              lastOut = name;
            }
          } else if (step.kind === "acknowledge" && out.length > 0) {
            const [batch] = out.splice(step.which % out.length, 1);
            spool.acknowledge(batch);
            delivered.add(names([batch])[0]);
          } else if (step.kind === "restart") {
            spool[Symbol.dispose]();
            spool = await openSpool(dir, { segmentBytes: KIB });
            epoch++;
            number = 0;
            out = [];
            lastOut = "";
          }
          assert.ok(spool.batches >= appended.size - delivered.size);
        }
      } finally {
        spool[Symbol.dispose]();
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("a last write torn at any byte loses that batch alone", async () => {
  await using dir = await tempDir();
  {
    using spool = await openSpool(dir);
    append(spool, 1, 0, 2, 30);
  }
  const [name] = segments(dir);
  const path = dir.join("spool", name);
  const whole = await Deno.readFile(path);
  const size = RECORD_OVERHEAD + 30;
  assert.equal(whole.length, 3 * size);
  for (let length = 0; length <= whole.length; length++) {
    await Deno.writeFile(path, whole.subarray(0, length));
    using spool = await openSpool(dir);
    const kept = Math.floor(length / size);
    assert.equal(spool.counters.recovered, kept);
    assert.equal(spool.counters.tornBytes, length - kept * size);
    if (kept > 0) assert.equal((await Deno.stat(path)).size, kept * size);
    append(spool, 2, 0, 0);
    assert.deepEqual(names(rest(spool)), [...["1/0", "1/1", "1/2"].slice(0, kept), "2/0"]);
    for (const file of segments(dir)) if (file !== name) await Deno.remove(dir.join("spool", file));
  }
});

Deno.test("a batch with a changed byte is not delivered, those around it are", async () => {
  await using dir = await tempDir();
  {
    using spool = await openSpool(dir);
    append(spool, 1, 0, 2, 30);
  }
  const path = dir.join("spool", segments(dir)[0]);
  const whole = await Deno.readFile(path);
  const size = RECORD_OVERHEAD + 30;
  for (let at = size + 4; at < 2 * size; at++) {
    const changed = whole.slice();
    changed[at] ^= 1;
    await Deno.writeFile(path, changed);
    using spool = await openSpool(dir);
    const batches = rest(spool);
    assert.deepEqual(names(batches), ["1/0", "1/2"]);
    assert.equal(spool.counters.damaged, 1);
    assert.equal(spool.batches, 2);
  }
});

Deno.test("a segment with a damaged length is kept beside the spool, a few times, and told of", async () => {
  await using dir = await tempDir();
  using log = new CapturedLog();
  {
    using spool = await openSpool(dir);
    append(spool, 1, 0, 2, 30);
  }
  const [name] = segments(dir);
  const whole = await Deno.readFile(dir.join("spool", name));
  const size = RECORD_OVERHEAD + 30;
  // Longer than the file, longer than any record, and no record at all.
  const lengths = [[size, 0xff], [size + 3, 0xff], [size, 0]] as const;
  const damaged = [...lengths, ...lengths].map(([at, byte]) => whole.with(at, byte));
  for (const [i, bytes] of damaged.entries()) {
    await Deno.writeFile(dir.join("spool", `000000000${i + 1}.seg`), bytes);
  }
  using spool = await openSpool(dir);
  assert.equal(spool.counters.damagedFiles, damaged.length);
  assert.equal(spool.counters.tornBytes, damaged.length * 2 * size);
  assert.deepEqual(names(rest(spool)), damaged.map(() => "1/0"));
  const kept = segments(dir).filter((name) => name.endsWith(".seg.damaged"));
  assert.equal(kept.length, 4);
  for (const [i, name] of kept.entries()) {
    assert.deepEqual(await Deno.readFile(dir.join("spool", name)), damaged[i]);
  }
  assert.equal(log.lines(" is damaged; ").length, damaged.length);
});

Deno.test("whatever stands in a segment, the spool opens and gives what is whole", async () => {
  const garbage = fc.oneof(
    fc.uint8Array({ maxLength: 200, size: "max" }),
    // A record's beginning that says how long it is.
    fc.tuple(fc.nat(100), fc.uint8Array({ maxLength: 150, size: "max" })).map(([length, bytes]) =>
      Uint8Array.of(length, 0, 0, 0, ...bytes)
    ),
  );
  await using dir = await tempDir();
  await Deno.mkdir(dir.join("spool"));
  await fc.assert(
    fc.asyncProperty(fc.array(garbage, { minLength: 1, maxLength: 3 }), async (files) => {
      for (const [i, bytes] of files.entries()) {
        await Deno.writeFile(dir.join("spool", `000000000${i}.seg`), bytes);
      }
      using spool = await openSpool(dir);
      append(spool, 1, 0, 3);
      const batches = rest(spool);
      assert.deepEqual(names(batches).slice(-4), ["1/0", "1/1", "1/2", "1/3"]);
      for (const batch of batches) spool.acknowledge(batch);
      assert.equal(spool.batches, 0);
      spool[Symbol.dispose]();
      assert.deepEqual(segments(dir), []);
    }),
    { numRuns: 50 },
  );
});

Deno.test("at its cap the spool drops its oldest undelivered batches and tells which", async () => {
  await using dir = await tempDir();
  const dropped: DroppedRange[] = [];
  const options = { maxBytes: 8 * KIB, segmentBytes: 100 * KIB };
  using spool = await openSpool(dir, options, dropped);
  append(spool, 1, 0, 9, 500);
  const out = Array.from({ length: 8 }, () => spool.next()!);
  spool.acknowledge(out[0]);
  append(spool, 1, 10, 16, 500);
  assert.deepEqual(dropped, [{ epoch: 1, first: 1, last: 2 }], "0 was delivered in time");
  for (const batch of out) spool.acknowledge(batch);
  append(spool, 1, 17, 99, 500);
  assert.ok(spool.bytes <= 8 * KIB);
  assert.ok(spool.bytes > 5 * KIB, "a quarter of the cap is dropped at a time");

  const left = rest(spool);
  assert.equal(spool.batches, left.length);
  // Told more than once where the batch that told it was dropped as well.
  const told = new Set(
    dropped.flatMap(({ epoch, first, last }) =>
      Array.from({ length: last - first + 1 }, (_, i) => `${epoch}/${first + i}`)
    ),
  );
  const delivered = [0, 3, 4, 5, 6, 7].map((number) => `1/${number}`);
  const all = Array.from({ length: 100 }, (_, i) => `1/${i}`);
  const gone = all.filter((name) => told.has(name));
  assert.deepEqual([...gone, ...names(left)], all.filter((name) => !delivered.includes(name)));
  assert.equal(spool.counters.dropped, gone.length);
  for (const { bytes, ...id } of left) assert.deepEqual(bytes, content(id, 500));
});

Deno.test("a batch larger than a segment gets one of its own, larger than the cap it is kept alone", async () => {
  await using dir = await tempDir();
  const dropped: DroppedRange[] = [];
  using spool = await openSpool(dir, { maxBytes: 8 * KIB, segmentBytes: KIB }, dropped);
  append(spool, 1, 0, 0);
  append(spool, 1, 1, 1, 5 * KIB);
  append(spool, 1, 2, 2);
  assert.equal(segments(dir).length, 3);
  append(spool, 1, 3, 3, 20 * KIB);
  assert.deepEqual(dropped, [{ epoch: 1, first: 0, last: 2 }]);
  assert.deepEqual(names(rest(spool)), ["1/3"]);
});

Deno.test("batches that the disk does not take are dropped, and told when it takes them again", async () => {
  await using dir = await tempDir();
  const dropped: DroppedRange[] = [];
  using spool = await openSpool(dir, {}, dropped);
  await Deno.remove(dir.join("spool"));
  append(spool, 1, 0, 4);
  assert.equal(spool.batches, 0);
  assert.deepEqual(dropped, []);
  await Deno.mkdir(dir.join("spool"));
  append(spool, 1, 5, 5);
  assert.deepEqual(dropped, [{ epoch: 1, first: 0, last: 4 }]);
  assert.deepEqual(names(rest(spool)), ["1/5"]);
});

Deno.test("a folder that cannot be a spool is refused in one line", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(dir.join("spool"), "a file");
  await assert.rejects(
    openSpool(dir),
    (error) => error instanceof UserError && /^Cannot use spool \S+: [^\n]+$/.test(error.message),
  );
});
