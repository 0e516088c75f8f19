import assert from "node:assert/strict";
import { RECEIPT_REPEAT } from "../../shared/batch/batch.ts";
import { decodeBatch } from "../../shared/batch/codec.ts";
import { gossipFacts } from "../../shared/bolt/facts.ts";
import { PlannedBatches, type PlannedRun } from "./planned_batches.ts";
import { readBatchFile, writeBatchFile } from "./whole_run/batch_file.ts";
import { traffic } from "../simnet/traffic.ts";
import { tempDir } from "../support/temp_dir.ts";

const RUN: PlannedRun = {
  collector: "bench",
  startedAt: Date.UTC(2025, 8, 26) * 1000,
  traffic: { seed: "batches", peers: 60, seconds: 900, cutSeconds: 900, peersLeave: true },
};

Deno.test("a planned run comes back from its file: every receipt once, repeats flagged, all that it names told", async () => {
  await using dir = await tempDir();
  const plan = new PlannedBatches(RUN);
  await writeBatchFile(dir.join("run"), plan.batches());

  const messages = new Set<number>();
  const sessions = new Set<number>();
  const delivered = new Set<string>();
  let batches = 0, receipts = 0, closed = 0, times = 0n, last = 0;
  for await (const { bytes, receipts: count, closedAt } of readBatchFile(dir.join("run"))) {
    const batch = decodeBatch(bytes);
    assert.equal(batch.number, batches++);
    assert.equal(batch.receiptsBefore, receipts);
    for (const [i, number] of batch.messages.numbers.entries()) {
      messages.add(number);
      assert.notEqual(gossipFacts(batch.messages.raws[i]).innerId, null, "it decodes as its type");
    }
    for (const event of batch.events) {
      if (event.kind === "session_opened") sessions.add(event.session);
      if (event.kind === "session_closed") closed++;
    }
    const { receivedAt, flags } = batch.receipts;
    assert.equal(receivedAt.length, count);
    for (let i = 0; i < count; i++) {
      const [message, session] = [batch.receipts.messages[i], batch.receipts.sessions[i]];
      assert.ok(messages.has(message) && sessions.has(session) && receivedAt[i] >= last);
      const pair = `${message}/${session}`;
      assert.equal(flags[i], delivered.has(pair) ? RECEIPT_REPEAT : 0);
      delivered.add(pair);
      last = receivedAt[i];
      times += BigInt(last - RUN.startedAt);
    }
    receipts += count;
    if (count > 0) assert.equal(closedAt, last - RUN.startedAt);
  }

  let planned = 0;
  for (const { deliveries } of traffic(RUN.traffic)) planned += deliveries;
  assert.equal(receipts, planned);
  assert.ok(receipts > 10_000);
  assert.deepEqual([sessions.size, closed], [60, 60]);
  const { bytes: _, messageBytes: __, ...totals } = plan.totals;
  assert.deepEqual(totals, { batches, receipts, times, messages: messages.size });
});

Deno.test("a file of batches that ends early is refused", async () => {
  await using dir = await tempDir();
  const path = dir.join("run");
  const bytes = new Uint8Array(100);
  const size = await writeBatchFile(path, [{ bytes, receipts: 1, closedAt: 2 }]);
  await Deno.truncate(path, size - 1);
  await assert.rejects(Array.fromAsync(readBatchFile(path)), /ends within a batch/);
});
