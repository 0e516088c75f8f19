// Which channel, node or message of an archive a name means, and its latest messages.

import { BIGINT, type DuckDBConnection, VARCHAR } from "@duckdb/node-api";
import { scidText } from "../../shared/bolt/scid.ts";
import { UserError } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";
import { DAY_US } from "../../shared/time.ts";
import { formatInstant } from "../format/numbers.ts";
import {
  type AliasEntry,
  aliasText,
  FORMS,
  LEAST_PREFIX,
  MAX_NEAR,
  nearAliases,
  type Reading,
  readingsOf,
  withAlias,
} from "./name.ts";
import { numberOrNull, rowsOf, textOrNull } from "../archive/database.ts";

export interface Subject {
  readonly kind: "channel" | "node" | "other";
  /** As people read it, e.g. `channel 863846x913x104`. */
  readonly label: string;
  readonly scid: bigint | null;
  readonly nodeId: string | null;
  /** The wanted message, where the name was its digest. */
  readonly sha256: string | null;
  /** Bytes of the node's latest alias, as hex. */
  readonly aliasHex: string | null;
  /** Ends of the channel by its announcement; null when that was never seen, or it is no channel. */
  readonly ends: readonly [string, string] | null;
}

/** A message of a subject. Instants are µs since the Unix epoch. */
export interface FoundMessage {
  readonly id: bigint;
  readonly sha256: string;
  readonly type: number;
  readonly size: number;
  readonly verdict: string;
  readonly scid: bigint | null;
  readonly direction: number | null;
  readonly nodeId: string | null;
  readonly ownTimestamp: number | null;
  readonly innerId: string | null;
  readonly firstSeen: number;
}

/** Announcements are searched for aliases and a node's channels so far back from the archive's last receipt. */
const SEARCHED_DAYS = 31;
/** A subject's messages that are looked at, the newest first. */
const MAX_MESSAGES = 1000;

/** Anyone can forge what an invalid message says. */
const SIGNED = "verdict NOT IN ('invalid', 'malformed')";

/** In a node_announcement's bytes, by BOLT 7: a length of features, then what follows them. 1-based, as SQL counts. */
const LATEST_ALIASES = `WITH announced AS (
  SELECT node_id, first_seen, raw, CAST('0x' || hex(raw[67:68]) AS INTEGER) AS flen
  FROM messages WHERE type = 257 AND ${SIGNED} AND octet_length(raw) > 140 AND first_seen >= make_timestamptz($since)
)
SELECT node_id, hex(arg_max(raw[109 + flen:140 + flen], first_seen)) AS alias FROM announced`;

/** Ends of channels by their announcements, node 1 first. */
const CHANNEL_ENDS = `WITH announced AS (
  SELECT scid, raw, CAST('0x' || hex(raw[259:260]) AS INTEGER) AS flen
  FROM messages WHERE type = 256 AND ${SIGNED} AND octet_length(raw) >= 432
)
SELECT scid, lower(hex(raw[301 + flen:333 + flen])) AS node_1, lower(hex(raw[334 + flen:366 + flen])) AS node_2
FROM announced`;

/**
 * Finds what a name means.
 * @throws {UserError} when it means nothing in this archive or several nodes, with what is like it.
 */
export async function findSubject(connection: DuckDBConnection, name: string): Promise<Subject> {
  const readings = readingsOf(name);
  const near: string[] = [];
  for (const reading of readings) {
    const found = await lookUp(connection, reading, near);
    if (found !== null) return found;
  }
  if (/^0[23][0-9a-f]*$/i.test(name) && name.length < LEAST_PREFIX) {
    throw new UserError(
      `"${name}" is too short: a node id needs at least ${LEAST_PREFIX} digits; NAME is ${FORMS}`,
    );
  }
  const like = near.length === 0
    ? ""
    : `; like it: ${near.map((name) => printable(name, 70)).join(", ")}`;
  throw new UserError(
    `There is no ${whatIt(readings)} "${
      printable(name, 70)
    }" in this archive${like}; NAME is ${FORMS}`,
  );
}

function whatIt(readings: readonly Reading[]): string {
  const kinds = new Set(readings.map(({ kind }) => kind));
  // An alias is what is left of any text.
  if (kinds.size > 1 && !readings.some((reading) => "alias" in reading && !reading.alias)) {
    kinds.delete("alias");
  }
  return [...kinds].join(" or ");
}

async function lookUp(
  connection: DuckDBConnection,
  reading: Reading,
  near: string[],
): Promise<Subject | null> {
  switch (reading.kind) {
    case "channel":
      return await lookUpChannel(connection, reading.scid, near);
    case "node":
      return await lookUpNode(connection, reading.prefix, near);
    case "message":
      return await lookUpMessage(connection, reading.prefix, near);
    case "alias":
      return await lookUpAlias(connection, reading.alias, near);
  }
}

