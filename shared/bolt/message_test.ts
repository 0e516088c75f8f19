import assert from "node:assert/strict";
import fc from "fast-check";
import type { Address, AddressType } from "./address.ts";
import { chainHash } from "./chains.ts";
import { BoltFault } from "./fault.ts";
import { gossipFacts } from "./facts.ts";
import { featureBits, hasFeature } from "./features.ts";
import { initFeatures } from "./init.ts";
import { decodeMessage, encodeMessage, type Message, type MessageFields } from "./message.ts";
import { type KnownType, MESSAGE_TYPES } from "./message_types.ts";

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const some = fc.uint8Array({ maxLength: 40 });
const u8 = fc.nat(0xff), u16 = fc.nat(0xffff), u32 = fc.nat(0xffffffff);
const u64 = fc.bigInt(0n, 2n ** 64n - 1n);
const signature = bytes(64), key = bytes(33), hash = bytes(32);

/** A record of the fields given, without those that are undefined: an absent TLV record is an absent field. */
function fields<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }).map((value) =>
    Object.fromEntries(Object.entries(value as object).filter(([, v]) => v !== undefined)) as T
  );
}

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const tlvs = fc.uniqueArray(
  fc.record({
    // Odd, and above those that init and the queries know.
    type: fc.bigInt(5n, 2n ** 64n - 1n).map((type) => type | 1n),
    value: some,
  }, { noNullPrototype: true }),
  { selector: (record) => record.type, maxLength: 3 },
).map((records) => records.toSorted((a, b) => a.type < b.type ? -1 : 1));

const address: fc.Arbitrary<Address> = fc.oneof(
  ...([[1, 4, 4], [2, 16, 16], [3, 10, 10], [4, 35, 35], [5, 0, 255]] as const).map(
    ([type, minLength, maxLength]) =>
      fields<Address>({
        type: fc.constant<AddressType>(type),
        host: fc.uint8Array({ minLength, maxLength }),
        port: u16,
      }),
  ),
);

const complaint = { channelId: hash, data: some, extra: some };
const scidsWith = <T>(item: fc.Arbitrary<T>) =>
  fc.array(fc.tuple(u64, item, item), { maxLength: 30 });

/** Arbitrary fields of each type, complete: also what may be left out when encoding. */
const MESSAGES: { [T in KnownType]: fc.Arbitrary<Extract<MessageFields, { type: T }>> } = {
  1: fields({ type: fc.constant(1 as const), ...complaint }),
  16: fields({
    type: fc.constant(16 as const),
    globalFeatures: some,
    features: some,
    networks: optional(fc.array(hash, { maxLength: 3 })),
    remoteAddress: optional(some),
    tlvs,
  }),
  17: fields({ type: fc.constant(17 as const), ...complaint }),
  18: fields({ type: fc.constant(18 as const), numPongBytes: u16, ignored: some, extra: some }),
  19: fields({ type: fc.constant(19 as const), ignored: some, extra: some }),
  256: fields({
    type: fc.constant(256 as const),
    nodeSignature1: signature,
    nodeSignature2: signature,
    bitcoinSignature1: signature,
    bitcoinSignature2: signature,
    features: some,
    chainHash: hash,
    scid: u64,
    nodeId1: key,
    nodeId2: key,
    bitcoinKey1: key,
    bitcoinKey2: key,
    extra: some,
  }),
  257: fields({
    type: fc.constant(257 as const),
    signature,
    features: some,
    timestamp: u32,
    nodeId: key,
    color: bytes(3),
    alias: hash,
    addresses: fc.array(address, { maxLength: 5 }),
    unknownAddresses: some.filter((tail) => tail.length === 0 || tail[0] === 0 || tail[0] > 5),
    extra: some,
  }),
  258: fields({
    type: fc.constant(258 as const),
    signature,
    chainHash: hash,
    scid: u64,
    timestamp: u32,
    messageFlags: u8,
    channelFlags: u8,
    cltvExpiryDelta: u16,
    htlcMinimumMsat: u64,
    feeBaseMsat: u32,
    feeProportionalMillionths: u32,
    htlcMaximumMsat: u64,
    extra: some,
  }),
  261: fc.tuple(hash, scidsWith(fc.maxSafeNat()), fc.boolean(), tlvs).map((
    [chainHash, rows, withFlags, tlvs],
  ) => ({
    type: 261,
    chainHash,
    scids: rows.map(([scid]) => scid),
    ...withFlags && { flags: rows.map(([, flags]) => flags) },
    tlvs,
  })),
  262: fields({
    type: fc.constant(262 as const),
    chainHash: hash,
    fullInformation: u8,
    extra: some,
  }),
  263: fields({
    type: fc.constant(263 as const),
    chainHash: hash,
    firstBlock: u32,
    numberOfBlocks: u32,
    options: optional(fc.maxSafeNat()),
    tlvs,
  }),
  264: fc.tuple(
    fields({ chainHash: hash, firstBlock: u32, numberOfBlocks: u32, syncComplete: u8, tlvs }),
    scidsWith(fc.tuple(u32, u32)),
    fc.boolean(),
    fc.boolean(),
  ).map(([fixed, rows, withTimestamps, withChecksums]) => ({
    type: 264,
    ...fixed,
    scids: rows.map(([scid]) => scid),
    ...withTimestamps && { timestamps: rows.map(([, pair]) => pair) },
    ...withChecksums && { checksums: rows.map(([, , pair]) => pair) },
  })),
  265: fields({
    type: fc.constant(265 as const),
    chainHash: hash,
    firstTimestamp: u32,
    timestampRange: u32,
    extra: some,
  }),
};

