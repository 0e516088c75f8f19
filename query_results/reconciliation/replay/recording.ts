// Who had what when: each peer's first receipts of the window's live messages, as typed arrays.

import type { DuckDBConnection } from "@duckdb/node-api";
import { UserError } from "../../../shared/errors.ts";
import { type Random, shuffled } from "../../../shared/random.ts";
import { valuesOf } from "../../archive/database.ts";
import { readChunks, readIntegers } from "../../archive/read_columns.ts";
import { at } from "../../archive/sql.ts";
import type { Window } from "../../catalog/parameters.ts";
import { notePeerKinds } from "../../patterns/implementations.ts";
import { formatDuration, formatNumber } from "../../format/numbers.ts";

/** Warm-up and tail: a message first seen in them has no whole life in the window. In network time. */
const MARGIN_SECONDS = 600;
/** Fewer peers make too few pairs for a quantile of pairs. */
export const LEAST_PEERS = 8;
/** Peers × messages held at once: 800 MB. */
export const MAX_CELLS = 200_000_000;
/** Times are 32-bit milliseconds. */
const MAX_SECONDS = 2 ** 31 / 1000;
/** Network time in which delivery shows an implementation's timers. */
const TIMER_SECONDS = 900;
/** No receipt. */
export const NEVER: number = -1;

export interface Recording {
  /** By peer: its implementation; where that is unknown, its features in `init`, as hex. */
  readonly features: readonly string[];
  /** How many messages, in order of their first sight. */
  readonly messages: number;
  /** By message: 256, 257 or 258. */
  readonly type: Int32Array;
  readonly sizeBytes: Int32Array;
  /** By message: peers that delivered it, of all. */
  readonly reach: Int32Array;
  /** By message: its first sight. All times are milliseconds of network time since the window's start. */
  readonly firstMs: Int32Array;
  /** By message: the first 64 bits of its SHA-256. */
  readonly id: BigUint64Array;
  /** A row per peer, a column per message: its first receipt, or {@link NEVER}. */
  readonly receivedMs: Int32Array;
  /** What is measured, without margins. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** Peers connected and subscribed from margin to margin, of which those here are a random sample or all. */
  readonly eligiblePeers: number;
}

export interface RecordingOptions {
  readonly window: Window;
  /** Seconds of network time per second of the archive. */
  readonly scale: number;
  /** The most peers to take. */
  readonly peers: number;
  readonly random: Random;
}

/**
 * Reads a recording: live messages, warm-up left out, clocks corrected, as the queries do. Needs their definitions
 * loaded on `connection`, and leaves temporary tables there.
 *
 * @throws {UserError} when the window has too few peers or messages, or is too long.
 */
