// What detectors find of what, and the SQL that shows its receipts. Pure.

import { isoTime } from "../../../shared/time.ts";

/** What findings are about, and may share. */
export interface Subject {
  /** The same each day: `channel 863846x913x104`, `node 02ab…`, `peer …`, `type …`, `collector …`. */
  readonly name: string;
  /** SQL for its receipts in a span, µs since the Unix epoch. */
  readonly evidence: (fromUs: number, untilUs: number) => string;
  /** Messages or receipts in equal parts of the window. */
  readonly bars: readonly number[];
  /** Numbers in the world: they decide which findings have one cause. */
  readonly origins?: readonly number[];
  readonly peers?: readonly number[];
  /** Set where it is of one collector's receipts. */
  readonly collector?: string;
}

export interface Finding {
  readonly kind: string;
  readonly subject: Subject;
  /** ms since the window's start. */
  readonly fromMs: number;
  readonly untilMs: number;
  readonly observed: number;
  readonly expected: number;
  /** Null where a rule found it rather than a test. */
  readonly q: number | null;
  /** How many times as much as expected, or as little, where that is no question of counts. */
  readonly times?: number;
  /** Follows the subject's name. */
  readonly text: string;
}

/** How many times as much as expected, or as little: 1 or more. */
export function effectOf({ observed, expected, times }: Finding): number {
  const ratio = (observed + 0.5) / (expected + 0.5);
  return times ?? Math.max(ratio, 1 / ratio);
}

/** Larger and less likely first; what is a millionfold or beyond 1e-30 counts no more than that. */
export function score(finding: Finding): number {
  const surprise = finding.q === null ? 3 : -Math.log10(Math.max(finding.q, 1e-30));
  return surprise * Math.log2(1 + Math.min(effectOf(finding), 1e6));
}

/** Entities listed in one query. */
const MOST_LISTED = 200;
const COLUMNS = "r.received_at, r.message_id, r.peer_id, r.collector_id, r.is_repeat, r.is_warmup";

/** SQL for the receipts of messages first seen in a span. @param where on `m`, the messages, and `r`, the receipts. */
export function messagesSql(where: string, fromUs: number, untilUs: number): string {
  return `SELECT m.type, m.scid, m.node_id, ${COLUMNS} FROM receipts r JOIN messages m ON m.message_id = r.message_id ` +
    `WHERE ${where} AND ${within("m.first_seen", fromUs, untilUs)} ORDER BY r.received_at`;
}

/** SQL for receipts in a span. @param where on `r`, the receipts. */
export function receiptsSql(where: string, fromUs: number, untilUs: number): string {
  return `SELECT ${COLUMNS} FROM receipts r WHERE ${where} AND ${
    within("r.received_at", fromUs, untilUs)
  } ` +
    "ORDER BY r.received_at";
}

/** A condition: an instant lies in a span, µs since the Unix epoch. */
export function within(column: string, fromUs: number, untilUs: number): string {
  return `${column} BETWEEN TIMESTAMPTZ '${isoTime(fromUs)}' AND TIMESTAMPTZ '${isoTime(untilUs)}'`;
}

/** `r.peer_id IN (…)`. */
export function peersSql(ids: readonly number[]): string {
  return `r.peer_id IN (${ids.slice(0, MOST_LISTED).join(", ")})`;
}

/** One of these conditions. */
export function anySql(conditions: readonly string[]): string {
  return `(${conditions.slice(0, MOST_LISTED).join(" OR ")})`;
}
