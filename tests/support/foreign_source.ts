/**
 * What other observers would have recorded, in their own files: the first Gossip Observer's export and its successor's
 * daily Parquet.
 *
 * @module
 */
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { gossipFacts } from "../../shared/bolt/facts.ts";
import { seededRandom } from "../../shared/random.ts";
import { toHex } from "../../shared/text.ts";
import { nodeId } from "./batch_maker.ts";
import {
  nodeId as announcedNode,
  nodePair,
  unsignedChannel,
  unsignedNode,
  unsignedUpdate,
} from "./unsigned_gossip.ts";

/** 2025-09-26 00:00:00 UTC, µs since the Unix epoch. */
export const START = 1_758_844_800_000_000;
const DAY_MICROSECONDS = 86_400_000_000;

/** One line of `timings`. */
export interface Timing {
  /** µs since the Unix epoch. */
  readonly at: number;
  /** Place of its message in {@link Observed.messages}; one past the end is a message without text. */
  readonly message: number;
  /** The collector's name. */
  readonly collector: string;
  /** The peer, as `nodeId` numbers them. */
  readonly peer: number;
  /** 1 came in, 2 went out. */
  readonly dir: number;
}

/** What was recorded. */
export interface Observed {
  /** Whole messages, distinct. */
  readonly messages: readonly Uint8Array[];
  /** In no order. */
  readonly timings: readonly Timing[];
}

/** What {@link observe} makes. */
export interface ObserveOptions {
  /** Replays it. */
  readonly seed?: number;
  /** Distinct messages. */
  readonly messages?: number;
  /** Some of the rows come twice or more, at later times. */
  readonly repeats?: boolean;
  /** Days over which it goes. */
  readonly days?: number;
  /** Collectors; each peer sends to one of them only when there are repeats to be told apart. */
  readonly collectors?: number;
}

/** Gossip of all three types that some peers send to some collectors. */
export function observe(options: ObserveOptions = {}): Observed {
  const { seed = 1, messages: count = 60, repeats = false, days = 1, collectors = 2 } = options;
  const random = seededRandom(seed);
  const pick = (limit: number) => Math.floor(random.next() * limit);
  const messages = Array.from({ length: count }, (_, i) => message(i, seed));
  const timings: Timing[] = [];
  messages.forEach((_, i) => {
    const from = START + pick(days * DAY_MICROSECONDS - 2_000_000);
    for (let peer = 1; peer <= 9; peer++) {
      if (random.next() < 0.3) continue;
      const times = repeats && random.next() < 0.3 ? 1 + pick(3) : 1;
      for (let k = 0; k < times; k++) {
        timings.push({
          at: from + pick(2_000_000),
          message: i,
          collector: `collector ${1 + (repeats ? pick(collectors) : peer % collectors)}`,
          peer,
          dir: 1,
        });
      }
    }
  });
  return { messages, timings };
}

function message(i: number, seed: number): Uint8Array {
  const scid = (BigInt(800_000 + i) << 40n) | (BigInt(seed) << 16n) | 1n;
  const timestamp = START / 1_000_000 - (i % 5 === 0 ? 7200 : 60) + i;
  if (i % 3 === 0) return unsignedChannel({ scid, nodes: nodePair(i, i + 1) });
  if (i % 3 === 1) return unsignedNode({ id: announcedNode(1000 * seed + i), timestamp });
  return unsignedUpdate({ scid, direction: (i & 2) >> 1 as 0 | 1, timestamp });
}

/** How a first observer's raw looked: all but the type, or what is signed with padding (2025). */
export type RawStyle = "behind_type" | "behind_signatures";

/** The text in `messages.raw`. */
export function rawText(whole: Uint8Array, style: RawStyle): string {
  if (style === "behind_type") return Buffer.from(whole.subarray(2)).toString("base64url");
  const text = Buffer.from(whole.subarray(whole[1] === 0 ? 258 : 66)).toString("base64url");
  return text.padEnd(Math.ceil(text.length / 4) * 4, "=");
}

/** The 64-bit hash of a text; the real ones are XXH3, but nobody checks. */
function hashOf(text: string): bigint {
  return createHash("sha256").update(text).digest().readBigUInt64BE();
}

const sqlText = (value: string | null) => value === null ? "NULL" : `'${value}'`;

/** Runs `use` on a database in memory. */
async function inMemory(use: (connection: DuckDBConnection) => Promise<void>): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    await use(connection);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** Fills the three tables of the first observer. */
async function fill(
  connection: DuckDBConnection,
  { messages, timings }: Observed,
  style: RawStyle,
): Promise<void> {
  await connection.run("CREATE TABLE messages (hash UBIGINT NOT NULL, raw VARCHAR NOT NULL)");
  await connection.run(
    `CREATE TABLE metadata (hash UBIGINT NOT NULL, type UTINYINT NOT NULL, size USMALLINT NOT NULL,
      orig_node VARCHAR, scid UBIGINT)`,
  );
  await connection.run(
    `CREATE TABLE timings (hash UBIGINT NOT NULL, collector VARCHAR NOT NULL, recv_peer VARCHAR NOT NULL,
      recv_peer_hash UBIGINT NOT NULL, recv_timestamp TIMESTAMPTZ NOT NULL, orig_timestamp TIMESTAMPTZ, dir TINYINT)`,
  );
  const told = messages.map((whole) => {
    const raw = rawText(whole, style);
    return { raw, hash: hashOf(raw), size: whole.length - 2, facts: gossipFacts(whole) };
  });
  const insert = (table: string, rows: string[]) =>
    connection.run(`INSERT INTO ${table} VALUES ${rows.join(", ")}`);
  await insert("messages", told.map(({ hash, raw }) => `(${hash}, '${raw}')`));
  await insert(
    "metadata",
    told.map(({ hash, size, facts }) =>
      `(${hash}, ${facts.type - 255}, ${size}, ${sqlText(facts.nodeId)}, ${facts.scid ?? "NULL"})`
    ),
  );
  await insert(
    "timings",
    timings.map(({ at, message, collector, peer, dir }) => {
      const hash = told[message]?.hash ?? 42n;
      const own = told[message]?.facts.ownTimestamp ?? null;
      return `(${hash}, '${collector}', '${nodeId(peer)}', ${
        hashOf(nodeId(peer))
      }, make_timestamptz(${at}), ${own === null ? "NULL" : `to_timestamp(${own})`}, ${dir})`;
    }),
  );
}

