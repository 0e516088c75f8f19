import assert from "node:assert/strict";
import { crc32, deflateRawSync } from "node:zlib";
import fc from "fast-check";
import {
  ADDRESS_KINDS,
  type Batch,
  batchId,
  type CollectorEvent,
  DIAL_OUTCOMES,
  SOURCE_KINDS,
  VERDICTS,
} from "./batch.ts";
import { encodeBody, MAX_BATCH_MESSAGES, MAX_BATCH_RECEIPTS } from "./body.ts";
import { decodeBatch, encodeBatch, MAX_BATCH_BYTES, MAX_INFLATED_BYTES } from "./codec.ts";
import { type BatchCode, BatchFault } from "./fault.ts";

const EMPTY: Batch = {
  collector: "a",
  epoch: 0,
  number: 0,
  receiptsBefore: 0,
  messages: { numbers: new Uint32Array(), raws: [] },
  verdicts: { numbers: new Uint32Array(), codes: new Uint8Array() },
  receipts: {
    receivedAt: new Float64Array(),
    messages: new Uint32Array(),
    sessions: new Uint32Array(),
    flags: new Uint8Array(),
  },
  events: [],
};

const u32 = fc.nat(0xffff_ffff);
const whole = fc.maxSafeNat();
const shortText = fc.string({ unit: "binary", maxLength: 40 });
/** `fc.record` with ordinary objects, which is what JSON gives. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record<T>(model, { noNullPrototype: true });
const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((b) => b.toHex());

/** Of a session so far; a collector may not know them all. */
const figures = {
  receipts: whole,
  bytes_in: whole,
  bytes_out: whole,
  first_gossip_at: fc.option(whole),
  last_gossip_at: fc.option(whole),
  messages_in: fc.option(whole),
  messages_out: fc.option(whole),
  gossip_out: fc.option(whole),
  pings_sent: fc.option(whole),
  pings_answered: fc.option(whole),
  rtt_min: fc.option(whole),
  rtt_median: fc.option(whole),
  rtt_max: fc.option(whole),
  pings_received: fc.option(whole),
  pongs_sent: fc.option(whole),
};

const event: fc.Arbitrary<CollectorEvent> = fc.oneof(
  record({
    kind: fc.constant("run_started" as const),
    at: whole,
    version: shortText,
    target_peers: whole,
  }),
  record({
    kind: fc.constant("session_opened" as const),
    source: fc.constantFrom(
      null,
      { name: "cln", kind: "cln_io_log" as const, uncertainty: 550_000 },
    ),
    session: u32,
    node_id: hex(32).map((x) => `02${x}`),
    address: shortText,
    dialled_at: whole,
    handshake_at: whole,
    filter_at: whole,
    filter_first: u32,
    features: hex(5),
  }),
  record({
    kind: fc.constant("session_closed" as const),
    session: u32,
    at: whole,
    by: fc.constantFrom("us" as const, "peer" as const, "network" as const),
    reason: shortText,
    ...figures,
  }),
  record({ kind: fc.constant("session_state" as const), session: u32, at: whole, ...figures }),
  record({
    kind: fc.constant("dial_outcomes" as const),
    since: whole,
    at: whole,
    dials: fc.array(
      record({
        outcome: fc.constantFrom(...DIAL_OUTCOMES),
        address: fc.constantFrom(...ADDRESS_KINDS),
        count: whole,
      }),
      { maxLength: 9 },
    ),
  }),
  record({
    kind: fc.constant("batches_dropped" as const),
    at: whole,
    epoch: whole,
    first: whole,
    last: whole,
  }),
  record({ kind: fc.constant("stalled" as const), since: whole, at: whole }),
  record({
    kind: fc.constant("log_gap" as const),
    source: record({
      name: fc.constant("my-node"),
      kind: fc.constantFrom(...SOURCE_KINDS),
      uncertainty: whole,
    }),
    since: whole,
    at: whole,
    reason: fc.string({ maxLength: 1024 }),
  }),
  record({ kind: fc.constant("clock_step" as const), at: whole, step: fc.maxSafeInteger() }),
  record({
    kind: fc.constant("clock_sample" as const),
    at: whole,
    offset: fc.maxSafeInteger(),
    uncertainty: whole,
  }),
  record({ kind: fc.constant("run_ended" as const), at: whole, receipts: whole }),
);

/** Times from small steps, as in life, and from anything that is allowed. */
const times = fc.oneof(
  fc.array(fc.constantFrom(0, 0, 0, 1, 700, 90_000_000), { maxLength: 60, size: "max" }).map(
    (steps) => {
      let now = 1_758_844_800_000_000;
      return Float64Array.from(steps, (step) => now += step);
    },
  ),
  fc.array(whole, { maxLength: 60, size: "max" }).map((all) => Float64Array.from(all).sort()),
);

