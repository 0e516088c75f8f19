// How long a peer is left alone after it could not be reached or its session ended, by cause.

import type { Random } from "../../shared/random.ts";
import type { ReleaseOutcome } from "../addresses/address_book.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

export const CAUSES = [
  "unreachable", // TCP was refused, timed out, had no route or no address for the name; hosts come and go
  "not_allowed", // by our config or our sandbox, as long as the process lasts
  "our_side", // our proxy or name server is out of order, or we have no descriptors or no network; not the peer's fault
  "no_ipv6", // nor is that this host has none, which does not change within minutes
  "handshake", // the peer fell silent, or broke off, within the three acts
  // It closed without a byte for act one: all one sees of a node under another key, which cannot read the act; now and
  // then a proxy whose node is down.
  "unanswered",
  "wrong_key", // proven: this address is of no more use in this run
  "full", // closed between handshake and init: all slots for strangers are taken (LND has 100), which lasts hours
  "incompatible", // its init demands what we do not have, or it is on another network
  "misbehaved", // we ended the session because of what it sent
  "lost", // a session that worked ended; it is wanted back soon
  "rotated", // we ended the session in favour of another peer
  "steered", // the fleet wants fewer peers, or others; it may want this one again
] as const;

export type Cause = typeof CAUSES[number];

/** First and longest wait in ms, and the growth factor. */
const WAITS: Record<Cause, readonly [first: number, longest: number, factor?: number]> = {
  unreachable: [MINUTE, 4 * HOUR],
  not_allowed: [Infinity, Infinity],
  our_side: [2 * MINUTE, 2 * MINUTE],
  no_ipv6: [HOUR, HOUR],
  handshake: [10 * MINUTE, 24 * HOUR],
  // The third in a row is no chance: 10 minutes, 2 hours, a day.
  unanswered: [10 * MINUTE, 24 * HOUR, 12],
  wrong_key: [Infinity, Infinity],
  full: [HOUR, 24 * HOUR],
  incompatible: [6 * HOUR, 24 * HOUR],
  misbehaved: [6 * HOUR, 24 * HOUR],
  lost: [5 * SECOND, 10 * MINUTE],
  rotated: [HOUR, HOUR],
  steered: [SECOND, SECOND],
};

/** Lies in the address dialled; the rest lies in the node. */
const OF_THE_ADDRESS: ReadonlySet<Cause> = new Set([
  "unreachable",
  "not_allowed",
  "our_side",
  "no_ipv6",
  "handshake",
  "unanswered",
  "wrong_key",
]);
/** Does not count against the peer. */
const BLAMELESS: ReadonlySet<Cause> = new Set(["our_side", "no_ipv6", "rotated", "steered"]);

/** Share of a wait that is added at random, so that peers lost together are not redialled together. */
const JITTER = 0.5;

/** ms until the peer may be dialled again; Infinity: not in this run. @param failures in a row, this one included. */
export function backoffMs(cause: Cause, failures: number, random: Random): number {
  const [first, longest, factor = 2] = WAITS[cause];
  const wait = Math.min(first * factor ** Math.min(failures - 1, 30), longest);
  return wait * (1 + JITTER * random.next());
}

export type Backoff = typeof backoffMs;

/** A cause as the address book takes it. @param worked whether the peer was of use for a good while. */
export function releaseOutcomeOf(
  cause: Cause,
  reason: string,
  worked: boolean,
  random: Random,
  backoff: Backoff = backoffMs,
): ReleaseOutcome {
  return {
    reason,
    worked,
    blameless: BLAMELESS.has(cause),
    concerns: OF_THE_ADDRESS.has(cause) ? "address" : "node",
    drop: cause === "wrong_key",
    wait: (failures) => backoff(cause, Math.max(failures, 1), random),
  };
}
