// Whether the columns of `messages` say what the bytes of each message say.

import {
  BIGINT,
  type DuckDBBlobValue,
  type DuckDBConnection,
  type DuckDBTimestampTZValue,
} from "@duckdb/node-api";
import { gossipFacts } from "../../shared/bolt/facts.ts";
import { toHex } from "../../shared/text.ts";
import { type Row, rowsOf } from "../store/database.ts";
import type { Check, Finding } from "./check.ts";

/** Messages read at once; a message has 64 KiB at most. */
const PAGE_MESSAGES = 2000;
const MICROSECONDS_PER_SECOND = 1_000_000n;

export const factsCheck: Check = {
  kind: "contradiction",
  claim: "type, size, scid, direction, node_id, own_timestamp and inner_id are those of the bytes",
  look,
};

async function look(connection: DuckDBConnection): Promise<Finding> {
  const [bounds] = await rowsOf(
    connection,
    "SELECT min(message_id) AS first, max(message_id) AS last FROM messages",
  );
  let misfits = 0;
  let seen = 0;
  if (bounds.first === null) return { misfits, seen };
  // Ids were given in the order of the rows, so that a page is in few row groups.
  for (let from = Number(bounds.first); from <= Number(bounds.last); from += PAGE_MESSAGES) {
    const rows = await rowsOf(
      connection,
      `SELECT type, size, scid, direction, node_id, own_timestamp, inner_id, raw FROM messages
      WHERE message_id BETWEEN $1 AND $2`,
      [BigInt(from), BigInt(from + PAGE_MESSAGES - 1)],
      [BIGINT, BIGINT],
    );
    seen += rows.length;
    misfits += rows.filter((row) => !fits(row)).length;
  }
  return { misfits, seen };
}

function fits(row: Row): boolean {
  const facts = gossipFacts((row.raw as DuckDBBlobValue).bytes);
  const innerId = row.inner_id as DuckDBBlobValue | null;
  const ownTimestamp = row.own_timestamp as DuckDBTimestampTZValue | null;
  return row.type === facts.type && row.size === facts.size && row.scid === facts.scid &&
    row.direction === facts.direction && row.node_id === facts.nodeId &&
    (innerId && toHex(innerId.bytes)) === (facts.innerId && toHex(facts.innerId)) &&
    (ownTimestamp === null ? facts.ownTimestamp === null : facts.ownTimestamp !== null &&
      ownTimestamp.micros === BigInt(facts.ownTimestamp) * MICROSECONDS_PER_SECOND);
}