const batch: fc.Arbitrary<Batch> = record({
  collector: fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,62}$/),
  epoch: whole,
  number: whole,
  receiptsBefore: whole,
  messages: fc.uniqueArray(u32, { maxLength: 20, size: "max" }).chain((numbers) =>
    fc.array(fc.uint8Array({ maxLength: 300, size: "max" }), {
      minLength: numbers.length,
      maxLength: numbers.length,
    }).map((raws) => ({ numbers: Uint32Array.from(numbers).sort(), raws }))
  ),
  verdicts: fc.array(fc.tuple(u32, fc.nat(VERDICTS.length - 1)), { maxLength: 20, size: "max" })
    .map((all) => ({
      numbers: Uint32Array.from(all, ([number]) => number),
      codes: Uint8Array.from(all, ([, code]) => code),
    })),
  receipts: times.chain((receivedAt) => {
    const size = { minLength: receivedAt.length, maxLength: receivedAt.length };
    return record({
      receivedAt: fc.constant(receivedAt),
      messages: fc.uint32Array(size),
      sessions: fc.oneof(fc.uint32Array(size), fc.uint32Array({ ...size, max: 1 })),
      flags: fc.uint8Array({ ...size, max: 3 }),
    });
  }),
  events: fc.array(event, { maxLength: 6 }),
});

/** A batch's bytes around a deflated body that no encoder of ours made. */
function sealed(frame: Uint8Array, bodyLength: number): Uint8Array {
  const bytes = new Uint8Array(38 + frame.length);
  bytes.set(encodeBatch(EMPTY).subarray(0, 38));
  bytes.set(frame, 38);
  return resealed(bytes, bodyLength);
}

/** The same bytes with a checksum that fits, so that what lies behind it is reached. */
function resealed(bytes: Uint8Array, bodyLength?: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bodyLength !== undefined) view.setUint32(8, bodyLength, true);
  view.setUint32(4, crc32(bytes.subarray(8)), true);
  return bytes;
}

function refuses(run: () => unknown, code: BatchCode): void {
  assert.throws(run, (error) => error instanceof BatchFault && error.code === code, code);
}

/** Decoding gives a batch or a fault; anything else that is thrown fails the test. */
function decodeOrFault(bytes: Uint8Array): Batch | BatchFault {
  try {
    return decodeBatch(bytes);
  } catch (error) {
    if (error instanceof BatchFault) return error;
    throw error;
  }
}

Deno.test("every batch comes back from its bytes as it was", () => {
  fc.assert(fc.property(batch, (original) => {
    const decoded = decodeBatch(encodeBatch(original));
    assert.deepEqual(decoded, original);
    assert.equal(batchId(decoded), batchId(original));
  }));
});

Deno.test("any bytes give a batch or a fault", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400, size: "max" }), (bytes) => {
    assert.ok(decodeOrFault(bytes));
  }));
});

Deno.test("a changed byte anywhere in a batch is noticed", () => {
  fc.assert(fc.property(batch, fc.nat(), fc.integer({ min: 1, max: 255 }), (original, at, flip) => {
    const bytes = encodeBatch(original);
    bytes[at % bytes.length] ^= flip;
    assert.ok(decodeOrFault(bytes) instanceof BatchFault);
  }));
});

Deno.test("a changed header or frame with a right checksum gives a batch or a fault", () => {
  fc.assert(fc.property(batch, fc.nat(), fc.nat(255), (original, at, value) => {
    const bytes = encodeBatch(original);
    bytes[8 + at % (bytes.length - 8)] = value;
    assert.ok(decodeOrFault(resealed(bytes)));
  }));
});

Deno.test("a changed body that compresses well gives a batch or a fault", () => {
  const change = fc.tuple(fc.nat(), fc.nat(255));
  fc.assert(fc.property(
    batch,
    fc.array(change, { minLength: 1, maxLength: 4 }),
    fc.option(fc.nat()),
    (original, changes, cut) => {
      let body: Uint8Array = encodeBody(original);
      for (const [at, value] of changes) body[at % body.length] = value;
      if (cut !== null) body = body.subarray(0, cut % body.length);
      assert.ok(decodeOrFault(sealed(deflateRawSync(body), body.length)));
    },
  ));
});

