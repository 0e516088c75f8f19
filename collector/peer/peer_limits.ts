import type { BadMessage } from "../gossip/verifier.ts";
import { Meter } from "../meter.ts";

const MINUTE = 60_000_000;

/** Real peers ping every 10 to 60 s and ask for less than 64 KiB. It is less than may wait to be written. */
const PONG_BYTES_A_MINUTE = 448 * 1024;
/** All that may come, repeats included: four times a whole graph. */
const BYTES_IN_TEN_MINUTES = 256 * 1024 * 1024;
/** Frame and type of a message, which cost us as much as its content. */
const OVERHEAD_BYTES = 38;
/** Beside gossip, of any type: the longest answer to our own query is 2 MB; filling a graph from ours takes less. */
const BESIDE_BYTES_IN_TEN_MINUTES = 16 * 1024 * 1024;
/** Channel opens and gossip queries answered. LND asks for the whole range in one and pages through scids. */
const ANSWERS_A_MINUTE = 60;
/** Warnings of one peer that are logged; the rest are counted. */
const COMPLAINTS_AN_HOUR = 5;

/**
 * Points for bad gossip. A message that is bad beyond doubt is nothing an honest peer relays; one that is bad only by
 * other peers' word weighs little, for none of them may get an honest peer disconnected.
 */
const POINTS = { proven: 20, doubtful: 1 };
const POINTS_IN_TEN_MINUTES = 20_000;

export const MISBEHAVIOURS = [
  "read_flood", // too many bytes of any kind
  "beside_flood", // too many bytes beside gossip
  "ping_flood", // too many bytes of pongs asked for
  "bad_gossip", // too many malformed or forged messages
  "undecodable", // a message beside gossip that is too short for its contents
  "broken_frame", // it does not decrypt
  "not_reading", // too much waits to be written
] as const;

export type Misbehaviour = typeof MISBEHAVIOURS[number];

export interface Objection {
  readonly what: Misbehaviour;
  /** One printable line. */
  readonly reason: string;
}

/** One peer's account. Instants are µs since the Unix epoch; an objection is why the session must end. */
export class PeerLimits {
  #read = new Meter(BYTES_IN_TEN_MINUTES, 10 * MINUTE);
  #beside = new Meter(BESIDE_BYTES_IN_TEN_MINUTES, 10 * MINUTE);
  #pongs = new Meter(PONG_BYTES_A_MINUTE, MINUTE);
  #answers = new Meter(ANSWERS_A_MINUTE, MINUTE);
  #complaints = new Meter(COMPLAINTS_AN_HOUR, 60 * MINUTE);
  #points = new Meter(POINTS_IN_TEN_MINUTES, 10 * MINUTE);
  #bad = { invalid: 0, malformed: 0 };

  read(bytes: number, now: number): Objection | null {
    if (this.#read.spend(bytes, now)) return null;
    const reason = `it sent more than ${BYTES_IN_TEN_MINUTES} bytes in ten minutes`;
    return { what: "read_flood", reason };
  }

  beside(bytes: number, now: number): Objection | null {
    if (this.#beside.spend(bytes + OVERHEAD_BYTES, now)) return null;
    const reason =
      `it sent more than ${BESIDE_BYTES_IN_TEN_MINUTES} bytes beside gossip in ten minutes`;
    return { what: "beside_flood", reason };
  }

  ping(pongBytes: number, now: number): Objection | null {
    if (this.#pongs.spend(pongBytes + OVERHEAD_BYTES, now)) return null;
    const reason = `it asked for more than ${PONG_BYTES_A_MINUTE} bytes of pongs in a minute`;
    return { what: "ping_flood", reason };
  }

  badGossip({ verdict, proven }: BadMessage, now: number): Objection | null {
    this.#bad[verdict]++;
    if (this.#points.spend(proven ? POINTS.proven : POINTS.doubtful, now)) return null;
    const { malformed, invalid } = this.#bad;
    const counts = `${malformed} malformed, ${invalid} with wrong signatures`;
    return { what: "bad_gossip", reason: `it sent too many bad messages: ${counts}` };
  }

  /** False: leave it unanswered. */
  question(now: number): boolean {
    return this.#answers.spend(1, now);
  }

  /** False: do not log it. */
  complaint(now: number): boolean {
    return this.#complaints.spend(1, now);
  }
}
