import assert from "node:assert/strict";
import { SentLedger } from "./sent_ledger.ts";

Deno.test("what was sent is told by reason and type", () => {
  const ledger = new SentLedger();
  assert.deepEqual(ledger.entries(), []);
  ledger.record("own_filter", Uint8Array.of(1, 9, 0));
  for (const type of [2, 0, 2]) ledger.record("query_short_channel_ids", Uint8Array.of(1, type));
  assert.deepEqual(ledger.entries(), [
    { reason: "query_short_channel_ids", type: "channel_announcement", messages: 1, bytes: 2 },
    { reason: "query_short_channel_ids", type: "channel_update", messages: 2, bytes: 4 },
    { reason: "own_filter", type: "gossip_timestamp_filter", messages: 1, bytes: 3 },
  ]);
});
