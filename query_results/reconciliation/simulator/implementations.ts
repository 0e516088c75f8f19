// How today's implementations pace gossip (LND 0.21, CLN 26.06, LDK 0.3, Eclair at 5b765e0).

/** How a node paces what it relays. */
export type Pacing = "trickle" | "flush" | "at-once";

export interface Implementation {
  readonly name: "lnd" | "cln" | "ldk" | "eclair";
  /** `trickle`: one timer per node, sub-batches; `flush`: a timer per peer; `at-once`: none. */
  readonly pacing: Pacing;
  /** Between two flushes; 0 for `at-once`. */
  readonly intervalMs: number;
  /** Own messages go out at once to every peer. */
  readonly ownAtOnce: boolean;
  /** And once more with the flush (tried with CLN 26.06). */
  readonly ownTwice: boolean;
}

/** By the number that nodes carry. */
export const IMPLEMENTATIONS: readonly Implementation[] = [
  { name: "lnd", pacing: "trickle", intervalMs: 90_000, ownAtOnce: false, ownTwice: false },
  { name: "cln", pacing: "flush", intervalMs: 60_000, ownAtOnce: true, ownTwice: true },
  { name: "ldk", pacing: "at-once", intervalMs: 0, ownAtOnce: true, ownTwice: false },
  { name: "eclair", pacing: "flush", intervalMs: 60_000, ownAtOnce: false, ownTwice: false },
];

/** LND's delay between two sub-batches. */
export const SUB_BATCH_DELAY_MS = 5_000;
/** The fewest messages that LND splits a batch into. */
export const SUB_BATCH_MINIMUM = 10;

/** Messages per sub-batch of LND: `pending` spread over the trickle's interval, but at least ten. */
export function subBatchSize(pending: number, intervalMs: number): number {
  const batches = Math.max(1, Math.floor(intervalMs / SUB_BATCH_DELAY_MS));
  return Math.max(SUB_BATCH_MINIMUM, Math.ceil(pending / batches));
}
