/**
 * How long a peer is left alone after it could not be reached or its session ended, by cause.
 *
 * @module
 */
import type { Random } from "../../shared/random.ts";
import type { ReleaseOutcome } from "../addresses/address_book.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/**
 * Why a peer is not connected now.
 *
 * - `unreachable`: TCP was refused, timed out, had no route or no address for the name; hosts come and go.
 * - `not_allowed`: our config or our own sandbox refuses the address; that lasts as long as the process.
 * - `our_side`: our proxy or our name server is out of order, which says nothing of the peer.
 * - `handshake`: the peer fell silent, or broke off, within the three acts.
 * - `unanswered`: it closed without a byte for act one. That is all one sees of a node under another key, for it cannot
 *   read the act; now and then it is a proxy whose node is down.
 * - `wrong_key`: what answered proved not to hold the key: this address is of no more use in this run.
 * - `full`: the handshake went well and then it closed before init: all its slots for strangers are taken
 *   (LND has 100), which lasts hours.
 * - `incompatible`: its init asks for what we do not have, or it is on another network.
 * - `misbehaved`: we ended the session because of what it sent.
 * - `lost`: a session that worked ended; it is wanted back soon.
 * - `rotated`: we ended the session to make room for another peer.
 */
export const CAUSES = [
  "unreachable",
  "not_allowed",
  "our_side",
  "handshake",
  "unanswered",
  "wrong_key",
  "full",
  "incompatible",
  "misbehaved",
  "lost",
  "rotated",
] as const;

/** One of {@link CAUSES}. */
export type Cause = typeof CAUSES[number];

/** The wait after the first failure and the longest wait, in milliseconds, and by how much they grow in between. */
const WAITS: Record<Cause, readonly [first: number, longest: number, factor?: number]> = {
  unreachable: [MINUTE, 4 * HOUR],
  not_allowed: [Infinity, Infinity],
  our_side: [2 * MINUTE, 2 * MINUTE],
  handshake: [10 * MINUTE, 24 * HOUR],
  // The third in a row is no chance: 10 minutes, 2 hours, a day.
  unanswered: [10 * MINUTE, 24 * HOUR, 12],
  wrong_key: [Infinity, Infinity],
  full: [HOUR, 24 * HOUR],
  incompatible: [6 * HOUR, 24 * HOUR],
  misbehaved: [6 * HOUR, 24 * HOUR],
  lost: [5 * SECOND, 10 * MINUTE],
  rotated: [HOUR, HOUR],
};

/** What lies in the one address that was dialled; the rest lies in the node, however it is reached. */
const OF_THE_ADDRESS: ReadonlySet<Cause> = new Set([
  "unreachable",
  "not_allowed",
  "our_side",
  "handshake",
  "unanswered",
  "wrong_key",
]);
/** What does not count against the peer. */
const BLAMELESS: ReadonlySet<Cause> = new Set(["our_side", "rotated"]);

/** Up to this share of a wait is added at random, so that peers lost together are not redialled together. */
const JITTER = 0.5;

/**
 * Milliseconds until the peer may be dialled again; Infinity means not again in this run.
 *
 * @param failures how many times in a row it failed, this one included: 1 or more.
 */
export function backoffMs(cause: Cause, failures: number, random: Random): number {
  const [first, longest, factor = 2] = WAITS[cause];
  const wait = Math.min(first * factor ** Math.min(failures - 1, 30), longest);
  return wait * (1 + JITTER * random.next());
}

/** How long a peer is left alone, in ms; see {@link backoffMs}. */
export type Backoff = typeof backoffMs;

/**
 * What a cause means to the address book.
 *
 * @param worked whether the peer was of use for a good while.
 */
export function releaseOutcomeOf(
  cause: Cause,
  worked: boolean,
  random: Random,
  backoff: Backoff = backoffMs,
): ReleaseOutcome {
  return {
    worked,
    blameless: BLAMELESS.has(cause),
    concerns: OF_THE_ADDRESS.has(cause) ? "address" : "node",
    drop: cause === "wrong_key",
    wait: (failures) => backoff(cause, Math.max(failures, 1), random),
  };
}
