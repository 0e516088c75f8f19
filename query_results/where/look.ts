// Answers "where is my update?" from an open archive.

import type { DuckDBConnection, DuckDBListValue } from "@duckdb/node-api";
import { scidText } from "../../shared/bolt/scid.ts";
import { UserError } from "../../shared/errors.ts";
import { DAY_US } from "../../shared/time.ts";
import type { Window } from "../catalog/parameters.ts";
import type { Answer, CollectorLine, CurvePoint, MessageLine, PeerLine } from "./answer.ts";
import { notePeerKinds } from "../patterns/implementations.ts";
import { findMessages, findSubject, type FoundMessage } from "./find.ts";
import { halfSeconds, history, newestSigned, sentence, slowerThan, spreadClass } from "./judge.ts";
import { aliasText } from "./name.ts";
import { isDropped, readWholeDay } from "./whole_day.ts";
import { CAP_US, pickRows, spreadTables } from "./pick.ts";
import { numberOrNull, rowsOf } from "../archive/database.ts";

/** Messages that are listed. */
const LATEST = 8;

interface Spread {
  readonly subscribed: number;
  /** Ascending. */
  readonly atUs: readonly number[];
  readonly errorUs: number | null;
  readonly isBacklog: boolean;
  /** It stands for those of its type that day. */
  readonly isSampled: boolean;
}

const UNHEARD: Spread = {
  subscribed: 0,
  atUs: [],
  errorUs: 0,
  isBacklog: true,
  isSampled: false,
};

/** Needs the queries' definitions loaded on `connection`, and leaves temporary tables there. @throws {UserError} */
export async function answerFor(connection: DuckDBConnection, name: string): Promise<Answer> {
  const subject = await findSubject(connection, name);
  const messages = await findMessages(connection, subject);
  const top = messages.find(({ sha256 }) => sha256 === subject.sha256) ??
    newestSigned(messages) ?? messages.at(0);
  if (top === undefined) {
    throw new UserError(`The archive knows ${subject.label} as a peer, but has no message of it`);
  }
  const latest = messages.slice(0, LATEST);
  const day = Math.floor(top.firstSeen / DAY_US) * DAY_US;
  const [{ last, of_day: ofDay }] = await rowsOf(
    connection,
    `SELECT (SELECT epoch_us(max(last_receipt_at)) FROM epochs) AS last,
      (SELECT count(*) FROM messages WHERE type = ${top.type} AND first_seen >= make_timestamptz(${day})
        AND first_seen < make_timestamptz(${day + DAY_US})) AS of_day`,
  );
  const around = { from: top.firstSeen - TIMERS_US, to: top.firstSeen + TIMERS_US };
  await notePeerKinds(connection, around, SLICE_SECONDS);
  const wholeDay = await readWholeDay(connection, top);
  const dropped = await isDropped(connection, top);
  await pickRows(connection, top, latest.filter(({ id }) => id !== top.id));
  const window = await spreadTables(connection);
  const spreads = await readSpreads(connection);
  const line = (message: FoundMessage) => messageLine(message, messages, spreads);
  const message = line(top);
  const others = [...spreads].filter(([id, spread]) =>
    id !== top.id && spread.isSampled && !spread.isBacklog
  ).map(([, spread]) => spread);
  const halves = others.map(({ subscribed, atUs }) => halfSeconds(subscribed, atUs));
  const until = numberOrNull(last) ?? window.to;
  const peers = dropped ? [] : await readPeers(connection, top, until);
  const collectors = await readCollectors(connection, top, window, message.is_backlog);
  const aliasHex = subject.aliasHex;
  const rest: Omit<Answer, "sentence"> = {
    subject: subject.label,
    kind: subject.kind,
    channel: subject.scid === null ? null : scidText(subject.scid),
    node_id: subject.nodeId,
    alias: aliasHex === null ? null : aliasText(aliasHex),
    nodes: subject.ends,
    notes: [
      ...notesOf(subject, messages, top),
      ...dropped ? ["the receipts of its day are dropped: what single peers did is unknown"] : [],
    ],
    message,
    uncertainty_seconds: microToSeconds(spreads.get(top.id)?.errorUs ?? null),
    first_from: peers.filter(({ seconds }) => seconds === 0).map(({ node_id }) => node_id),
    peers,
    repeats: collectors.reduce((sum, { repeats }) => sum + repeats, 0),
    collectors,
    curve: curveOf(spreads.get(top.id) ?? UNHEARD, others),
    compared: others.length,
    of_day: Number(ofDay),
    slower_than_percent: message.is_backlog ? null : slowerThan(message.half_seconds, halves),
    whole_day: wholeDay,
    is_dropped: dropped,
    latest: latest.map(line),
    archive_until: until,
  };
  return { sentence: sentence(rest), ...rest };
}

