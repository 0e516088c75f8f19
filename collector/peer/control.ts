// Everything that a peer sends beside gossip: pings are answered, questions get the least that is owed, complaints
// are logged, the rest is counted.

import { HASH_BYTES } from "../../shared/bolt/codec.ts";
import { decodeMessage, encodeMessage, type Message } from "../../shared/bolt/message.ts";
import { BoltFault } from "../../shared/bolt/fault.ts";
import { messageType } from "../../shared/bolt/message_types.ts";
import type { Clock } from "../../shared/clock.ts";
import { logger } from "../../shared/log.ts";
import type { Question, Taken } from "../gossip/queries/question.ts";
import {
  type Misbehaviour,
  MISBEHAVIOURS,
  type Objection,
  type PeerLimits,
} from "./peer_limits.ts";
import { zeros } from "../zeros.ts";
import { quoted } from "./init.ts";
import type { SessionCounts } from "./session_counts.ts";

/** From this `num_pong_bytes` on no pong is owed (BOLT 1). */
const NO_PONG_FROM = 65_532;

const OPEN_CHANNEL = 32;
const OPEN_CHANNEL_2 = 64;
/** Both begin with type and chain_hash; then comes the temporary channel id (BOLT 2). */
const TEMPORARY_ID_AT = 2 + HASH_BYTES;

const NO_CHANNELS = new TextEncoder().encode("no channels here: this node only listens to gossip");

/** The pong that a ping asks for, or null. */
export function pongFor(numPongBytes: number): Uint8Array | null {
  if (numPongBytes >= NO_PONG_FROM) return null;
  return encodeMessage({ type: 19, ignored: new Uint8Array(numPongBytes) });
}

/**
 * The reply owed to a channel open, or null: an error that names the channel (BOLT 1), since an all-zero id would end
 * the connection.
 */
export function answerToOpen(type: number, raw: Uint8Array): Uint8Array | null {
  if (type !== OPEN_CHANNEL && type !== OPEN_CHANNEL_2) return null;
  const channelId = raw.subarray(TEMPORARY_ID_AT, TEMPORARY_ID_AT + HASH_BYTES);
  if (channelId.length < HASH_BYTES || channelId.every((byte) => byte === 0)) return null;
  return encodeMessage({ type: 17, channelId, data: NO_CHANNELS });
}

/** Over all sessions. */
export interface ControlCounts {
  pings: number;
  /** Channel opens and queries. */
  answers: number;
  /** Left unanswered: too many, or of a forbidden form. */
  unanswered: number;
  complaints: number;
  unknown: number;
  readonly misbehaved: Record<Misbehaviour, number>;
}

/** No messages yet. */
export function noControlCounts(): ControlCounts {
  const misbehaved = zeros(MISBEHAVIOURS);
  return { pings: 0, answers: 0, unanswered: 0, complaints: 0, unknown: 0, misbehaved };
}

export interface ControlOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly limits: PeerLimits;
  /** Shared by all sessions. */
  readonly counts: ControlCounts;
  /** Of this session. */
  readonly own: SessionCounts;
  readonly send: (...messages: Uint8Array[]) => void;
  readonly onPong: (bytes: number, receivedAt: number) => void;
  readonly onQuestion: (question: Question) => Taken;
  readonly onMisbehaved: (objection: Objection) => void;
  readonly onError: (reason: string) => void;
}

const PING_TYPE = 18;
/** To our own queries: a faulty one ends our asking, not the session. */
const ANSWERS: ReadonlySet<number> = new Set([262, 264]);
const UNSORTED = encodeMessage({
  type: 1,
  channelId: new Uint8Array(HASH_BYTES),
  data: new TextEncoder().encode("query_short_channel_ids: the scids should ascend"),
});

const log = logger("collector", "peer");

/** One session's messages beside gossip. */
export class Control {
  constructor(private readonly options: ControlOptions) {}

  /** Call before all other work on a read: pongs must not wait. */
  answerPings(messages: readonly Uint8Array[], first: number): void {
    const { limits, clock, counts, own } = this.options;
    let pongs: Uint8Array[] | undefined;
    for (let i = first; i < messages.length; i++) {
      const raw = messages[i];
      if (raw[1] !== PING_TYPE || raw[0] !== 0) continue;
      const ping = this.#decode(raw);
      if (!ping?.known || ping.type !== PING_TYPE) continue;
      own.pingsReceived++;
      const pong = pongFor(ping.numPongBytes);
      const objection = limits.ping(pong?.length ?? 0, clock.now());
      if (objection) return this.options.onMisbehaved(objection);
      if (pong) (pongs ??= []).push(pong);
    }
    if (!pongs) return;
    counts.pings += pongs.length;
    own.pongsSent += pongs.length;
    this.options.send(...pongs);
  }

  /** Pings are left to {@link Control.answerPings}. @param receivedAt µs since the Unix epoch. */
  take(raw: Uint8Array, receivedAt: number): void {
    const { limits, clock, onMisbehaved } = this.options;
    const objection = limits.beside(raw.length, clock.now());
    if (objection) return onMisbehaved(objection);
    const message = this.#decode(raw);
    if (!message || message.type === PING_TYPE) return;
    if (message.known && message.type === 19) {
      this.options.onPong(message.ignored.length, receivedAt);
    } else if (message.known && (message.type === 1 || message.type === 17)) {
      this.#takeComplaint(message.type, message.channelId, message.data);
    } else {
      this.#answer(message);
    }
  }

  /** Null when it does not decode. Most of BOLT 7's rules of form do no harm unread; what breaks them is not answered. */
  #decode(raw: Uint8Array): Message | null {
    try {
      return decodeMessage(raw);
    } catch (error) {
      if (!(error instanceof BoltFault)) throw error;
      // BOLT 1: a message that is too short for its contents closes the connection.
      const isAnswer = raw.length >= 2 && ANSWERS.has(messageType(raw));
      if (error.code === "truncated" && !isAnswer) {
        const reason = `it sent a message that does not decode: ${error.message}`;
        this.options.onMisbehaved({ what: "undecodable", reason });
      } else this.options.counts.unanswered++;
      return null;
    }
  }

  #takeComplaint(type: 1 | 17, channelId: Uint8Array, data: Uint8Array): void {
    const { limits, clock, counts, name: node } = this.options;
    const text = quoted(data);
    // BOLT 1: an error about all channels ends the connection; one about a channel we do not have is ignored.
    if (type === 17 && channelId.every((byte) => byte === 0)) {
      return this.options.onError(`it sent an error: ${text}`);
    }
    counts.complaints++;
    if (!limits.complaint(clock.now())) return;
    log.info("{node} sent {kind}: {text}", {
      node,
      kind: type === 1 ? "a warning" : "an error about a channel",
      text,
    });
  }

  #answer(message: Message): void {
    const { limits, clock, counts, send } = this.options;
    const question = message.known && isQuestion(message) ? message : null;
    const reply = message.known ? null : answerToOpen(message.type, message.raw);
    if (!question && reply === null) {
      if (!message.known) counts.unknown++;
    } else if (!limits.question(clock.now())) {
      counts.unanswered++;
    } else if (reply) {
      counts.answers++;
      send(reply);
    } else {
      this.#ask(question!);
    }
  }

  #ask(question: Question): void {
    const { counts, send, onQuestion } = this.options;
    const taken = onQuestion(question);
    if (taken === "answering" || taken === "waiting") counts.answers++;
    else counts.unanswered++;
    if (taken === "unsorted") send(UNSORTED);
  }
}

function isQuestion(message: Message & { known: true }): message is Question {
  return message.type === 261 || message.type === 263 || message.type === 265;
}
