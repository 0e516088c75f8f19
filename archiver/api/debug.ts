// Debug queries: one message with everything known of it, and the peers.
import { BIGINT, BLOB, blobValue, DuckDBBlobValue, DuckDBTimestampTZValue } from "@duckdb/node-api";
import { BoltFault } from "../../shared/bolt/fault.ts";
import { decodeMessage } from "../../shared/bolt/message.ts";
import { isoTime } from "../../shared/time.ts";
import type { Store } from "../store/store.ts";

const MAX_ARRIVALS = 1000;
const MAX_PEERS = 10_000;

export type Readable = Pick<Store, "read">;

/** A message in a URL: its message_id, or its SHA-256 in hex. */
export const MESSAGE_NAME = /^(\d{1,15}|[0-9a-fA-F]{64})$/;

/** Everything known of a message, for JSON; null when there is none. @param name see {@link MESSAGE_NAME}. */
export async function describeMessage(store: Readable, name: string): Promise<unknown> {
  const byHash = name.length === 64;
  const [message] = await store.read(
    `SELECT m.*, l.type_name, l.scid_text FROM messages m
    JOIN message_list l ON l.message_id = m.message_id
    WHERE m.${byHash ? "sha256" : "message_id"} = $1`,
    [byHash ? blobValue(Uint8Array.fromHex(name)) : BigInt(name)],
    [byHash ? BLOB : BIGINT],
  );
  if (message === undefined) return null;
  const id = [message.message_id];
  const [receipts] = await store.read(
    `SELECT count(*) AS count, count(DISTINCT peer_id) AS peers,
      count(*) FILTER (WHERE is_repeat) AS repeats, min(received_at) AS first,
      max(received_at) AS last
    FROM receipts WHERE message_id = $1`,
    id,
    [BIGINT],
  );
  const arrivals = await store.read(
    `SELECT r.received_at, p.node_id AS peer, c.name AS collector, r.is_repeat, r.is_warmup
    FROM receipts r JOIN peers p ON p.peer_id = r.peer_id
    JOIN collectors c ON c.collector_id = r.collector_id
    WHERE r.message_id = $1 ORDER BY r.received_at, p.node_id LIMIT ${MAX_ARRIVALS}`,
    id,
    [BIGINT],
  );
  const raw = message.raw as DuckDBBlobValue | null;
  const decoded = raw && decode(raw.bytes);
  return jsonValue({ ...message, decoded, receipts, arrivals });
}

/** The fields of a message, or the decoding error. */
function decode(raw: Uint8Array): unknown {
  try {
    const { raw: _, ...fields } = decodeMessage(raw);
    return fields;
  } catch (error) {
    if (!(error instanceof BoltFault)) throw error;
    return { error: error.message };
  }
}

/** The peers with figures over their sessions, open ones as of last_counted, for JSON. */
export async function describePeers(store: Readable): Promise<unknown> {
  const peers = await store.read(`SELECT p.peer_id, p.node_id, count(s.session_id) AS sessions,
      count(s.session_id) FILTER (WHERE s.closed_at IS NULL) AS sessions_not_closed,
      arg_max(s.address, s.filter_at) AS address, min(s.filter_at) AS first_subscribed,
      max(s.filter_at) AS last_subscribed, max(s.closed_at) AS last_closed,
      arg_max(s.close_reason, s.closed_at) AS last_close_reason, max(s.counted_at) AS last_counted,
      CAST(sum(s.receipts) AS BIGINT) AS receipts, CAST(sum(s.bytes_in) AS BIGINT) AS bytes_in,
      CAST(sum(s.bytes_out) AS BIGINT) AS bytes_out, max(s.last_gossip_at) AS last_gossip,
      CAST(sum(s.pings_sent) AS BIGINT) AS pings_sent,
      CAST(sum(s.pings_answered) AS BIGINT) AS pings_answered,
      arg_max(s.rtt_median_microseconds, s.counted_at) AS last_rtt_median_microseconds
    FROM peers p LEFT JOIN sessions s ON s.peer_id = p.peer_id
    GROUP BY p.peer_id, p.node_id ORDER BY p.peer_id LIMIT ${MAX_PEERS}`);
  return jsonValue(peers);
}

/**
 * A value that JSON can hold: bytes become hex, instants ISO 8601, integers beyond 2^53 text; lists and objects are
 * gone through.
 */
export function jsonValue(value: unknown): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (value instanceof Uint8Array) return value.toHex();
  if (value instanceof DuckDBBlobValue) return value.bytes.toHex();
  if (value instanceof DuckDBTimestampTZValue) return isoTime(Number(value.micros));
  if (Array.isArray(value)) return value.map(jsonValue);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, jsonValue(inner)]));
  }
  return value;
}
