/**
 * The vectors of BOLT 7: extended queries. Half of them are zlib-compressed, which later became forbidden; what holds
 * for those is that they are refused as just that.
 *
 * @module
 */
import assert from "node:assert/strict";
import * as v from "valibot";
import { decodeMessage, encodeMessage, type Message } from "../../shared/bolt/message.ts";
import { scidText } from "../../shared/bolt/scid.ts";
import { fromHex, toHex } from "../../shared/text.ts";
import { hex, refusalOf, type VectorSuite, vectorSuite } from "./vector_suite.ts";

const ENCODINGS = ["UNCOMPRESSED", "COMPRESSED_ZLIB"] as const;
const encoding = v.picklist(ENCODINGS);
const scidArray = v.strictObject({ array: v.array(v.string()), encoding });
const flagArray = v.strictObject({ array: v.array(v.number()), encoding });
const tlvStream = <S extends v.GenericSchema>(record: S) =>
  v.strictObject({ records: v.array(record), unknown: v.array(v.never()) });

const queryMessage = v.variant("type", [
  v.strictObject({
    type: v.literal("QueryChannelRange"),
    chainHash: hex,
    firstBlockNum: v.number(),
    numberOfBlocks: v.number(),
    tlvStream: tlvStream(v.literal("WANT_TIMESTAMPS | WANT_CHECKSUMS")),
  }),
  v.strictObject({
    type: v.literal("ReplyChannelRange"),
    chainHash: hex,
    firstBlockNum: v.number(),
    numberOfBlocks: v.number(),
    complete: v.number(),
    shortChannelIds: scidArray,
    timestamps: v.optional(v.strictObject({
      encoding,
      timestamps: v.array(v.strictObject({ timestamp1: v.number(), timestamp2: v.number() })),
    })),
    checksums: v.optional(v.strictObject({
      checksums: v.array(v.strictObject({ checksum1: v.number(), checksum2: v.number() })),
    })),
  }),
  v.strictObject({
    type: v.literal("QueryShortChannelIds"),
    chainHash: hex,
    shortChannelIds: scidArray,
    tlvStream: tlvStream(flagArray),
  }),
]);

/** A decoded query in the words of the vectors. */
function asVector(message: Message): v.InferOutput<typeof queryMessage> {
  assert(message.known);
  switch (message.type) {
    case 261:
      return {
        type: "QueryShortChannelIds",
        chainHash: toHex(message.chainHash),
        shortChannelIds: { array: message.scids.map(scidText), encoding: "UNCOMPRESSED" },
        tlvStream: {
          records: message.flags ? [{ array: [...message.flags], encoding: "UNCOMPRESSED" }] : [],
          unknown: [],
        },
      };
    case 263:
      assert(message.options === undefined || message.options === 3);
      return {
        type: "QueryChannelRange",
        chainHash: toHex(message.chainHash),
        firstBlockNum: message.firstBlock,
        numberOfBlocks: message.numberOfBlocks,
        tlvStream: {
          records: message.options === 3 ? ["WANT_TIMESTAMPS | WANT_CHECKSUMS"] : [],
          unknown: [],
        },
      };
    case 264:
      return {
        type: "ReplyChannelRange",
        chainHash: toHex(message.chainHash),
        firstBlockNum: message.firstBlock,
        numberOfBlocks: message.numberOfBlocks,
        complete: message.syncComplete,
        shortChannelIds: { array: message.scids.map(scidText), encoding: "UNCOMPRESSED" },
        ...message.timestamps && {
          timestamps: {
            encoding: "UNCOMPRESSED",
            timestamps: message.timestamps.map(([timestamp1, timestamp2]) => ({
              timestamp1,
              timestamp2,
            })),
          },
        },
        ...message.checksums && {
          checksums: {
            checksums: message.checksums.map(([checksum1, checksum2]) => ({
              checksum1,
              checksum2,
            })),
          },
        },
      };
    default:
      throw new Error(`${message.type} is no query of these vectors`);
  }
}

/** All of extended-queries.json. */
export const queryVectors: VectorSuite = vectorSuite(
  v.strictObject({
    source: v.string(),
    vectors: v.array(v.strictObject({ hex, msg: queryMessage })),
  }),
  ({ vectors }) => {
    let compressed = 0;
    for (const { hex, msg } of vectors) {
      if (JSON.stringify(msg).includes("COMPRESSED_ZLIB")) {
        compressed++;
        assert.equal(refusalOf(() => decodeMessage(fromHex(hex))), "compressed", hex);
      } else {
        const message = decodeMessage(fromHex(hex));
        assert.deepEqual(asVector(message), msg);
        assert.equal(toHex(encodeMessage(message)), hex);
      }
    }
    assert.equal(compressed, 5);
  },
);