export async function readRecording(
  connection: DuckDBConnection,
  { window, scale, peers: mostPeers, random }: RecordingOptions,
): Promise<Recording> {
  const seconds = (window.to - window.from) / 1e6 * scale;
  if (seconds > MAX_SECONDS) {
    throw new UserError(
      `Cannot replay ${formatDuration(seconds)}: up to ${formatDuration(MAX_SECONDS)} is possible`,
    );
  }
  const margin = Math.min(MARGIN_SECONDS, seconds / 6);
  const [from, to] = [window.from, window.to].map(at);
  const macro = `${from}, ${to}`;
  const marginUs = Math.round(margin / scale * 1e6);
  await notePeerKinds(connection, window, TIMER_SECONDS, scale);
  const eligible = await valuesOf(
    connection,
    `SELECT span.peer_id, coalesce(nullif(any_value(k.implementation), 'unknown'), min(s.features))
    FROM session_spans(${macro}) span JOIN sessions s USING (session_id) LEFT JOIN peer_kinds k ON k.peer_id = span.peer_id
    WHERE span.from_at <= ${from} + to_microseconds(${marginUs})
      AND span.to_at >= ${to} - to_microseconds(${marginUs})
    GROUP BY span.peer_id ORDER BY span.peer_id`,
  );
  if (eligible.length < LEAST_PEERS) {
    throw new UserError(
      `Cannot compare peers: ${formatNumber(eligible.length)} of them stayed connected and ` +
        `subscribed for the whole window of ${formatDuration(seconds)}, at least ${LEAST_PEERS} ` +
        "are needed; choose another window",
    );
  }
  await connection.run(`CREATE OR REPLACE TEMP TABLE replay_messages AS
    SELECT CAST(row_number() OVER (ORDER BY l.first_seen, l.message_id) - 1 AS INTEGER) AS number, l.message_id, l.type,
      l.size, CAST(l.peers AS INTEGER) AS peers,
      CAST((epoch_us(l.first_seen) - ${window.from}) * ${scale} / 1000 AS INTEGER) AS first_ms,
      CAST('0x' || substr(hex(m.sha256), 1, 16) AS UBIGINT) AS id
    FROM live_messages(${macro}, false) l JOIN messages m ON m.message_id = l.message_id
    WHERE l.type BETWEEN 256 AND 258`);
  const [[count]] = await valuesOf(connection, "SELECT count(*) FROM replay_messages");
  const messages = Number(count);
  if (messages === 0) {
    throw new UserError(
      "Cannot compare peers: the window has no live messages, whose first receipt is past warm-up",
    );
  }
  const allowed = Math.min(mostPeers, Math.floor(MAX_CELLS / messages));
  if (allowed < LEAST_PEERS) {
    throw new UserError(
      `Cannot replay ${formatNumber(messages)} messages at once: choose a shorter window`,
    );
  }
  const chosen = shuffled(eligible, random).slice(0, allowed);
  await connection.run(
    "CREATE OR REPLACE TEMP TABLE replay_peers (number INTEGER, peer_id INTEGER)",
  );
  const values = chosen.map(([peer], number) => `(${number}, ${peer})`).join(", ");
  await connection.run(`INSERT INTO replay_peers VALUES ${values}`);

  const ofMessages = (columns: string) => `SELECT ${columns} FROM replay_messages ORDER BY number`;
  const numbers = await readIntegers(connection, ofMessages("type, size, peers, first_ms"), 4);
  const [type, sizeBytes, reach, firstMs] = numbers;
  const id = BigUint64Array.from(
    (await valuesOf(connection, ofMessages("id"))).map(([id]) => id as bigint),
  );
  const receivedMs = new Int32Array(chosen.length * messages).fill(NEVER);
  // A table of its own: DuckDB may move it to disk, and a stream straight from the joins can come to a standstill.
  await connection.run(`CREATE OR REPLACE TEMP TABLE replay_receipts AS
    SELECT p.number AS peer, m.number AS message, CAST(m.first_ms + greatest(d.delay_us * ${scale} / 1000, 0) AS INTEGER) AS ms
    FROM delays(${macro}, false) d JOIN replay_messages m ON m.message_id = d.message_id
      JOIN replay_peers p ON p.peer_id = d.peer_id`);
  const ofReceipts = "SELECT peer, message, ms FROM replay_receipts";
  for await (const [peers, numbers, times] of readChunks(connection, ofReceipts, [4, 4, 4])) {
    for (let i = 0; i < peers.length; i++) {
      receivedMs[Number(peers[i]) * messages + Number(numbers[i])] = Number(times[i]);
    }
  }
  await connection.run("DROP TABLE replay_receipts");
  return {
    features: chosen.map(([, features]) => String(features)),
    messages,
    type,
    sizeBytes,
    reach,
    firstMs,
    id,
    receivedMs,
    fromMs: 1000 * margin,
    untilMs: 1000 * (seconds - margin),
    eligiblePeers: eligible.length,
  };
}

/** A peer's row of {@link Recording.receivedMs}. */
export function receiptsOf({ receivedMs, messages }: Recording, peer: number): Int32Array {
  return receivedMs.subarray(peer * messages, (peer + 1) * messages);
}