function notesOf(
  subject: Awaited<ReturnType<typeof findSubject>>,
  messages: readonly FoundMessage[],
  top: FoundMessage,
): string[] {
  const notes: string[] = [];
  if (subject.kind === "channel" && subject.ends === null) {
    notes.push("the channel's announcement was never seen, so its nodes are unknown");
  }
  if (subject.kind === "node" && messages.every(({ type }) => type === 257)) {
    notes.push("no channel of the node was announced in the archive's last 31 days");
  }
  if (subject.kind === "node" && messages.every(({ type }) => type !== 257)) {
    notes.push("the node's own announcement was never seen, so its alias is unknown");
  }
  if (top.verdict !== "valid") notes.push(`the message's verdict is ${top.verdict}`);
  return notes;
}

/** Half the span around first sight in which delivery is looked at, µs, and its three slices, s. */
const TIMERS_US = 900_000_000;
const SLICE_SECONDS = 200;
async function readSpreads(connection: DuckDBConnection): Promise<Map<bigint, Spread>> {
  const rows = await rowsOf(connection, "FROM spreads");
  return new Map(rows.map((row) => [row.message_id as bigint, {
    subscribed: Number(row.subscribed),
    atUs: (row.at_us as DuckDBListValue).items.map(Number),
    errorUs: numberOrNull(row.error_us),
    isBacklog: row.is_backlog === true,
    isSampled: row.is_sampled === true,
  }]));
}

function messageLine(
  message: FoundMessage,
  messages: readonly FoundMessage[],
  spreads: ReadonlyMap<bigint, Spread>,
): MessageLine {
  const { subscribed, atUs, isBacklog } = spreads.get(message.id) ?? UNHEARD;
  const { supersededBy, resignedFrom } = history(message, messages);
  const reference = (other: FoundMessage | null) =>
    other === null ? null : { sha256: other.sha256, at: other.firstSeen };
  return {
    sha256: message.sha256,
    type: TYPE_NAMES[message.type] ?? `type ${message.type}`,
    direction: message.direction,
    channel: message.scid === null ? null : scidText(message.scid),
    size: message.size,
    verdict: message.verdict,
    first_seen: message.firstSeen,
    own_timestamp: message.ownTimestamp,
    subscribed,
    reached: atUs.length,
    half_seconds: subscribed === 0 ? null : halfSeconds(subscribed, atUs),
    spread: spreadClass(subscribed, atUs),
    is_backlog: isBacklog,
    superseded_by: reference(supersededBy),
    resigned_from: reference(resignedFrom),
  };
}

const TYPE_NAMES: Readonly<Record<number, string>> = {
  256: "channel_announcement",
  257: "node_announcement",
  258: "channel_update",
};

