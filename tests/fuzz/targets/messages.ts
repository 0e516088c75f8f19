// Every message decoder, and what is made of a decoded message: init, gossip facts, signed parts.

import { isDeepStrictEqual } from "node:util";
import { ourInit, readInit } from "../../../collector/peer/init.ts";
import type { AddressType } from "../../../shared/bolt/address.ts";
import { chainHash } from "../../../shared/bolt/chains.ts";
import { BoltFault } from "../../../shared/bolt/fault.ts";
import { gossipFacts } from "../../../shared/bolt/facts.ts";
import type { Init } from "../../../shared/bolt/init.ts";
import {
  decodeMessage,
  encodeMessage,
  type Message,
  type MessageFields,
} from "../../../shared/bolt/message.ts";
import { MESSAGE_TYPES, messageType } from "../../../shared/bolt/message_types.ts";
import { signedPart } from "../../../shared/bolt/signed.ts";
import type { Fault } from "../../../shared/errors.ts";
import initVectors from "../../vectors/bolt01_init.json" with { type: "json" };
import queryVectors from "../../vectors/bolt07_queries.json" with { type: "json" };
import {
  channelAnnouncement,
  channelUpdate,
  nodeAnnouncement,
  testKey,
} from "../../support/fixtures/signed_gossip.ts";
import { check, refusal, sameBytes, type Target, utf8 } from "../target.ts";

const CHAIN = chainHash("bitcoin");
const SCID = 0x0d2e_b600_0391_0001n;
const NODES = [testKey("fuzz one"), testKey("fuzz two")] as const;
const TIMESTAMP = 1_758_844_800;
/** Two TLV records, and one whose type takes three bytes. */
const TLVS = Uint8Array.of(1, 2, 0xaa, 0xbb, 3, 0, 0xfd, 0x01, 0x01, 1, 9);

// deno-lint-ignore no-control-regex -- that is what it looks for
const CONTROL = /[\u0000-\u001f\u007f]/;

/** Messages of each type, valid and, of init, some that are not. */
function validMessages(): Uint8Array[] {
  const fields: MessageFields[] = [
    { type: 1, channelId: new Uint8Array(32), data: utf8("a warning") },
    { type: 17, channelId: new Uint8Array(32).fill(1), data: utf8("an error"), extra: TLVS },
    { type: 18, numPongBytes: 6, ignored: new Uint8Array(10) },
    { type: 19, ignored: new Uint8Array(6) },
    { type: 261, chainHash: CHAIN, scids: [1n, 2n, SCID], flags: [1, 3, 31] },
    { type: 262, chainHash: CHAIN, fullInformation: 1 },
    { type: 263, chainHash: CHAIN, firstBlock: 800_000, numberOfBlocks: 1000, options: 3 },
    {
      type: 264,
      chainHash: CHAIN,
      firstBlock: 800_000,
      numberOfBlocks: 1000,
      syncComplete: 1,
      scids: [1n, SCID],
      timestamps: [[1, 2], [3, 4]],
      checksums: [[5, 6], [7, 8]],
    },
    {
      type: 257,
      signature: new Uint8Array(64),
      features: Uint8Array.of(2, 0xa2),
      timestamp: TIMESTAMP,
      nodeId: NODES[0].publicKey,
      color: new Uint8Array(3),
      alias: new Uint8Array(32).fill(0x61),
      addresses: [[1, 4], [2, 16], [3, 10], [4, 35], [5, 11]].map(([type, length]) => ({
        type: type as AddressType,
        host: new Uint8Array(length).fill(0x61),
        port: 9735,
      })),
      extra: TLVS,
    },
    { type: 265, chainHash: CHAIN, firstTimestamp: TIMESTAMP, timestampRange: 0xffff_ffff },
  ];
  return [
    ...fields.map(encodeMessage),
    ...queryVectors.vectors.map(({ hex }) => Uint8Array.fromHex(hex)),
    ...initVectors.valid.map(({ message }) => Uint8Array.fromHex(message)),
    ...initVectors.invalid.map(({ message }) => Uint8Array.fromHex(message)),
    ourInit("bitcoin"),
    channelAnnouncement({ scid: SCID, nodes: NODES }),
    channelUpdate({ scid: SCID, nodes: NODES, direction: 1, timestamp: TIMESTAMP }),
    nodeAnnouncement(NODES[0], { timestamp: TIMESTAMP, alias: "fuzz" }),
  ];
}

/** One target a type: its decoder gets every input. */
export function messageTargets(): Target[] {
  const corpus = validMessages();
  return Object.values(MESSAGE_TYPES).map((type) => ({
    name: `message_${type}`,
    corpus: corpus.filter((raw) => messageType(raw) === type),
    maxBytes: 1200,
    run(input) {
      if (input.length < 2) return "no type";
      // What the other types' decoders do is tried by their own targets.
      input[0] = type >>> 8;
      input[1] = type & 0xff;
      gossipFacts(input);
      let message: Message;
      try {
        message = decodeMessage(input);
        checkSignedPart(input);
      } catch (error) {
        return refusal(error, BoltFault as typeof Fault<string>);
      }
      check(message.known, "a known type was taken for an unknown one");
      const encoded = encodeMessage(message);
      check(
        sameBytes(encoded, input) || gainedEncodingByte(message, encoded, input),
        "it encodes to other bytes than it was read from",
      );
      return `ok ${shapeOf(message)}`;
    },
  }));
}

/** An empty list may come without its encoding byte, and is written with it; nothing else may change. */
function gainedEncodingByte(message: Message, encoded: Uint8Array, input: Uint8Array): boolean {
  const lists = { 261: 2, 264: 2 }[message.type] ?? 0;
  const gained = encoded.length - input.length;
  const fields = (one: Message) => ({ ...one, raw: null });
  return gained > 0 && gained <= lists &&
    isDeepStrictEqual(fields(decodeMessage(encoded)), fields(message));
}

/** What is signed lies within the message. */
function checkSignedPart(raw: Uint8Array): void {
  const part = signedPart(raw);
  if (part === null) return;
  check(part.digestInput.length < raw.length, "more is signed than there is");
  check(part.signatures.every(({ length }) => length === 64), "a signature is not of 64 bytes");
}

/** Which optional fields it has, and whether its lists are empty. */
function shapeOf(message: Message | Init): string {
  return Object.entries(message).filter(([name, value]) => name !== "raw" && value !== undefined)
    .map(([name, value]) => `${name}${Array.isArray(value) ? Math.min(value.length, 3) : ""}`)
    .join();
}

/** What a session makes of a peer's first message: an init or why not, never a throw. */
export function initTarget(): Target {
  return {
    name: "init",
    corpus: validMessages().filter((raw) => [1, 16, 17].includes(messageType(raw))),
    maxBytes: 600,
    run(input) {
      const init = readInit(input, "bitcoin");
      if (typeof init === "string") {
        check(!CONTROL.test(init), "its reason is not fit for a log");
        return init.replace(/[\d"].*/, "").slice(0, 60);
      }
      return `ok ${shapeOf(init)}`;
    },
  };
}
