import assert from "node:assert/strict";
import { chainHash } from "../../shared/bolt/chains.ts";
import { crc32c } from "../../shared/bolt/checksum.ts";
import { gossipFacts } from "../../shared/bolt/facts.ts";
import { decodeMessage, encodeMessage } from "../../shared/bolt/message.ts";
import { readGossipStore, readMainnetGossip } from "../support/fixtures/gossip_store.ts";

const gossip = readMainnetGossip();
const skipped = gossip ? "" : " (skipped: ../shared/data/mainnet-gossip is not there)";

Deno.test({
  name: `the 49 real mainnet messages decode and encode to the same bytes${skipped}`,
  ignore: gossip === null,
  fn() {
    const counts: Record<number, number> = {};
    for (const raw of gossip!) {
      const message = decodeMessage(raw);
      assert(message.known && (message.type === 256 || message.type === 258));
      assert.deepEqual(message.chainHash, chainHash("bitcoin"));
      assert.deepEqual(encodeMessage(message), raw);
      assert.equal(gossipFacts(raw).scid, message.scid);
      counts[message.type] = (counts[message.type] ?? 0) + 1;
    }
    assert.deepEqual(counts, { 256: 45, 258: 4 });
  },
});

Deno.test("a gossip_store is read whole, or not at all", () => {
  const message = Uint8Array.of(0x01, 0x02, 7);
  const store = new Uint8Array(1 + 12 + message.length);
  const view = new DataView(store.buffer);
  store[0] = 16;
  view.setUint16(1, 0x2000);
  view.setUint16(3, message.length);
  view.setUint32(5, crc32c(message, 1234));
  view.setUint32(9, 1234);
  store.set(message, 13);
  assert.deepEqual(readGossipStore(store), [{ flags: 0x2000, timestamp: 1234, message }]);
  assert.throws(() => readGossipStore(store.subarray(0, -1)), { code: "truncated" });
  for (const version of [14, 0x20 + 16]) {
    assert.throws(() => readGossipStore(Uint8Array.of(version)), /version/);
  }
  store[15] ^= 1;
  assert.throws(() => readGossipStore(store), /record 0 has a wrong checksum/);
});