/** Peers that were subscribed at first sight: those that delivered it by delay, then the others. */
async function readPeers(
  connection: DuckDBConnection,
  { id, firstSeen }: FoundMessage,
  until: number,
): Promise<PeerLine[]> {
  const leftBefore = `make_timestamptz(${Math.min(firstSeen + CAP_US, until)})`;
  const rows = await rowsOf(
    connection,
    `WITH heard AS (
      SELECT peer_id, count(*) FILTER (is_repeat) AS repeats FROM receipts WHERE message_id = ${id} GROUP BY peer_id
    ), stayed AS (
      SELECT DISTINCT peer_id FROM session_spans(${leftBefore}, make_timestamptz(${until + 1}))
      WHERE to_at >= ${leftBefore}
    )
    SELECT p.node_id, coalesce(i.implementation, 'unknown') AS implementation, d.delay_us, coalesce(h.repeats, 0) AS repeats,
      CASE WHEN d.delay_us IS NOT NULL THEN 'delivered' WHEN h.peer_id IS NOT NULL THEN 'as backlog'
        WHEN t.peer_id IS NULL THEN 'left before' ELSE 'never' END AS state
    FROM subscribed s JOIN peers p USING (peer_id) LEFT JOIN peer_kinds i ON i.peer_id = s.peer_id
      LEFT JOIN delivered d ON d.message_id = s.message_id AND d.peer_id = s.peer_id
      LEFT JOIN heard h ON h.peer_id = s.peer_id LEFT JOIN stayed t ON t.peer_id = s.peer_id
    WHERE s.message_id = ${id}
    ORDER BY d.delay_us NULLS LAST, p.node_id`,
  );
  return rows.map((row) => ({
    node_id: String(row.node_id),
    implementation: String(row.implementation),
    state: row.state as PeerLine["state"],
    seconds: microToSeconds(numberOrNull(row.delay_us)),
    repeats: Number(row.repeats),
  }));
}

async function readCollectors(
  connection: DuckDBConnection,
  { id }: FoundMessage,
  { from, to }: Window,
  includeWarmup: boolean,
): Promise<CollectorLine[]> {
  const window = `make_timestamptz(${from}), make_timestamptz(${to})`;
  const rows = await rowsOf(
    connection,
    `SELECT c.name, epoch_us(min(r.received_at)) AS first_heard, count(DISTINCT r.peer_id) AS peers, count(*) AS receipts,
      count(*) FILTER (r.is_repeat) AS repeats, any_value(h.offset_us) AS offset_us, any_value(h.error_us) AS error_us,
      (SELECT count(*) FROM several_clocks(${window})) AS clocks
    FROM receipts r JOIN collectors c ON c.collector_id = r.collector_id
      LEFT JOIN hearings(${window}, ${includeWarmup}) h ON h.message_id = r.message_id AND h.collector_id = r.collector_id
    WHERE r.message_id = ${id} GROUP BY c.name ORDER BY first_heard`,
  );
  return rows.map((row) => ({
    name: String(row.name),
    first_heard: Number(row.first_heard),
    peers: Number(row.peers),
    receipts: Number(row.receipts),
    repeats: Number(row.repeats),
    offset_seconds: microToSeconds(numberOrNull(row.offset_us)),
    // One clock is right by itself.
    uncertainty_seconds: Number(row.clocks) === 0 ? 0 : microToSeconds(numberOrNull(row.error_us)),
  }));
}

const CURVE_PERCENTS = Array.from({ length: 20 }, (_, i) => 5 * (i + 1));

function curveOf(own: Spread, day: readonly Spread[]): CurvePoint[] {
  const at = ({ subscribed, atUs }: Spread, percent: number) => {
    const count = Math.ceil(subscribed * percent / 100);
    return count > 0 && count <= atUs.length ? atUs[count - 1] / 1e6 : Infinity;
  };
  return CURVE_PERCENTS.map((percent) => {
    const seconds = day.map((spread) => at(spread, percent)).sort((a, b) => a - b);
    // Messages that never got there are the slowest of all.
    const quantile = (share: number) =>
      finite(seconds[Math.ceil(share * seconds.length) - 1] ?? Infinity);
    return {
      percent,
      seconds: finite(at(own, percent)),
      day_25: quantile(0.25),
      day_50: quantile(0.5),
      day_75: quantile(0.75),
    };
  });
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function microToSeconds(us: number | null): number | null {
  return us === null ? null : us / 1e6;
}
