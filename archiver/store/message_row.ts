// The row of a new message.

import type { DuckDBValue } from "@duckdb/node-api";
import type { Verdict } from "../../shared/batch/batch.ts";
import { gossipFacts } from "../../shared/bolt/facts.ts";
import { bytes, instant } from "./rows.ts";

const MICROSECONDS_PER_SECOND = 1_000_000;

/** A message that the archive does not have yet. */
export interface MessageToAdd {
  readonly id: number;
  /** SHA-256 of {@link raw}. */
  readonly sha256: Uint8Array;
  /** Its bytes, type included. */
  readonly raw: Uint8Array;
  readonly verdict: Verdict;
  /** Its earliest receipt, µs since the Unix epoch. */
  readonly firstSeen: number;
}

/** Its row in `hot_messages`. */
export function messageRow(message: MessageToAdd): DuckDBValue[] {
  const { id, sha256, raw, verdict, firstSeen } = message;
  const facts = gossipFacts(raw);
  return [
    BigInt(id),
    bytes(sha256),
    facts.type,
    facts.size,
    verdict,
    facts.scid,
    facts.direction,
    facts.nodeId,
    facts.ownTimestamp === null ? null : instant(facts.ownTimestamp * MICROSECONDS_PER_SECOND),
    facts.innerId && bytes(facts.innerId),
    instant(firstSeen),
    bytes(raw),
  ];
}
