// Checks of an archive: their form, and the two that need more than SQL.

import {
  BIGINT,
  type DuckDBBlobValue,
  type DuckDBConnection,
  type DuckDBTimestampTZValue,
} from "@duckdb/node-api";
import { gossipFacts } from "../../shared/bolt/facts.ts";
import { readDayFiles } from "../days/day_files.ts";
import { checkFile } from "../days/manifest.ts";
import { type Row, rowsOf } from "../store/database.ts";

export interface Check {
  readonly claim: string;
  /** `contradiction`: the archive contradicts itself. `loss`: it reports a loss itself. */
  readonly kind: "contradiction" | "loss";
  readonly look: (connection: DuckDBConnection) => Promise<Finding>;
}

export interface Finding {
  readonly misfits: number;
  readonly seen: number;
  /** What is amiss with some of the misfits, one line each; absent when the count says all. */
  readonly details?: readonly string[];
}

/** A check by a query whose one row has the columns `misfits` and `seen`. */
export function sqlCheck(kind: Check["kind"], claim: string, sql: string): Check {
  const look = async (connection: DuckDBConnection) => {
    const [row] = (await connection.runAndReadAll(sql)).getRowObjects();
    return { misfits: Number(row.misfits), seen: Number(row.seen) };
  };
  return { claim, kind, look };
}

/** Files listed. */
const MAX_DETAILS = 20;

export const dayFilesCheck: Check = {
  kind: "contradiction",
  claim: "each day's file agrees with its manifest and the archive: SHA-256, count, bounds, sums",
  look: lookAtDayFiles,
};

async function lookAtDayFiles(connection: DuckDBConnection): Promise<Finding> {
  const details: string[] = [];
  let misfits = 0;
  let seen = 0;
  for (const file of await readDayFiles(connection)) {
    if (file.state === "dropped") continue;
    seen++;
    const { problem } = await checkFile(connection, file);
    if (problem === null) continue;
    misfits++;
    if (details.length < MAX_DETAILS) details.push(`${file.path}: ${problem}`);
  }
  return { misfits, seen, details };
}

/** Messages read at once, of up to 64 KiB each. */
const PAGE_MESSAGES = 2000;
const US_PER_SECOND = 1_000_000n;

export const factsCheck: Check = {
  kind: "contradiction",
  claim: "type, size, scid, direction, node_id, own_timestamp and inner_id are those of the bytes",
  look: lookAtFacts,
};

async function lookAtFacts(connection: DuckDBConnection): Promise<Finding> {
  const [bounds] = await rowsOf(
    connection,
    "SELECT min(message_id) AS first, max(message_id) AS last FROM messages",
  );
  let misfits = 0;
  let seen = 0;
  if (bounds.first === null) return { misfits, seen };
  // Ids follow the order of rows, so a page lies in few row groups.
  for (let from = Number(bounds.first); from <= Number(bounds.last); from += PAGE_MESSAGES) {
    const rows = await rowsOf(
      connection,
      `SELECT type, size, scid, direction, node_id, own_timestamp, inner_id, raw FROM messages
      WHERE message_id BETWEEN $1 AND $2 AND raw IS NOT NULL`,
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
    (innerId && innerId.bytes.toHex()) === (facts.innerId && facts.innerId.toHex()) &&
    (ownTimestamp === null ? facts.ownTimestamp === null : facts.ownTimestamp !== null &&
      ownTimestamp.micros === BigInt(facts.ownTimestamp) * US_PER_SECOND);
}
