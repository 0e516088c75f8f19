/**
 * The vectors of BOLT 1, appendices A to C.
 *
 * @module
 */
import assert from "node:assert/strict";
import * as v from "valibot";
import { readBigSize, writeBigSize } from "../../shared/bolt/bigsize.ts";
import { type BoltCode, BoltFault } from "../../shared/bolt/fault.ts";
import { decodeMessage, encodeMessage } from "../../shared/bolt/message.ts";
import { Reader } from "../../shared/bolt/reader.ts";
import { scidText } from "../../shared/bolt/scid.ts";
import { readTlvStream, type TlvHandlers } from "../../shared/bolt/tlv.ts";
import { Writer } from "../../shared/bolt/writer.ts";
import { isPublicKey } from "../../shared/secp256k1.ts";
import { fromHex, toHex } from "../../shared/text.ts";
import { hex, refusalOf, type VectorSuite, vectorSuite } from "./vector_suite.ts";

// BOLT 1, appendix A

const BIGSIZE_CODES = {
  "decoded bigsize is not canonical": "not_minimal",
  "unexpected EOF": "truncated",
  "EOF": "truncated",
} as const;

const goodBigSize = v.strictObject({ name: v.string(), value: v.string(), bytes: hex });

/** Appendix A: BigSize. */
export const bigSizeVectors: VectorSuite = vectorSuite(
  v.strictObject({
    source: v.string(),
    decoding: v.array(v.union([
      goodBigSize,
      v.strictObject({
        name: v.string(),
        bytes: hex,
        exp_error: v.picklist(Object.keys(BIGSIZE_CODES) as (keyof typeof BIGSIZE_CODES)[]),
      }),
    ])),
    encoding: v.array(goodBigSize),
  }),
  ({ decoding, encoding }) => {
    for (const vector of decoding) {
      const reader = new Reader(fromHex(vector.bytes), vector.name);
      if ("exp_error" in vector) {
        assert.equal(refusalOf(() => readBigSize(reader)), BIGSIZE_CODES[vector.exp_error]);
      } else {
        assert.equal(readBigSize(reader), BigInt(vector.value), vector.name);
        reader.end();
      }
    }
    for (const { name, value, bytes } of encoding) {
      const writer = new Writer(name);
      writeBigSize(writer, BigInt(value));
      assert.equal(toHex(writer.finish()), bytes, name);
    }
  },
);

// BOLT 1, appendix B

type TlvValues = Record<string, Record<string, string>>;

/** `tu64` and `tu32`: an integer without leading zero bytes. Only these vectors use it, so it has no codec. */
function readTruncated(value: Reader, maxBytes: number): bigint {
  const bytes = value.rest();
  if (bytes.length > maxBytes) throw new BoltFault("bad_length", "too long for its integer");
  if (bytes[0] === 0) throw new BoltFault("not_minimal", "a leading zero byte");
  return bytes.reduce((sum, byte) => sum << 8n | BigInt(byte), 0n);
}

function readPoint(value: Reader): string {
  const point = value.take(33);
  if (!isPublicKey(point)) throw new BoltFault("bad_text", "not a point");
  return toHex(point);
}

/** The namespaces that the appendix makes up, with handlers that collect what they read. */
const NAMESPACES: Record<"n1" | "n2", (values: TlvValues) => TlvHandlers> = {
  n1: (values) =>
    new Map<bigint, (value: Reader) => void>([
      [1n, (value) => {
        values.tlv1 = { amount_msat: String(readTruncated(value, 8)) };
      }],
      [2n, (value) => {
        values.tlv2 = { scid: scidText(value.u64()) };
      }],
      [3n, (value) => {
        values.tlv3 = {
          node_id: readPoint(value),
          amount_msat_1: String(value.u64()),
          amount_msat_2: String(value.u64()),
        };
      }],
      [254n, (value) => {
        values.tlv4 = { cltv_delta: String(value.u16()) };
      }],
    ]),
  n2: (values) =>
    new Map<bigint, (value: Reader) => void>([
      [0n, (value) => {
        values.tlv1 = { amount_msat: String(readTruncated(value, 8)) };
      }],
      [11n, (value) => {
        values.tlv2 = { cltv_expiry: String(readTruncated(value, 4)) };
      }],
    ]),
};