async function lookUpChannel(
  connection: DuckDBConnection,
  scid: bigint,
  near: string[],
): Promise<Subject | null> {
  const [values, types] = [{ scid }, { scid: BIGINT }];
  const sql = "SELECT 1 FROM messages WHERE scid = $scid LIMIT 1";
  if ((await rowsOf(connection, sql, values, types)).length > 0) {
    return await channelSubject(connection, scid);
  }
  const closest = await rowsOf(
    connection,
    `SELECT DISTINCT scid FROM messages WHERE scid IS NOT NULL AND scid >> 40 = $scid >> 40
    ORDER BY abs(CAST(scid AS HUGEINT) - $scid) LIMIT ${MAX_NEAR}`,
    values,
    types,
  );
  near.push(...closest.map((row) => scidText(row.scid as bigint)));
  return null;
}

async function channelSubject(connection: DuckDBConnection, scid: bigint): Promise<Subject> {
  const sql = `${CHANNEL_ENDS} WHERE scid = $scid LIMIT 1`;
  const [ends] = await rowsOf(connection, sql, { scid }, { scid: BIGINT });
  return {
    ...NO_SUBJECT,
    kind: "channel",
    label: `channel ${scidText(scid)}`,
    scid,
    ends: ends === undefined ? null : [String(ends.node_1), String(ends.node_2)],
  };
}

const NO_SUBJECT = { scid: null, nodeId: null, sha256: null, aliasHex: null, ends: null };

async function lookUpNode(
  connection: DuckDBConnection,
  prefix: string,
  near: string[],
): Promise<Subject | null> {
  const known = async (prefix: string) =>
    (await rowsOf(
      connection,
      `SELECT node_id FROM messages WHERE node_id >= $prefix AND node_id < $prefix || 'g'
      UNION SELECT node_id FROM peers WHERE node_id >= $prefix AND node_id < $prefix || 'g'
      ORDER BY node_id LIMIT ${MAX_NEAR + 1}`,
      { prefix },
    )).map((row) => String(row.node_id));
  const ids = await known(prefix);
  if (ids.length === 1) return await nodeSubject(connection, ids[0]);
  if (ids.length > 1) throw await ambiguous(connection, prefix, ids);
  if (prefix.length === 66) {
    // It may have channels and no node_announcement.
    if (await noteChannels(connection, prefix) > 0) return await nodeSubject(connection, prefix);
  }
  for (let length = prefix.length - 1; length >= 4 && near.length === 0; length--) {
    near.push(...(await known(prefix.slice(0, length))).slice(0, MAX_NEAR));
  }
  return null;
}

async function nodeSubject(connection: DuckDBConnection, nodeId: string): Promise<Subject> {
  const since = await searchedSince(connection);
  const sql = `${LATEST_ALIASES} WHERE node_id = $node GROUP BY node_id`;
  const values = { since, node: nodeId };
  const [row] = await rowsOf(connection, sql, values, { since: BIGINT, node: VARCHAR });
  return {
    ...NO_SUBJECT,
    kind: "node",
    label: `node ${nodeId}`,
    nodeId,
    aliasHex: row === undefined ? null : String(row.alias),
  };
}

async function ambiguous(
  connection: DuckDBConnection,
  name: string,
  ids: readonly string[],
): Promise<UserError> {
  const shown = ids.slice(0, MAX_NEAR);
  const seen = await rowsOf(
    connection,
    `SELECT node_id, epoch_us(max(first_seen)) AS last FROM messages
    WHERE type = 257 AND node_id IN (SELECT unnest(string_split($ids, ','))) GROUP BY node_id`,
    { ids: shown.join(",") },
  );
  const last = new Map(seen.map((row) => [String(row.node_id), Number(row.last)]));
  const listed = shown.map((id) => {
    const at = last.get(id);
    return id + (at === undefined ? "" : ` (announced ${formatInstant(at)})`);
  });
  const more = ids.length > shown.length ? " and more" : "";
  return new UserError(
    `"${printable(name, 70)}" is more than one node: ${listed.join(", ")}${more}; ` +
      "use a node id, or more of it",
  );
}

async function lookUpMessage(
  connection: DuckDBConnection,
  prefix: string,
  near: string[],
): Promise<Subject | null> {
  const starting = async (prefix: string) =>
    await rowsOf(
      connection,
      `SELECT lower(hex(sha256)) AS sha256, scid, node_id FROM messages
      WHERE sha256 >= from_hex($least) AND sha256 <= from_hex($most) LIMIT ${MAX_NEAR + 1}`,
      { least: prefix.padEnd(64, "0"), most: prefix.padEnd(64, "f") },
    );
  const found = await starting(prefix);
  const digests = (rows: typeof found) => rows.slice(0, MAX_NEAR).map((row) => String(row.sha256));
  if (found.length === 0) {
    if (prefix.length === 64) near.push(...digests(await starting(prefix.slice(0, 8))));
    return null;
  }
  if (found.length > 1) {
    throw new UserError(
      `"${prefix}" begins several messages' SHA-256: ${digests(found).join(", ")}; give more of it`,
    );
  }
  const [row] = found;
  const sha256 = String(row.sha256);
  const subject = row.scid !== null
    ? await channelSubject(connection, row.scid as bigint)
    : row.node_id !== null
    ? await nodeSubject(connection, String(row.node_id))
    : { ...NO_SUBJECT, kind: "other" as const, label: `message ${sha256}` };
  return { ...subject, sha256 };
}

