/**
 * A tiny archive made by hand, so that each query's answer can be worked out on paper.
 *
 * Times are seconds after {@link START}. Peers A to E; collectors alpha (one run), beta (one run) and gamma (one run
 * that was killed, its last receipt at 60 s, and one started at 4,500 s).
 *
 * | peer | held by | from | to |
 * |---|---|---|---|
 * | A | alpha | 0 | open |
 * | B | alpha | 0 | 4,000, by the peer |
 * | B | beta | 0 | 4,000, by us |
 * | C | beta | 0 | 1,000, by the network |
 * | D | beta | 0 | open |
 * | E | gamma | 0 | never told: 60, when gamma was killed |
 *
 * | message | type | size | about | receipts |
 * |---|---|---|---|---|
 * | m1 | 258 | 100 | 1x1x0 direction 0, content x | A 100, B 105 (beta) and 110 (alpha), C 120, A 130 again, D 5,000 (late) |
 * | m2 | 258 | 100 | 1x1x0 direction 1, content y | A 200, C 210 |
 * | m3 | 257 | 200 | node N | B 300 (alpha) and 301 (beta) |
 * | m4 | 256 | 300 | 2x1x0 | A 50 (warm-up), B 60 (alpha) |
 * | m5 | 258 | 100 | 3x1x0 direction 0, content z | A 1,500, D 1,502 |
 * | m6 | 258 | 100 | 1x1x0 direction 0, content x again | A 2,000 |
 *
 * @module
 */
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { migrate } from "../../archiver/store/migrations.ts";

/** Second 0, a whole number of thousand-second bins: 2025-01-01 00:06:40 UTC, in µs since the Unix epoch. */
export const START: number = 1_735_690_000_000_000;

/** An instant in µs since the Unix epoch. @param seconds after {@link START}. */
export function at(seconds: number): number {
  return START + Math.round(seconds * 1e6);
}

/** What a hostile peer might call itself: markup, and a character that turns the reading direction. */
export const HOSTILE_ADDRESS: string = '<script>alert("x")</script>\u202eevil.example:9735';

/** A peer's node id. @param letter A to E. */
export function nodeId(letter: string): string {
  return "02" + letter.toLowerCase().repeat(64);
}

/** The node that m3 announces. */
export const ANNOUNCED: string = "03" + "9".repeat(64);

/** Makes the archive described above. */
export async function makeQueryArchive(path: string): Promise<void> {
  await makeEmptyArchive(path, async (connection) => {
    for (const statement of STATEMENTS) await connection.run(statement);
  });
}

