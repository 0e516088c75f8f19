// BOLT 8: the acts of the handshake, frames as they come off a socket, and what an honest cipher may carry.

import { ReceivingCipher, SendingCipher } from "../../../collector/noise/cipher.ts";
import { NoiseFault } from "../../../collector/noise/fault.ts";
import { FrameReader, ReadBuffer } from "../../../collector/noise/frames.ts";
import { initiate, respond } from "../../../collector/noise/handshake.ts";
import type { Fault } from "../../../shared/errors.ts";
import { testKey } from "../../support/fixtures/signed_gossip.ts";
import { check, refusal, sameBytes, type Target } from "../target.ts";

const refused = (error: unknown) => refusal(error, NoiseFault as typeof Fault<string>);

/** Acts one to three of one handshake; the input's first byte tells which act it is for. */
export function handshakeTarget(): Target {
  const ours = testKey("fuzz initiator"), theirs = testKey("fuzz responder");
  const [e1, e2] = [testKey("ephemeral 1").privateKey, testKey("ephemeral 2").privateKey];
  const initiation = initiate({
    privateKey: ours.privateKey,
    ephemeralKey: e1,
    remotePublicKey: theirs.publicKey,
  });
  const responder = { privateKey: theirs.privateKey, ephemeralKey: e2 };
  const response = respond(responder, initiation.actOne);
  const { actThree } = initiation.finish(response.actTwo);
  const acts = [initiation.actOne, response.actTwo, actThree];
  const readers = [
    (act: Uint8Array) => respond(responder, act),
    (act: Uint8Array) => initiation.finish(act),
    (act: Uint8Array) => response.finish(act),
  ];
  return {
    name: "noise_handshake",
    corpus: acts.map((act, i) => Uint8Array.of(i, ...act)),
    maxBytes: 80,
    run(input) {
      const which = (input[0] ?? 0) % 3;
      const act = input.subarray(1);
      try {
        readers[which](act);
      } catch (error) {
        return `act ${which + 1} ${refused(error)}`;
      }
      // Only who has the keys can make an act that is taken.
      check(sameBytes(act, acts[which]), `a changed act ${which + 1} was taken`);
      return `ok act ${which + 1}`;
    },
  };
}

const KEY = new Uint8Array(32).fill(7);
const CHAINING_KEY = new Uint8Array(32).fill(9);

/** Messages as the frames of one direction. */
function sealed(messages: readonly Uint8Array[]): Uint8Array {
  const cipher = new SendingCipher(KEY, CHAINING_KEY);
  const bytes = new Uint8Array(messages.reduce((sum, { length }) => sum + length + 34, 0));
  let at = 0;
  for (const message of messages) at = cipher.seal(message, bytes, at);
  return bytes;
}

/** One for all inputs. */
const buffer = new ReadBuffer();

/** Reads frames that come in pieces, whose sizes repeat. */
function read(stream: Uint8Array, pieces: readonly number[]): [Uint8Array[], NoiseFault | null] {
  buffer.start = buffer.end = 0;
  const reader = new FrameReader(new ReceivingCipher(KEY, CHAINING_KEY), buffer);
  const messages: Uint8Array[] = [];
  for (let at = 0, i = 0; at < stream.length && reader.fault === null; i++) {
    const room = buffer.room();
    const piece = stream.subarray(at, at + Math.min(pieces[i % pieces.length], room.length));
    room.set(piece);
    buffer.filled(piece.length);
    at += piece.length;
    messages.push(...reader.messages().map((message) => message.slice()));
  }
  return [messages, reader.fault];
}

/** Bytes off the wire, changed by somebody without the keys: what is read is the beginning of what was sent. */
export function framesTarget(): Target {
  const sent = [0, 1, 2, 20, 100].map((length, i) => new Uint8Array(length).fill(i + 1));
  const stream = sealed(sent);
  return {
    name: "noise_frames",
    corpus: [stream, stream.subarray(0, 100)],
    maxBytes: 400,
    run(input) {
      const size = 1 + (input[0] ?? 0) % 50;
      const [messages, fault] = read(input, [size, 1, 18]);
      if (fault !== null) {
        check(fault.code === "bad_mac", `refused as ${fault.code}`);
      }
      messages.forEach((message, i) =>
        check(sameBytes(message, sent[i]), `message ${i} was changed`)
      );
      return `${fault === null ? "ok" : "bad_mac"} after ${messages.length}`;
    },
  };
}

/** Any messages, in any pieces: what comes out is what went in. The input tells lengths, sizes of pieces, and content. */
export function transportTarget(): Target {
  return {
    name: "noise_transport",
    corpus: [Uint8Array.of(3, 5, 0, 1, 2, 9, 9, 9), new Uint8Array(300).fill(40)],
    maxBytes: 1000,
    run(input) {
      const pieces = Array.from(input.subarray(0, 4), (byte) => 1 + byte * byte);
      if (pieces.length === 0) return "nothing";
      const messages: Uint8Array[] = [];
      for (let at = 4; at < input.length;) {
        const length = input[at++];
        messages.push(input.subarray(at, at + length));
        at += length;
      }
      const [out, fault] = read(sealed(messages), pieces);
      check(fault === null, `refused as ${fault?.code}`);
      check(out.length === messages.length, `${out.length} of ${messages.length} messages`);
      out.forEach((message, i) =>
        check(sameBytes(message, messages[i]), `message ${i} was changed`)
      );
      return `ok ${messages.length}`;
    },
  };
}