function readNamespace(namespace: "n1" | "n2", stream: string): TlvValues {
  const values: TlvValues = {};
  readTlvStream(new Reader(fromHex(stream), namespace), NAMESPACES[namespace](values));
  return values;
}

/** What each published reason is called here. */
const TLV_CODES: readonly [RegExp, BoltCode][] = [
  [/not minimal/, "not_minimal"],
  [/truncated|missing|less than/, "truncated"],
  [/^greater than encoding length for `n1`s `tlv1`/, "bad_length"],
  [/greater than/, "trailing"],
  [/unknown even/, "unknown_even_tlv"],
  [/not a valid point/, "bad_text"],
  [/ordering|duplicate/, "tlv_order"],
];

/** Appendix B: TLV streams. */
export const tlvVectors: VectorSuite = vectorSuite(
  v.strictObject({
    source: v.string(),
    failures: v.array(v.strictObject({
      namespace: v.picklist(["any", "either", "n1", "n2"]),
      stream: hex,
      reason: v.string(),
    })),
    successes: v.array(v.strictObject({
      namespace: v.picklist(["either", "n1"]),
      stream: hex,
      values: v.record(v.string(), v.record(v.string(), v.string())),
    })),
  }),
  ({ failures, successes }) => {
    const inNamespace = <T extends { namespace: string }>(vectors: T[], namespace: string) =>
      vectors.filter((vector) => ["any", "either", namespace].includes(vector.namespace));
    for (const namespace of ["n1", "n2"] as const) {
      const valid = inNamespace(successes, namespace);
      const invalid = inNamespace(failures, namespace);
      for (const { stream, values } of valid) {
        assert.deepEqual(readNamespace(namespace, stream), values, stream);
      }
      for (const { stream, reason } of invalid) {
        const code = TLV_CODES.find(([pattern]) => pattern.test(reason))?.[1];
        assert.equal(
          refusalOf(() => readNamespace(namespace, stream)),
          code,
          `${stream}: ${reason}`,
        );
        // "Any appending of an invalid stream to a valid stream should trigger a decoding failure."
        for (const first of valid) refusalOf(() => readNamespace(namespace, first.stream + stream));
      }
      // "Any appending of a higher-numbered valid stream to a lower-numbered valid stream should not …"
      const typeOf = (stream: string) => readBigSize(new Reader(fromHex(stream), stream));
      const ordered = valid.filter(({ stream }) => stream !== "");
      for (const low of ordered) {
        for (const high of ordered) {
          const both = low.stream + high.stream;
          if (typeOf(low.stream) < typeOf(high.stream)) {
            const values = { ...low.values, ...high.values };
            assert.deepEqual(readNamespace(namespace, both), values, both);
          } else {
            assert.equal(refusalOf(() => readNamespace(namespace, both)), "tlv_order", both);
          }
        }
      }
    }
  },
);

// BOLT 1, appendix C

const INIT_CODES = {
  "the extension is present but truncated": "truncated",
  "the extension contains unknown even TLV records": "unknown_even_tlv",
  "the extension TLV stream is invalid (duplicate TLV record type 0xc9)": "tlv_order",
} as const;

/** Appendix C: extensions of init. */
export const initVectors: VectorSuite = vectorSuite(
  v.strictObject({
    source: v.string(),
    valid: v.array(v.strictObject({ message: hex, unknown_tlvs: v.record(hex, hex) })),
    invalid: v.array(v.strictObject({
      message: hex,
      reason: v.picklist(Object.keys(INIT_CODES) as (keyof typeof INIT_CODES)[]),
    })),
  }),
  ({ valid, invalid }) => {
    for (const vector of valid) {
      const message = decodeMessage(fromHex(vector.message));
      assert(message.known && message.type === 16);
      const found = (message.tlvs ?? []).map(({ type, value }) => [
        type.toString(16),
        toHex(value),
      ]);
      assert.deepEqual(Object.fromEntries(found), vector.unknown_tlvs);
      assert.equal(message.features.length + (message.globalFeatures?.length ?? 0), 0);
      assert.equal(toHex(encodeMessage(message)), vector.message);
    }
    for (const { message, reason } of invalid) {
      assert.equal(refusalOf(() => decodeMessage(fromHex(message))), INIT_CODES[reason], message);
    }
  },
);