const anyMessage = fc.oneof(...Object.values(MESSAGES) as fc.Arbitrary<MessageFields>[]);

for (const [name, type] of Object.entries(MESSAGE_TYPES)) {
  Deno.test(`${name}: encoded fields decode to the same fields, and encode again to the same bytes`, () => {
    fc.assert(fc.property(MESSAGES[type] as fc.Arbitrary<MessageFields>, (fields) => {
      const raw = encodeMessage(fields);
      const message = decodeMessage(raw);
      assert.deepEqual(message, { ...fields, raw, known: true });
      assert.deepEqual(encodeMessage(message), raw);
    }));
  });
}

Deno.test("any bytes are a message that encodes to the same bytes, or a refusal", () => {
  const type = fc.oneof(fc.constantFrom(...Object.values(MESSAGE_TYPES)), u16);
  const junk = fc.tuple(type, fc.uint8Array({ maxLength: 500 }))
    .map(([type, rest]) => Uint8Array.of(type >> 8, type & 0xff, ...rest));
  const spoilt = fc.tuple(anyMessage, fc.nat(), fc.nat(255), fc.nat(), some).map(
    ([fields, at, value, cut, tail]) => {
      const raw = encodeMessage(fields);
      raw[at % raw.length] = value;
      return cut % 2 ? Uint8Array.of(...raw, ...tail) : raw.subarray(0, cut % (2 * raw.length));
    },
  );
  let known = 0;
  fc.assert(
    fc.property(fc.oneof(spoilt, junk, fc.uint8Array()), (raw) => {
      let message: Message;
      try {
        message = decodeMessage(raw);
      } catch (error) {
        assert(error instanceof BoltFault);
        return;
      }
      if (message.known) known++;
      assert.equal(message.raw, raw);
      assert.deepEqual(encodeMessage(message), raw);
    }),
    { numRuns: 2000 },
  );
  assert(known > 200, `only ${known} of 2000 were known and valid, so this shows little`);
});

Deno.test("an unknown type passes through as it is", () => {
  const raw = Uint8Array.of(2, 1, 9, 9);
  assert.deepEqual(decodeMessage(raw), { type: 513, raw, known: false });
});

Deno.test("byte fields are views of the message and not copies", () => {
  const raw = encodeMessage(fc.sample(MESSAGES[258], 1)[0]);
  const message = decodeMessage(raw);
  assert(message.known && message.type === 258);
  assert.equal(message.signature.buffer, raw.buffer);
});

Deno.test("a message may be as long as BOLT 8 can carry and no longer", () => {
  const longest = new Uint8Array(65_535);
  longest.set([0, 19, 0xff, 0xff - 4]);
  assert.equal(decodeMessage(longest).type, 19);
  const longer = new Uint8Array(65_536);
  assert.throws(() => decodeMessage(longer), { name: "BoltFault", code: "too_long" });
  const pong = { type: 19, ignored: new Uint8Array(65_532) } as const;
  assert.throws(() => encodeMessage(pong), { name: "BoltFault", code: "too_long" });
  for (const short of [0, 1]) {
    assert.throws(() => decodeMessage(new Uint8Array(short)), { code: "truncated" });
  }
});