async function lookUpAlias(
  connection: DuckDBConnection,
  alias: string,
  near: string[],
): Promise<Subject | null> {
  const since = await searchedSince(connection);
  const sql = `${LATEST_ALIASES} GROUP BY node_id`;
  const entries: AliasEntry[] = (await rowsOf(connection, sql, { since }, { since: BIGINT }))
    .map((row) => ({ nodeId: String(row.node_id), hex: String(row.alias) }));
  const matches = withAlias(alias, entries);
  if (matches.length > 1) {
    throw await ambiguous(connection, alias, matches.map(({ nodeId }) => nodeId));
  }
  if (matches.length === 1) return await nodeSubject(connection, matches[0].nodeId);
  near.push(...nearAliases(alias, entries));
  return null;
}

async function searchedSince(connection: DuckDBConnection): Promise<bigint> {
  const [row] = await rowsOf(
    connection,
    "SELECT epoch_us(max(last_receipt_at)) AS last FROM epochs",
  );
  return BigInt(numberOrNull(row.last) ?? 0) - BigInt(SEARCHED_DAYS * DAY_US);
}

/** Leaves the node's channels and its directions in `own_channels`; gives how many. */
async function noteChannels(connection: DuckDBConnection, nodeId: string): Promise<number> {
  const since = await searchedSince(connection);
  await connection.run(
    "CREATE OR REPLACE TEMP TABLE own_channels (scid BIGINT, direction SMALLINT)",
  );
  const ends = CHANNEL_ENDS.replace(
    "WHERE type = 256",
    "WHERE type = 256 AND first_seen >= make_timestamptz($since)",
  );
  await connection.run(
    `INSERT INTO own_channels SELECT DISTINCT scid, CASE WHEN node_1 = $node THEN 0 ELSE 1 END
    FROM (${ends}) WHERE node_1 = $node OR node_2 = $node`,
    { since, node: nodeId },
    { since: BIGINT, node: VARCHAR },
  );
  const [row] = await rowsOf(connection, "SELECT count(*) AS channels FROM own_channels");
  return Number(row.channels);
}

/** A subject's messages, the newest first, at most {@link MAX_MESSAGES}. */
export async function findMessages(
  connection: DuckDBConnection,
  subject: Subject,
): Promise<FoundMessage[]> {
  const { kind, scid, nodeId, sha256 } = subject;
  const condition = kind === "channel"
    ? `scid = ${scid}`
    : kind === "node"
    ? "node_id = $node OR (scid, direction) IN (SELECT (scid, direction) FROM own_channels)"
    : "sha256 = from_hex($sha256)";
  if (nodeId !== null) await noteChannels(connection, nodeId);
  const values: Record<string, string> = kind === "node"
    ? { node: nodeId! }
    : kind === "other"
    ? { sha256: sha256! }
    : {};
  const columns = `message_id, lower(hex(sha256)) AS sha256, type, size, verdict, scid, direction,
    node_id, epoch_us(own_timestamp) AS own_timestamp, lower(hex(inner_id)) AS inner_id, epoch_us(first_seen) AS first_seen`;
  const rows = await rowsOf(
    connection,
    `SELECT ${columns} FROM messages WHERE ${condition}
    ORDER BY first_seen DESC, message_id DESC LIMIT ${MAX_MESSAGES}`,
    values,
  );
  return rows.map((row) => ({
    id: row.message_id as bigint,
    sha256: String(row.sha256),
    type: Number(row.type),
    size: Number(row.size),
    verdict: String(row.verdict),
    scid: row.scid as bigint | null,
    direction: numberOrNull(row.direction),
    nodeId: textOrNull(row.node_id),
    ownTimestamp: numberOrNull(row.own_timestamp),
    innerId: textOrNull(row.inner_id),
    firstSeen: Number(row.first_seen),
  }));
}

/** A subject in words, its alias made harmless. */
export function subjectText({ label, aliasHex, ends, kind }: Subject): string {
  const alias = aliasHex === null ? "" : printable(aliasText(aliasHex));
  if (alias !== "") return `${label} "${alias}"`;
  if (kind === "channel" && ends === null) {
    return `${label} (its announcement was never seen, so its nodes are unknown)`;
  }
  return label;
}
