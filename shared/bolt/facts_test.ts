import assert from "node:assert/strict";
import fc from "fast-check";
import { chainHash } from "./chains.ts";
import { channelUpdateChecksum } from "./checksum.ts";
import { gossipFacts, INNER_ID_BYTES } from "./facts.ts";
import { decodeMessage, encodeMessage } from "./message.ts";
import { signedPart } from "./signed.ts";

const filled = (length: number, byte: number) => new Uint8Array(length).fill(byte);

const announcement = encodeMessage({
  type: 256,
  nodeSignature1: filled(64, 1),
  nodeSignature2: filled(64, 2),
  bitcoinSignature1: filled(64, 3),
  bitcoinSignature2: filled(64, 4),
  features: filled(3, 5),
  chainHash: chainHash("bitcoin"),
  // The highest bit is set, so that signed and unsigned differ.
  scid: 0x900000_000001_0002n,
  nodeId1: filled(33, 6),
  nodeId2: filled(33, 7),
  bitcoinKey1: filled(33, 8),
  bitcoinKey2: filled(33, 9),
  extra: filled(4, 10),
});

const node = encodeMessage({
  type: 257,
  signature: filled(64, 1),
  features: filled(5, 2),
  timestamp: 1_700_000_000,
  nodeId: filled(33, 3),
  color: filled(3, 4),
  alias: filled(32, 0x61),
  addresses: [{ type: 1, host: filled(4, 127), port: 9735 }],
  extra: filled(4, 5),
});

const update = encodeMessage({
  type: 258,
  signature: filled(64, 1),
  chainHash: chainHash("bitcoin"),
  scid: 863846n << 40n | 913n << 16n | 104n,
  timestamp: 1_700_000_001,
  messageFlags: 1,
  channelFlags: 3,
  cltvExpiryDelta: 80,
  htlcMinimumMsat: 1n,
  feeBaseMsat: 2,
  feeProportionalMillionths: 3,
  htlcMaximumMsat: 4n,
  extra: filled(4, 5),
});

Deno.test("each gossip type has its facts", () => {
  const none = { scid: null, direction: null, nodeId: null, ownTimestamp: null, innerId: null };
  const { innerId: first, ...ofAnnouncement } = gossipFacts(announcement);
  assert.deepEqual(ofAnnouncement, {
    type: 256,
    size: announcement.length,
    scid: BigInt.asIntN(64, 0x900000_000001_0002n),
    direction: null,
    nodeId: null,
    ownTimestamp: null,
  });
  const { innerId: second, ...ofNode } = gossipFacts(node);
  assert.deepEqual(ofNode, {
    type: 257,
    size: node.length,
    scid: null,
    direction: null,
    nodeId: "03".repeat(33),
    ownTimestamp: 1_700_000_000,
  });
  const { innerId: third, ...ofUpdate } = gossipFacts(update);
  assert.deepEqual(ofUpdate, {
    type: 258,
    size: update.length,
    scid: 863846n << 40n | 913n << 16n | 104n,
    direction: 1,
    nodeId: null,
    ownTimestamp: 1_700_000_001,
  });
  assert.deepEqual([first, second, third].map((id) => id?.length), [16, 16, 16]);
  assert.equal(INNER_ID_BYTES, 16);
  const ping = Uint8Array.of(0, 18, 0, 1, 0, 0);
  assert.deepEqual(gossipFacts(ping), { ...none, type: 18, size: 6 });
  const custom = Uint8Array.of(0x80, 1, 7);
  assert.deepEqual(gossipFacts(custom), { ...none, type: 0x8001, size: 3 });
});

Deno.test("any bytes have facts, and those that do not decode only type and size", () => {
  const spoilt = fc.tuple(fc.constantFrom(announcement, node, update), fc.nat(), fc.nat(255))
    .map(([raw, at, value]) => {
      const copy = raw.slice(0, 1 + at % raw.length);
      copy[at % 80 % copy.length] = value;
      return copy;
    });
  fc.assert(fc.property(fc.oneof(spoilt, fc.uint8Array()), (raw) => {
    const { type, size, ...rest } = gossipFacts(raw);
    assert.equal(size, raw.length);
    assert.equal(type, raw.length < 2 ? -1 : raw[0] * 256 + raw[1]);
    let decodes = true;
    try {
      decodeMessage(raw);
    } catch {
      decodes = false;
    }
    const isGossip = type >= 256 && type <= 258;
    assert.equal(rest.innerId !== null, decodes && isGossip);
    if (!decodes) assert(Object.values(rest).every((fact) => fact === null));
  }));
});

/** Where signatures and timestamp of each sample are: what a repeat may differ in. */
const OUTER: readonly [raw: Uint8Array, ranges: readonly (readonly [number, number])[]][] = [
  [announcement, [[2, 258]]],
  [node, [[2, 66], [66 + 2 + 5, 66 + 2 + 5 + 4]]],
  [update, [[2, 66], [106, 110]]],
];

Deno.test("an inner id changes with any byte but those of signatures and timestamp", () => {
  for (const [raw, ranges] of OUTER) {
    const inner = gossipFacts(raw).innerId!.toHex();
    for (let at = 2; at < raw.length; at++) {
      const changed = raw.slice();
      changed[at] ^= 1;
      const { innerId } = gossipFacts(changed);
      // Some flips make a length field lie; those messages have no inner id at all.
      if (innerId === null) continue;
      const outer = ranges.some(([from, to]) => at >= from && at < to);
      assert.equal(innerId.toHex() === inner, outer, `type ${raw[1] + 256}, byte ${at}`);
    }
  }
});

Deno.test("a checksum changes with any byte but those of type, signature and timestamp", () => {
  const checksum = channelUpdateChecksum(update);
  for (let at = 0; at < update.length; at++) {
    const changed = update.slice();
    changed[at] ^= 0x80;
    const outer = at < 66 || (at >= 106 && at < 110);
    assert.equal(channelUpdateChecksum(changed) === checksum, outer, `byte ${at}`);
  }
});

Deno.test("the signed part is what follows the signatures, and names its signers", () => {
  const ofAnnouncement = signedPart(announcement)!;
  assert.deepEqual(ofAnnouncement.digestInput, announcement.subarray(258));
  assert.deepEqual(ofAnnouncement.signatures, [1, 2, 3, 4].map((byte) => filled(64, byte)));
  assert.deepEqual(ofAnnouncement.signers, ["06", "07", "08", "09"].map((hex) => hex.repeat(33)));

  const ofNode = signedPart(node)!;
  assert.deepEqual(ofNode.digestInput, node.subarray(66));
  assert.deepEqual(ofNode.signatures, [filled(64, 1)]);
  assert.deepEqual(ofNode.signers, ["03".repeat(33)]);

  const ofUpdate = signedPart(update)!;
  assert.deepEqual(ofUpdate.digestInput, update.subarray(66));
  assert.deepEqual(ofUpdate.signatures, [filled(64, 1)]);
  assert.deepEqual(ofUpdate.signers, []);

  assert.equal(signedPart(Uint8Array.of(0, 18, 0, 1, 0, 0)), null);
  assert.equal(signedPart(Uint8Array.of(0x80, 1)), null);
  assert.throws(() => signedPart(update.subarray(0, 137)), {
    name: "BoltFault",
    code: "truncated",
  });
});

Deno.test("writing a signature into the signed part signs the message", () => {
  const copy = update.slice();
  signedPart(copy)!.signatures[0].set(filled(64, 0xee));
  const message = decodeMessage(copy);
  assert(message.known && message.type === 258);
  assert.deepEqual(message.signature, filled(64, 0xee));
});
