/**
 * What a peer may do how often before it is left unanswered or let go.
 *
 * @module
 */
import type { BadMessage } from "../gossip/verifier.ts";
import { Meter } from "../meter.ts";

const MINUTE = 60_000_000;

/** Real peers ping every 10 to 60 s and ask for less than 64 KiB. It is less than may wait to be written. */
const PONG_BYTES_A_MINUTE = 448 * 1024;
/** All that may come, repeats too: four times a whole graph. Whoever brings more does so to bring much. */
const BYTES_IN_TEN_MINUTES = 256 * 1024 * 1024;
/** Frame and type of a message, which cost us as much as its content. */
const OVERHEAD_BYTES = 38;
/**
 * Of messages that are not gossip, whatever their type: the longest answer to our own query is 2 MB, and whoever fills
 * its own graph from ours asks with less.
 */
const BESIDE_BYTES_IN_TEN_MINUTES = 16 * 1024 * 1024;
/** Channel opens and gossip queries answered. LND asks for the whole range in one and pages through scids. */
const ANSWERS_A_MINUTE = 60;
/** Warnings of one peer that are logged; the rest are counted. */
const COMPLAINTS_AN_HOUR = 5;

/**
 * Points for bad gossip, and how many of them in ten minutes end the session. A message that is bad beyond doubt is
 * nothing an honest peer relays. What is only bad by other peers' word weighs little, for none of them may have an
 * honest peer sent away.
 */
const POINTS = { proven: 20, doubtful: 1 };
const POINTS_IN_TEN_MINUTES = 20_000;

/** What a session is ended for, see {@link Misbehaviour}. */
export const MISBEHAVIOURS = [
  "read_flood",
  "beside_flood",
  "ping_flood",
  "bad_gossip",
  "undecodable",
  "broken_frame",
  "not_reading",
  "bad_replies",
] as const;

/**
 * - `read_flood`, `beside_flood`, `ping_flood`: too many bytes of any kind, beside gossip, or of pongs asked for;
 * - `bad_gossip`: too many malformed or forged messages;
 * - `undecodable`: a message beside gossip that is too short for its contents;
 * - `broken_frame`: a frame that does not decrypt;
 * - `not_reading`: too much waits to be written;
 * - `bad_replies`: replies to our own queries that break BOLT 7.
 */
export type Misbehaviour = typeof MISBEHAVIOURS[number];

/** Why a session must end. */
export interface Objection {
  /** For the counters. */
  readonly what: Misbehaviour;
  /** One printable line. */
  readonly reason: string;
}

/** One peer's account. Instants are µs since the Unix epoch. */
export class PeerLimits {
  #read = new Meter(BYTES_IN_TEN_MINUTES, 10 * MINUTE);
  #beside = new Meter(BESIDE_BYTES_IN_TEN_MINUTES, 10 * MINUTE);
  #pongs = new Meter(PONG_BYTES_A_MINUTE, MINUTE);
  #answers = new Meter(ANSWERS_A_MINUTE, MINUTE);
  #complaints = new Meter(COMPLAINTS_AN_HOUR, 60 * MINUTE);
  #points = new Meter(POINTS_IN_TEN_MINUTES, 10 * MINUTE);
  #bad = { invalid: 0, malformed: 0 };

  /** Enters bytes that were read, of any kind; why the session must end, or null. */
  read(bytes: number, now: number): Objection | null {
    if (this.#read.spend(bytes, now)) return null;
    const reason = `it sent more than ${BYTES_IN_TEN_MINUTES} bytes in ten minutes`;
    return { what: "read_flood", reason };
  }

  /** Enters a message that is not gossip; why the session must end, or null. */
  beside(bytes: number, now: number): Objection | null {
    if (this.#beside.spend(bytes + OVERHEAD_BYTES, now)) return null;
    const reason =
      `it sent more than ${BESIDE_BYTES_IN_TEN_MINUTES} bytes beside gossip in ten minutes`;
    return { what: "beside_flood", reason };
  }

  /** Enters a ping that asks for a pong of so many bytes; why the session must end, or null. */
  ping(pongBytes: number, now: number): Objection | null {
    if (this.#pongs.spend(pongBytes + OVERHEAD_BYTES, now)) return null;
    const reason = `it asked for more than ${PONG_BYTES_A_MINUTE} bytes of pongs in a minute`;
    return { what: "ping_flood", reason };
  }

  /** Enters a bad gossip message; why the session must end, or null. */
  badGossip({ verdict, proven }: BadMessage, now: number): Objection | null {
    this.#bad[verdict]++;
    if (this.#points.spend(proven ? POINTS.proven : POINTS.doubtful, now)) return null;
    const { malformed, invalid } = this.#bad;
    const counts = `${malformed} malformed, ${invalid} with wrong signatures`;
    return { what: "bad_gossip", reason: `it sent too many bad messages: ${counts}` };
  }

  /** Enters a channel open or a query; false when it is to stay unanswered. */
  question(now: number): boolean {
    return this.#answers.spend(1, now);
  }

  /** Enters a warning or an error; false when it is not to be logged. */
  complaint(now: number): boolean {
    return this.#complaints.spend(1, now);
  }
}