/** Makes an archive without rows, lets `fill` add some, and closes it. */
export async function makeEmptyArchive(
  path: string,
  fill: (connection: DuckDBConnection) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  try {
    await migrate(connection, path);
    await fill(connection);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** An instant in SQL; null stays null. */
function sqlAt(seconds: number | null): string {
  return seconds === null ? "NULL" : `make_timestamptz(${at(seconds)})`;
}

const text = (value: string | null) => value === null ? "NULL" : `'${value.replaceAll("'", "''")}'`;

const scid = (block: number, index: number) =>
  String((BigInt(block) << 40n) | (BigInt(index) << 16n));

function epoch(
  id: number,
  collector: number,
  startedAt: number,
  receipts: number,
  stamped: number,
  lastReceiptAt: number | null,
): string {
  return `INSERT INTO epochs (epoch_id, collector_id, started_at, version, target_peers, next_batch, receipts,
    stamped_receipts, last_receipt_at, last_commit_at, ended_at)
    VALUES (${id}, ${collector}, ${sqlAt(startedAt)}, '1.0.0', 4, 10, ${receipts}, ${stamped},
    ${sqlAt(lastReceiptAt)}, ${sqlAt(5001)}, NULL)`;
}

function session(
  id: number,
  epochId: number,
  collector: number,
  peer: number,
  address: string,
  closed: { at: number; by: string; reason: string; receipts: number } | null,
): string {
  const end = closed
    ? `${sqlAt(closed.at)}, ${text(closed.by)}, ${
      text(closed.reason)
    }, ${closed.receipts}, 1000, 50`
    : "NULL, NULL, NULL, NULL, NULL, NULL";
  return `INSERT INTO sessions (session_id, epoch_id, number, collector_id, peer_id, address, dialled_at, handshake_at,
    filter_at, filter_first, features, closed_at, closed_by, close_reason, receipts, bytes_in, bytes_out,
    first_gossip_at, last_gossip_at)
    VALUES (${id}, ${epochId}, ${id}, ${collector}, ${peer}, ${text(address)}, ${sqlAt(-2)}, ${
    sqlAt(-1)
  },
    ${sqlAt(0)}, 0, '80', ${end}, ${closed ? sqlAt(3) : "NULL"}, NULL)`;
}

function message(
  id: number,
  type: number,
  size: number,
  firstSeen: number,
  about: { scid?: string; direction?: number; node?: string; inner?: string; verdict?: string },
): string {
  const { scid = "NULL", direction = "NULL", node = null, inner = null, verdict = "valid" } = about;
  return `INSERT INTO hot_messages (message_id, sha256, type, size, verdict, scid, direction, node_id, own_timestamp,
    inner_id, first_seen, raw)
    VALUES (${id}, from_hex(sha256('${id}')), ${type}, ${size}, ${
    text(verdict)
  }, ${scid}, ${direction}, ${text(node)},
    NULL, ${inner === null ? "NULL" : `${text(inner)}::BLOB`}, ${sqlAt(firstSeen)}, 'raw'::BLOB)`;
}

function receipt(
  seconds: number,
  messageId: number,
  peer: number,
  collector: number,
  flags: { repeat?: boolean; warmup?: boolean } = {},
): string {
  return `INSERT INTO hot_receipts (received_at, message_id, peer_id, collector_id, is_repeat, is_warmup)
    VALUES (${sqlAt(seconds)}, ${messageId}, ${peer}, ${collector}, ${flags.repeat ?? false}, ${
    flags.warmup ?? false
  })`;
}

const [ALPHA, BETA, GAMMA] = [1, 2, 3];
const [A, B, C, D, E] = [1, 2, 3, 4, 5];
const CHANNEL = scid(1, 1);

/** A measurement of a collector's clock at `seconds`; the rest in µs. */
function clockSample(collector: number, seconds: number, offset: number, uncertainty: number) {
  return `INSERT INTO clock_samples VALUES (${collector}, ${collector}, ${
    sqlAt(seconds)
  }, ${offset}, ${uncertainty})`;
}

/** What a session's pings came to; round trips least, median and longest in ms. */
function pings(session: number, sent: number, answered: number, trips: number[]): string {
  const [least, median, longest] = trips.map((milliseconds) => milliseconds * 1000);
  return `UPDATE sessions SET counted_at = coalesce(closed_at, ${
    sqlAt(50)
  }), pings_sent = ${sent}, pings_answered = ${answered}, rtt_min_microseconds = ${least},
    rtt_median_microseconds = ${median}, rtt_max_microseconds = ${longest} WHERE session_id = ${session}`;
}

/** Dials of alpha in the minute before `seconds`. */
function dials(seconds: number, outcome: string, address: string, count: number): string {
  return `INSERT INTO dial_outcomes VALUES (1, ${ALPHA}, ${sqlAt(seconds - 60)}, ${
    sqlAt(seconds)
  }, '${address}', '${outcome}', ${count})`;
}

const STATEMENTS: readonly string[] = [
  `INSERT INTO collectors (collector_id, name) VALUES (${ALPHA}, 'alpha'), (${BETA}, 'beta'), (${GAMMA}, 'gamma')`,
  epoch(1, ALPHA, -10, 10, 10, 2000),
  epoch(2, BETA, -10, 5, 12, 5000),
  epoch(3, GAMMA, -5, 0, 0, 60),
  epoch(4, GAMMA, 4500, 0, 0, null),
  ...["A", "B", "C", "D", "E"].map((letter, i) =>
    `INSERT INTO peers (peer_id, node_id) VALUES (${i + 1}, '${nodeId(letter)}')`
  ),
  session(1, 1, ALPHA, A, "192.0.2.1:9735", null),
  session(2, 1, ALPHA, B, "192.0.2.2:9735", { at: 4000, by: "peer", reason: "bye", receipts: 3 }),
  session(3, 2, BETA, B, "192.0.2.2:9735", { at: 4000, by: "us", reason: "stop", receipts: 2 }),
  session(4, 2, BETA, C, HOSTILE_ADDRESS, {
    at: 1000,
    by: "network",
    reason: "<b>reset</b>",
    receipts: 2,
  }),
  session(5, 2, BETA, D, "[2001:db8::1]:9735", null),
  session(6, 3, GAMMA, E, `${"e".repeat(56)}.onion:9735`, null),
  message(1, 258, 100, 100, { scid: CHANNEL, direction: 0, inner: "x" }),
  message(2, 258, 100, 200, { scid: CHANNEL, direction: 1, inner: "y" }),
  message(3, 257, 200, 300, { node: ANNOUNCED, inner: "n" }),
  message(4, 256, 300, 50, { scid: scid(2, 1), inner: "c" }),
  message(5, 258, 100, 1500, {
    scid: scid(3, 1),
    direction: 0,
    inner: "z",
    verdict: "unknown_signer",
  }),
  message(6, 258, 100, 2000, { scid: CHANNEL, direction: 0, inner: "x", verdict: "invalid" }),
  receipt(100, 1, A, ALPHA),
  receipt(110, 1, B, ALPHA),
  receipt(105, 1, B, BETA),
  receipt(120, 1, C, BETA),
  receipt(130, 1, A, ALPHA, { repeat: true }),
  receipt(5000, 1, D, BETA),
  receipt(200, 2, A, ALPHA),
  receipt(210, 2, C, BETA),
  receipt(300, 3, B, ALPHA),
  receipt(301, 3, B, BETA),
  receipt(50, 4, A, ALPHA, { warmup: true }),
  receipt(60, 4, B, ALPHA),
  receipt(1500, 5, A, ALPHA),
  receipt(1502, 5, D, BETA),
  receipt(2000, 6, A, ALPHA),
  `INSERT INTO gaps (epoch_id, first_batch, last_batch, receipts_before, receipts, noticed_at, reason)
    VALUES (2, 5, 6, 3, 7, ${sqlAt(400)}, 'missing')`,
  // Beta was never measured, and gamma heard nothing: all delays are as stamped, and nobody knows how good they are.
  clockSample(GAMMA, 100, -2000, 400),
  clockSample(GAMMA, 160, -1500, 100),
  clockSample(GAMMA, 2000, 3000, 700),
  clockSample(ALPHA, 40, 0, 1),
  // B at alpha answered 9 of 10 pings; D, still held, 2 of 2 by second 50, and E, over Tor, 4 of 4.
  pings(2, 10, 9, [10, 20, 90]),
  pings(6, 4, 4, [200, 300, 400]),
  pings(5, 2, 2, [30, 40, 50]),
  dials(500, "connected", "ipv4", 3),
  dials(500, "refused", "ipv4", 4),
  dials(500, "unreachable", "onion", 1),
  dials(1200, "timed_out", "dns", 2),
  `INSERT INTO unresolved_receipts (received_at, epoch_id, message_number, session_number, flags)
    VALUES (${sqlAt(500)}, 2, 99, 4, 0)`,
  `INSERT INTO dead_letters (received_at, source, reason, raw) VALUES (${
    sqlAt(600)
  }, 'nats', 'truncated', 'x'::BLOB)`,
];