Deno.test("a listener's init for mainnet is the known bytes", () => {
  const raw = Uint8Array.fromHex("00100000000620000000aa820120" + chainHash("bitcoin").toHex());
  const message = decodeMessage(raw);
  assert(message.known && message.type === 16);
  assert.deepEqual(featureBits(initFeatures(message)), [1, 7, 9, 11, 13, 15, 45]);
  assert.deepEqual(message.networks, [chainHash("bitcoin")]);
  const { features, networks } = message;
  assert.deepEqual(encodeMessage({ type: 16, features, networks }), raw);
});

Deno.test("a channel_update without htlc_maximum_msat is one when bit 0 of its message flags is unset", () => {
  const update: MessageFields = {
    type: 258,
    signature: new Uint8Array(64),
    chainHash: chainHash("bitcoin"),
    scid: 1n,
    timestamp: 2,
    messageFlags: 0,
    channelFlags: 1,
    cltvExpiryDelta: 3,
    htlcMinimumMsat: 4n,
    feeBaseMsat: 5,
    feeProportionalMillionths: 6,
    htlcMaximumMsat: null,
  };
  const raw = encodeMessage(update);
  assert.equal(raw.length, 130);
  const message = decodeMessage(raw);
  assert(message.known && message.type === 258);
  assert.deepEqual([message.htlcMaximumMsat, message.feeProportionalMillionths], [null, 6]);
  assert.equal(gossipFacts(raw).scid, 1n);
  const promised = encodeMessage({ ...update, messageFlags: 1 });
  assert.throws(() => decodeMessage(promised), { code: "truncated" });
});

Deno.test("an empty encoded list may lack its encoding byte", () => {
  const chain = chainHash("regtest").toHex();
  const query = decodeMessage(Uint8Array.fromHex(`0105${chain}00000100`));
  assert(query.known && query.type === 261);
  assert.deepEqual([query.scids, query.flags], [[], []]);
  const reply = decodeMessage(Uint8Array.fromHex(`0108${chain}0000000000000001010000`));
  assert(reply.known && reply.type === 264);
  assert.deepEqual(reply.scids, []);
});

Deno.test("init's two bitmaps count as one", () => {
  const message = decodeMessage(Uint8Array.fromHex("0010" + "00010a" + "00020280"));
  assert(message.known && message.type === 16);
  assert.deepEqual(featureBits(initFeatures(message)), [1, 3, 7, 9]);
  assert(hasFeature(initFeatures(message), 6));
});

Deno.test("lists that do not match their scids are refused both ways", () => {
  const chain = chainHash("regtest");
  const query = { type: 261, chainHash: chain, scids: [1n, 2n], flags: [1] } as const;
  const refused = { name: "BoltFault", code: "count_mismatch" };
  assert.throws(() => encodeMessage(query), refused);
  const good = encodeMessage({ ...query, flags: [1, 2] });
  // The flags' record is the last: type, length, encoding, 1, 2. One less each way.
  const bad = good.slice(0, -1);
  bad[bad.length - 3] = 2;
  assert.throws(() => decodeMessage(bad), refused);
  const reply = {
    type: 264,
    chainHash: chain,
    firstBlock: 0,
    numberOfBlocks: 1,
    syncComplete: 1,
    scids: [1n],
  } as const;
  assert.throws(() => encodeMessage({ ...reply, timestamps: [] }), refused);
  assert.throws(() => encodeMessage({ ...reply, checksums: [[1, 2], [3, 4]] }), refused);
});

Deno.test("compressed and unknown array encodings are refused, each by its name", () => {
  const query = (encoding: string) =>
    Uint8Array.fromHex(
      "0105" + chainHash("regtest").toHex() + "0009" + encoding + "0000000000000001",
    );
  assert.equal(decodeMessage(query("00")).known, true);
  assert.throws(() => decodeMessage(query("01")), { name: "BoltFault", code: "compressed" });
  assert.throws(() => decodeMessage(query("02")), { name: "BoltFault", code: "unknown_encoding" });
});