Deno.test("each refusal has its code", () => {
  const good = encodeBatch(EMPTY);
  const body = encodeBody(EMPTY);
  const frame = deflateRawSync(body);
  refuses(() => decodeBatch(new Uint8Array(MAX_BATCH_BYTES + 1)), "too_large");
  refuses(() => decodeBatch(new Uint8Array()), "truncated");
  refuses(() => decodeBatch(Uint8Array.from(good, (byte, i) => i === 0 ? 0 : byte)), "bad_magic");
  refuses(() => decodeBatch(Uint8Array.from(good, (byte, i) => i === 3 ? 2 : byte)), "bad_version");
  refuses(() => decodeBatch(good.subarray(0, -1)), "bad_checksum");
  refuses(() => decodeBatch(sealed(frame, MAX_INFLATED_BYTES + 1)), "too_large");
  refuses(() => decodeBatch(sealed(frame, body.length + 1)), "bad_compression");
  refuses(() => decodeBatch(sealed(body, body.length)), "bad_compression");
  const longer = new Uint8Array([...body, 0]);
  refuses(() => decodeBatch(sealed(deflateRawSync(longer), longer.length)), "trailing");
  const shorter = body.subarray(0, -1);
  refuses(() => decodeBatch(sealed(deflateRawSync(shorter), shorter.length)), "truncated");
  const events = Uint8Array.from(body);
  events.set(new TextEncoder().encode("{}"), body.length - 2);
  refuses(() => decodeBatch(sealed(deflateRawSync(events), events.length)), "bad_event");
});

Deno.test("a bomb is refused at the length its header admits", () => {
  const bomb = deflateRawSync(new Uint8Array(64 * 1024 * 1024));
  assert.ok(bomb.length < 80_000);
  for (const admitted of [0, 1000, MAX_INFLATED_BYTES]) {
    const fault = decodeOrFault(sealed(bomb, admitted));
    assert.ok(fault instanceof BatchFault && fault.code === "bad_compression");
    // Not after inflating all of it, but as soon as it is more than that.
    assert.match(fault.message, /it inflates past the \d+ bytes its header says/);
  }
});

Deno.test("broken batches keep no memory", () => {
  const packed = deflateRawSync(crypto.getRandomValues(new Uint8Array(2000)));
  packed[0] |= 0b110; // a block type that does not exist
  const broken = sealed(packed, 2000);
  const before = Deno.memoryUsage().rss;
  for (let i = 0; i < 5000; i++) refuses(() => decodeBatch(broken), "bad_compression");
  // Deno's own inflate kept 27 KB of each, its zstd up to 700.
  const grown = Deno.memoryUsage().rss - before;
  assert.ok(grown < 100e6, `${grown} bytes more`);
});

Deno.test("what the format cannot hold is not encoded", () => {
  const times = (receivedAt: number[]): Batch => ({
    ...EMPTY,
    receipts: {
      receivedAt: Float64Array.from(receivedAt),
      messages: new Uint32Array(receivedAt.length),
      sessions: new Uint32Array(receivedAt.length),
      flags: new Uint8Array(receivedAt.length),
    },
  });
  refuses(() => encodeBatch(times([2, 1])), "bad_value");
  refuses(() => encodeBatch(times([-1])), "bad_value");
  refuses(() => encodeBatch(times([0.5])), "bad_value");
  refuses(() => encodeBatch(times([NaN])), "bad_value");
  refuses(() => encodeBatch({ ...EMPTY, collector: "a.b" }), "bad_value");
  refuses(() => encodeBatch({ ...EMPTY, epoch: 0.5 }), "bad_value");
  const { receipts } = times([1, 2]);
  const flags = new Uint8Array(1);
  refuses(() => encodeBatch({ ...EMPTY, receipts: { ...receipts, flags } }), "bad_value");
  const numbers = Uint32Array.of(1, 1);
  const raws = [new Uint8Array(), new Uint8Array()];
  refuses(() => encodeBatch({ ...EMPTY, messages: { numbers, raws } }), "bad_value");
  refuses(() => encodeBatch({ ...EMPTY, verdicts: { numbers, codes: flags } }), "bad_value");
  refuses(() => encodeBatch(times(new Array(MAX_BATCH_RECEIPTS + 1).fill(0))), "too_large");
  const many = new Uint32Array(MAX_BATCH_MESSAGES + 1);
  const codes = new Uint8Array(many.length);
  refuses(() => encodeBatch({ ...EMPTY, verdicts: { numbers: many, codes } }), "too_large");
  const long = { numbers: Uint32Array.of(0), raws: [new Uint8Array(65_536)] };
  refuses(() => encodeBatch({ ...EMPTY, messages: long }), "bad_value");
});
