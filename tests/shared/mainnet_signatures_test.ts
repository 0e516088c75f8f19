import assert from "node:assert/strict";
import { decodeMessage } from "../../shared/bolt/message.ts";
import { type SignedPart, signedPart } from "../../shared/bolt/signed.ts";
import { verifyGossip } from "../../shared/secp256k1.ts";
import { readMainnetGossip } from "../support/fixtures/gossip_store.ts";

const gossip = readMainnetGossip();
const skipped = gossip ? "" : " (skipped: ../shared/data/mainnet-gossip is not there)";

/** Each real message's signatures with the keys that made them; a channel_update's comes from its channel. */
function signedMessages(raws: readonly Uint8Array[]): { part: SignedPart; keys: Uint8Array[] }[] {
  const channels = new Map<bigint, Uint8Array[]>();
  return raws.map((raw) => {
    const message = decodeMessage(raw);
    const part = signedPart(raw)!;
    if (!message.known) throw new Error(`type ${message.type}`);
    if (message.type === 256) channels.set(message.scid, [message.nodeId1, message.nodeId2]);
    if (message.type !== 258) {
      return { part, keys: part.signers.map((text) => Uint8Array.fromHex(text)) };
    }
    return { part, keys: [channels.get(message.scid)![message.channelFlags & 1]] };
  });
}

Deno.test({
  name: `the 184 signatures of the 49 real mainnet messages verify${skipped}`,
  ignore: gossip === null,
  fn() {
    let verified = 0;
    for (const { part, keys } of signedMessages(gossip!)) {
      assert.equal(part.signatures.length, keys.length);
      part.signatures.forEach((signature, i) => {
        assert.equal(verifyGossip(signature, part.digestInput, keys[i]), true);
        assert.equal(verifyGossip(signature, part.digestInput.subarray(1), keys[i]), false);
        verified++;
      });
    }
    assert.equal(verified, 45 * 4 + 4);
  },
});
