import assert from "node:assert/strict";
import { Heartbeats } from "../../archiver/intake/heartbeats.ts";
import { CollectorWatch } from "../../archiver/intake/watch.ts";
import { encodeMessage } from "../../shared/nats/message.ts";
import { heartbeatSubject } from "../../shared/subjects.ts";
import { CapturedLog } from "../support/captured_log.ts";
import { openArchive } from "../support/fixtures/archive.ts";
import { BatchMaker } from "../support/fixtures/batch_maker.ts";
import { StillClock } from "../support/still_clock.ts";
import { tempDir } from "../support/temp_dir.ts";

/** Batches of one receipt each. */
function batchesOf(maker: BatchMaker, count: number, at = maker.epoch) {
  const session = maker.session(1);
  return Array.from({ length: count }, (_, i) => {
    maker.receipt(at + i, 0, session);
    return maker.close();
  });
}

Deno.test("a batch that comes late is awaited for a minute; then it is lost: one log line, and a problem for a day", async () => {
  using log = new CapturedLog();
  await using dir = await tempDir();
  const clock = new StillClock();
  await using store = await openArchive(dir.join("a.duckdb"), { clock });
  await using watch = new CollectorWatch({ store, clock });
  const batches = batchesOf(new BatchMaker("vps1"), 9);
  const look = async () => {
    await watch.check();
    return watch.problems();
  };
  await store.commit([batches[0], batches[3], batches[8]]);
  clock.advance(59);
  assert.deepEqual(await look(), [], "a collector that catches up sends several at once");
  await store.commit([batches[2]]);
  clock.advance(2);
  assert.deepEqual(await look(), ["vps1 lost batches in the last day: 5 (receipts: 5)"]);
  assert.deepEqual(await look(), ["vps1 lost batches in the last day: 5 (receipts: 5)"]);
  assert.deepEqual(log.lines("lost batches"), [
    "vps1 lost batches 1 to 1 of its run 1758844800000000: 1 receipts, missing",
    "vps1 lost batches 4 to 7 of its run 1758844800000000: 4 receipts, missing",
  ]);
  await store.commit([batches[1], ...batches.slice(4, 8)]);
  assert.deepEqual(await look(), [], "they came all the same");

  const next = new BatchMaker("vps1", clock.now());
  next.event({ kind: "batches_dropped", at: next.epoch, epoch: 1, first: 0, last: 1 });
  await store.commit([next.close()]);
  assert.deepEqual(await look(), ["vps1 lost batches in the last day: 2 (receipts: 0 or more)"]);
  clock.advance(86_400);
  assert.deepEqual(await look(), []);
});

Deno.test("two collectors of one name are noticed by their batches and by their heartbeats; a restarted one is not", () => {
  using log = new CapturedLog();
  const clock = new StillClock();
  const store = { read: () => Promise.resolve([]) };
  const problem = "two collectors run as vps1: give each its own name and data folder";
  const second = 1_000_000;
  const first = clock.now(), later = first + 300 * second;
  const old = (at: number) => batchesOf(new BatchMaker("vps1", first), 1, at)[0];
  const fresh = () => batchesOf(new BatchMaker("vps1", later), 1)[0];

  const restarted = new CollectorWatch({ store, clock });
  restarted.batch(old(first));
  restarted.batch(fresh());
  // What was left in its spool.
  restarted.batch(old(later - second));
  assert.deepEqual(restarted.problems(), []);

  const byBatches = new CollectorWatch({ store, clock });
  byBatches.batch(fresh());
  byBatches.batch(old(later + 61 * second));
  assert.deepEqual(byBatches.problems(), [problem]);
  clock.advance(121);
  assert.deepEqual(byBatches.problems(), [], "its last sign is two minutes old");

  const byHeartbeats = new CollectorWatch({ store, clock });
  const heartbeats = new Heartbeats(
    clock,
    (name, { epoch, at }) => byHeartbeats.heartbeat(name, epoch, at),
  );
  const beat = (epoch: number) =>
    heartbeats.take(
      heartbeatSubject("vps1"),
      encodeMessage({
        at: later + 70 * second,
        epoch,
        version: "1",
        peers: 1,
        receipts: 1,
        spool_bytes: 0,
      }),
    );
  beat(first);
  beat(later);
  assert.deepEqual(byHeartbeats.problems(), []);
  beat(first);
  assert.deepEqual(byHeartbeats.problems(), [problem]);
  assert.equal(heartbeats.last.get("vps1")?.epoch, later, "the newer run is shown");
  assert.equal(log.lines("Two collectors run as vps1").length, 2);
});

Deno.test("a wrong clock is a problem at once, one that is not measured after a quarter of an hour, until it is", () => {
  const clock = new StillClock();
  using _log = new CapturedLog();
  const watch = new CollectorWatch({ store: { read: () => Promise.resolve([]) }, clock });
  const maker = new BatchMaker("vps1", clock.now());
  const batch = (offset?: number) => {
    if (offset !== undefined) {
      maker.event({ kind: "clock_sample", at: clock.now(), offset, uncertainty: 500 });
    }
    watch.batch(maker.close());
    return watch.problems();
  };
  const wrong = ["the clock of vps1 is 36000 s ahead of the archiver's: set it (NTP)"];
  assert.deepEqual(batch(), [], "samples take a while");
  assert.deepEqual(batch(-36_000_000_000), wrong);
  assert.deepEqual(batch(), wrong, "not every batch has a sample");
  assert.deepEqual(batch(2_000_000), [
    "the clock of vps1 is 2 s behind the archiver's: set it (NTP)",
  ]);
  assert.deepEqual(batch(90_000), [], "what NTP leaves is corrected in delays");
  clock.advance(899);
  assert.deepEqual(batch(), []);
  clock.advance(1);
  assert.deepEqual(batch(), [
    "the clock of vps1 has not been compared with the archiver's for 15 minutes: " +
    "how far its delays are off is unknown",
  ]);
  assert.deepEqual(batch(0), []);
  assert.notDeepEqual(batch(-36_000_000_000), []);
  clock.advance(900);
  assert.deepEqual(watch.problems(), [], "a collector that is gone says nothing of its clock");
});
