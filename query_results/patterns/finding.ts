/**
 * What detectors find, and the SQL that shows its receipts. Pure.
 *
 * @module
 */
import { isoTime } from "../../shared/time.ts";

/** A small chart: bars, of which those from `from` to `to`, not included, are what was found. */
export interface Spark {
  readonly values: readonly number[];
  readonly from: number;
  readonly to: number;
  /** What the bars are, for who cannot see them. */
  readonly label: string;
}

export interface Finding {
  readonly kind: string;
  /** What it is about, the same each day: `channel 863846x913x104`, `node 02ab…`, `peer …`, `type …`, `collector …`. */
  readonly entity: string;
  /** µs since the Unix epoch. */
  readonly fromUs: number;
  readonly untilUs: number;
  readonly observed: number;
  readonly expected: number;
  /** Null where a rule found it rather than a test. */
  readonly q: number | null;
  /** How many times as much as expected, or how many times less: 1 or more. */
  readonly effect: number;
  readonly sentence: string;
  readonly evidence: string;
  readonly spark: Spark;
  /** Numbers in the world: what else it is about decides which findings have one cause. */
  readonly origins?: readonly number[];
  readonly peers?: readonly number[];
  /** Set where it is of one collector's receipts. */
  readonly collector?: string;
}

/** Entities listed in one query. */
const MOST_LISTED = 200;

/** How many times as much or as little. */
export function factor(observed: number, expected: number): number {
  const ratio = (observed + 0.5) / (expected + 0.5);
  return ratio >= 1 ? ratio : 1 / ratio;
}

/** Larger and less likely first; what is a millionfold or beyond 1e-30 counts no more than that. */
export function score({ q, effect }: Finding): number {
  const surprise = q === null ? 3 : Math.min(30, -Math.log10(Math.max(q, 1e-30)));
  return surprise * Math.log2(1 + Math.min(effect, 1e6));
}

/**
 * SQL for the receipts of some messages, first seen in a span, and maybe of some peers.
 * @param messages a condition on `m`, the messages.
 */
export function receiptsSql(
  messages: string,
  fromUs: number,
  untilUs: number,
  peerIds: readonly number[] = [],
): string {
  const peers = peerIds.length === 0
    ? ""
    : `AND r.peer_id IN (${peerIds.slice(0, MOST_LISTED).join(", ")}) `;
  return "SELECT m.message_id, m.type, m.scid, m.node_id, r.received_at, r.peer_id, r.collector_id " +
    `FROM receipts r JOIN messages m ON m.message_id = r.message_id WHERE ${messages} ` +
    `AND m.first_seen >= ${instantSql(fromUs)} AND m.first_seen <= ${
      instantSql(untilUs)
    } ${peers}` +
    "ORDER BY r.received_at";
}

/** SQL for the receipts of peers, or of a collector, in a span. */
export function spanSql(condition: string, fromUs: number, untilUs: number): string {
  return "SELECT r.received_at, r.message_id, r.peer_id, r.collector_id, r.is_repeat, r.is_warmup FROM receipts r " +
    `WHERE ${condition} AND r.received_at >= ${instantSql(fromUs)} AND r.received_at < ${
      instantSql(untilUs)
    } ` +
    "ORDER BY r.received_at";
}

/** `r.peer_id IN (…)`. */
export function peersSql(peerIds: readonly number[]): string {
  return `r.peer_id IN (${peerIds.slice(0, MOST_LISTED).join(", ")})`;
}

/** An instant as an SQL literal. */
export function instantSql(us: number): string {
  return `TIMESTAMPTZ '${isoTime(us)}'`;
}