/** What a test may change of the tables before they are written. */
export interface WriteOptions {
  /** {@link RawStyle}; all but the type when absent. */
  readonly style?: RawStyle;
  /** Statements run on the tables before they are written. */
  readonly alter?: readonly string[];
  /** Where the successor's files tell when a message was first seen; in their table when absent. */
  readonly firstSeen?: readonly ("table" | "column")[];
}

/** Writes what `EXPORT DATABASE` makes: small row groups, two a file. The first observer had no column dir. */
export async function writeExport(
  folder: string,
  observed: Observed,
  { style = "behind_type", alter = [] }: WriteOptions = {},
): Promise<void> {
  await inMemory(async (connection) => {
    await fill(connection, observed, style);
    await connection.run("ALTER TABLE timings DROP COLUMN dir");
    for (const statement of alter) await connection.run(statement);
    await connection.run(
      `EXPORT DATABASE '${folder}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 2048, ROW_GROUPS_PER_FILE 2)`,
    );
  });
}

/** The bytes of a 64-bit integer, least significant first, in SQL. */
const BYTES_MACRO = `CREATE MACRO le(n) AS from_hex(array_to_string(
  list_reverse(regexp_extract_all(lpad(hex(n), 16, '0'), '..')), ''))`;

/** Writes the successor's files: hashes and scid as bytes, one file a table and day; messages by when first seen. */
export async function writeDaily(
  folder: string,
  observed: Observed,
  { style = "behind_type", alter = [], firstSeen = ["table"] }: WriteOptions = {},
): Promise<void> {
  await inMemory(async (connection) => {
    await fill(connection, observed, style);
    await connection.run("SET TimeZone = 'UTC'");
    await connection.run(BYTES_MACRO);
    for (const statement of alter) await connection.run(statement);
    await connection.run(
      `CREATE TABLE firsts AS SELECT hash, min(recv_timestamp) AS first_seen FROM timings GROUP BY hash`,
    );
    const selects: Record<string, string> = {
      timings:
        `SELECT recv_timestamp AS net_timestamp, row_number() OVER () AS row_inc, le(hash) AS hash,
        le(hash) AS inner_hash, collector, recv_peer AS peer, CAST(dir AS SMALLINT) AS dir,
        le(recv_peer_hash) AS peer_hash, orig_timestamp, recv_timestamp AS moment FROM timings`,
      messages: `SELECT le(m.hash) AS hash, m.raw, ${
        firstSeen.includes("column") ? "f.first_seen, " : ""
      }f.first_seen AS moment
        FROM messages m JOIN firsts f ON f.hash = m.hash`,
      metadata:
        `SELECT le(m.hash) AS hash, le(m.hash) AS inner_hash, CAST(m.type AS SMALLINT) AS type,
        CAST(m.size AS INTEGER) AS size, m.orig_node, le(m.scid) AS scid, f.first_seen, f.first_seen AS moment
        FROM metadata m JOIN firsts f ON f.hash = m.hash`,
      message_hashes:
        `SELECT le(m.hash) AS outer_hash, le(m.hash) AS inner_hash, f.first_seen, f.first_seen AS moment
        FROM messages m JOIN firsts f ON f.hash = m.hash`,
    };
    if (firstSeen.includes("table")) {
      selects.message_first_seen =
        "SELECT le(hash) AS hash, first_seen, first_seen AS moment FROM firsts";
    }
    for (const [table, select] of Object.entries(selects)) {
      const days = (await connection.runAndReadAll(
        `SELECT DISTINCT strftime(moment, '%Y-%m-%d') FROM (${select})`,
      )).getRows();
      for (const [day] of days) {
        const path = `${folder}/${table}/${String(day).replaceAll("-", "/")}`;
        await Deno.mkdir(path, { recursive: true });
        await connection.run(
          `COPY (SELECT * EXCLUDE (moment) FROM (${select}) WHERE strftime(moment, '%Y-%m-%d') = '${day}')
          TO '${path}/${table}_${day}.parquet' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 2048)`,
        );
      }
    }
  });
}

/** One line a receipt that an import should give, as `receiptLines` of `archive.ts` tells it; sorted. */
export function expectedReceipts(
  { messages, timings }: Observed,
  prefix = "",
): string[] {
  const before = new Set<string>();
  return timings.filter(({ dir, message }) => dir === 1 && message < messages.length)
    .toSorted((a, b) => a.at - b.at)
    .map(({ at, message, collector, peer }) => {
      const key = `${message} ${collector} ${peer}`;
      const isRepeat = before.has(key);
      before.add(key);
      const own = gossipFacts(messages[message]).ownTimestamp;
      const isWarmup = own !== null && at / 1e6 - own > 3600;
      const sha256 = toHex(createHash("sha256").update(messages[message]).digest());
      return [at, sha256, nodeId(peer), prefix + collector, Number(isRepeat), Number(isWarmup)]
        .join(" ");
    }).sort();
}
