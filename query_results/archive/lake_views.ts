// The lake's views: one archive's tables as they are; of several archives, rows under ids made of what is global (SHA-256,
// node id, collector's name), so that what two archives have is there once and the queries run unmodified.

import type { DuckDBConnection } from "@duckdb/node-api";
import {
  CONTEXT_TABLES,
  contextRows,
  correctedMessages,
  daysWritten,
  earlierRows,
} from "./context_tables.ts";
import { valuesOf } from "./database.ts";
import { identifier, isUndecided, literal } from "./sql.ts";
import {
  listSummaries,
  makeTables,
  MESSAGE_COLUMNS as MESSAGES,
  RECEIPT_COLUMNS as RECEIPTS,
  viewMessages,
} from "./open_days.ts";

/** Ids of what there are few of: integers, as the queries expect them, in the order of `keys`. */
const rank = (keys: string) => `CAST(dense_rank() OVER (ORDER BY ${keys}) AS INTEGER)`;
/** 63 bits of an MD5: two of a year's 150 million messages share one with a chance of 0.1 %. */
const id = (text: string) => `CAST(md5_number_lower(${text}) >> 1 AS BIGINT)`;
const MESSAGE_ID = id("sha256");
const dayNumber = (instant: string) => `epoch_us(${instant}) // 86400000000`;

/** Of what has ids of its archive, the ids in the lake: relations that the others join, by these names. */
const IDS_PREFIX = "lake_";

/** The statements of the lake's views, for the archives of these names; each has its tables in a schema of its name. */
export function viewStatements(archives: readonly string[]): string[] {
  return [
    ...Object.entries(relationsOf(archives, "lake.main")).map(([name, select]) =>
      `CREATE OR REPLACE VIEW lake.main.${name} AS ${select}`
    ),
    "CREATE OR REPLACE VIEW lake.main.schema_version AS SELECT max(schema_version) AS version FROM lake.main.archives",
  ];
}

/** Selects by name, in an order in which each reads earlier ones. @param at the schema in which those are made. */
function relationsOf(archives: readonly string[], at: string): Record<string, string> {
  return archives.length === 1 ? ownRelations(archives[0]) : joinedRelations(archives, at);
}

function tableOf(archive: string, name: string): string {
  return `lake.${identifier(archive)}.${name}`;
}

function contextOf(archive: string, name: string): string {
  return contextRows(name, tableOf(archive, name), daysWritten(tableOf(archive, "epochs")));
}

/** A select of each archive, together, with the archive's name. */
function ofEach(archives: readonly string[], select: (archive: string) => string): string {
  return archives.map((archive) =>
    `SELECT *, ${literal(archive)} AS archive FROM (${select(archive)})`
  ).join(" UNION ALL ");
}

function ownRelations(archive: string): Record<string, string> {
  const messages = tableOf(archive, "messages");
  const earlier = `(${earlierRows(tableOf(archive, "earlier_messages"))})`;
  const corrected = `SELECT ${MESSAGES} FROM (${correctedMessages(messages, earlier)}) UNION ALL
    SELECT ${MESSAGES} FROM ${earlier} WHERE message_id NOT IN (SELECT message_id FROM ${messages})`;
  const receipts = `SELECT ${RECEIPTS} FROM ${tableOf(archive, "receipts")}`;
  const context = Object.keys(CONTEXT_TABLES).map((name) => [name, contextOf(archive, name)]);
  return {
    ...Object.fromEntries(context),
    messages: ofEach([archive], () => corrected),
    receipts: ofEach([archive], () => receipts),
  };
}

function joinedRelations(archives: readonly string[], at: string): Record<string, string> {
  const ids = (of: string) => `${at}.${IDS_PREFIX}${of}`;
  const table = (name: string, columns: string) =>
    ofEach(archives, (archive) => `SELECT ${columns} FROM ${tableOf(archive, name)}`);
  const context = (name: string) => ofEach(archives, (archive) => contextOf(archive, name));
  /** A table whose rows name a collector, a run or a peer by ids of their archive. */
  const joined = (name: string, replaced: Readonly<Record<string, string>>, more = "") => {
    const columns = Object.entries(replaced).map(([column, sql]) => `${sql} AS ${column}`);
    const joins = [
      ..."collector_id" in replaced
        ? [`JOIN ${ids("collectors")} n USING (archive, collector_id)`]
        : [],
      ..."epoch_id" in replaced ? [`JOIN ${ids("epochs")} e USING (archive, epoch_id)`] : [],
      ..."peer_id" in replaced ? [`JOIN ${ids("peers")} p USING (archive, peer_id)`] : [],
    ];
    return `SELECT t.* EXCLUDE (archive) REPLACE (${columns.join(", ")}) ${more}
      FROM (${context(name)}) t ${joins.join(" ")}`;
  };
  /** Of the rows that two archives have of one thing, the one that knows most. */
  const once = (select: string, key: string, order: string) =>
    `SELECT * FROM (${select}) QUALIFY row_number() OVER (PARTITION BY ${key} ORDER BY ${order}) = 1`;
  const distinct = (replaced: Readonly<Record<string, string>>, ...names: string[]) =>
    Object.fromEntries(
      names.map((name) => [name, `SELECT DISTINCT * FROM (${joined(name, replaced)})`]),
    );
  const ofRun = { epoch_id: "e.id", collector_id: "n.id" };
  const run = { run_id: id("t.archive || ' ' || t.run_id") };
  return {
    [`${IDS_PREFIX}collectors`]: `SELECT archive, collector_id, name, ${rank("name")} AS id FROM (${
      context("collectors")
    })`,
    [`${IDS_PREFIX}peers`]: `SELECT archive, peer_id, node_id, ${rank("node_id")} AS id FROM (${
      context("peers")
    })`,
    [`${IDS_PREFIX}epochs`]: `SELECT e.archive, e.epoch_id, ${rank("n.name, e.started_at")} AS id
      FROM (${context("epochs")}) e JOIN ${ids("collectors")} n USING (archive, collector_id)`,
    [`${IDS_PREFIX}earlier`]: table("earlier_messages", MESSAGES),
    [`${IDS_PREFIX}messages`]: `SELECT DISTINCT archive, message_id, ${MESSAGE_ID} AS id FROM (${
      table("messages", "message_id, sha256")
    } UNION ALL SELECT message_id, sha256, archive FROM ${ids("earlier")})`,
    [`${IDS_PREFIX}overlaps`]: overlapsOf(archives, ids("collectors")),
    collectors: `SELECT DISTINCT id AS collector_id, name FROM ${ids("collectors")}`,
    peers: `SELECT DISTINCT id AS peer_id, node_id FROM ${ids("peers")}`,
    epochs: once(joined("epochs", ofRun), "epoch_id", "receipts DESC, last_commit_at DESC"),
    sessions: once(
      joined("sessions", { ...ofRun, peer_id: "p.id", session_id: rank("e.id, t.number") }),
      "session_id",
      "closed_at NULLS LAST, counted_at DESC NULLS LAST",
    ),
    ...distinct({ collector_id: "n.id" }, "sources"),
    ...distinct(ofRun, "clock_samples", "clock_steps", "stalls", "dial_outcomes", "log_gaps"),
    ...distinct({ epoch_id: "e.id" }, "gaps", "unresolved_receipts"),
    dead_letters: context("dead_letters"),
    analytics_runs: joined("analytics_runs", run, ", t.archive"),
    analytics_results: joined("analytics_results", run),
    messages: joinedMessages(
      `${table("messages", MESSAGES)} UNION ALL SELECT ${MESSAGES}, archive FROM ${ids("earlier")}`,
    ),
    receipts: joinedReceipts(archives, ids, true),
  };
}

function joinedMessages(messages: string): string {
  return `SELECT ${MESSAGE_ID} AS message_id, any_value(sha256) AS sha256, any_value(type) AS type, any_value(size) AS size,
    arg_min(verdict, ${isUndecided("verdict")}) AS verdict, any_value(scid) AS scid,
    any_value(direction) AS direction, any_value(node_id) AS node_id, any_value(own_timestamp) AS own_timestamp,
    any_value(inner_id) AS inner_id, min(first_seen) AS first_seen, any_value(raw) AS raw,
    string_agg(DISTINCT archive, ',' ORDER BY archive) AS archive
  FROM (${messages}) GROUP BY ${MESSAGE_ID}`;
}

/** Days on which several archives may have receipts of one collector: name and day, since the Unix epoch. */
function overlapsOf(archives: readonly string[], collectors: string): string {
  const heard = ofEach(
    archives,
    (archive) =>
      `SELECT DISTINCT collector_id, ${dayNumber("day")} AS day FROM ${
        tableOf(archive, "peer_days")
      }`,
  );
  // A day without summaries may hold any collector's.
  return `SELECT name, day FROM (
      SELECT archive, name, day FROM (${heard}) JOIN ${collectors} USING (archive, collector_id)
      UNION
      SELECT f.archive, n.name, ${dayNumber("CAST(f.day AS TIMESTAMP)")}
      FROM lake.main.archive_files f JOIN ${collectors} n USING (archive)
      WHERE f.table_name = 'receipts' AND (f.archive, f.day) NOT IN (
        SELECT (archive, day) FROM lake.main.archive_files WHERE table_name = 'peer_days')
    ) GROUP BY name, day HAVING count(DISTINCT archive) > 1`;
}

/**
 * A receipt that several archives have counts once; what one collector heard twice at one instant stays two.
 * @param overlap false: no two archives have receipts of one collector and day.
 */
function joinedReceipts(
  archives: readonly string[],
  ids: (of: string) => string,
  overlap: boolean,
): string {
  const isShared = overlap
    ? `, (n.name, ${dayNumber("r.received_at")}) IN (SELECT (name, day) FROM ${
      ids("overlaps")
    }) AS is_shared`
    : "";
  // Archive by archive: joins by an integer take half as long as by archive and integer.
  const known = archives.map((archive) => {
    const own = (of: string) => `(SELECT * FROM ${ids(of)} WHERE archive = ${literal(archive)})`;
    return `SELECT r.received_at, m.id AS message_id, p.id AS peer_id, n.id AS collector_id, r.is_repeat, r.is_warmup,
        ${literal(archive)} AS archive ${isShared}
      FROM ${tableOf(archive, "receipts")} r JOIN ${
      own("messages")
    } m ON m.message_id = r.message_id
        JOIN ${own("peers")} p ON p.peer_id = r.peer_id
        JOIN ${own("collectors")} n ON n.collector_id = r.collector_id`;
  }).join(" UNION ALL ");
  if (!overlap) return known;
  return `WITH known AS NOT MATERIALIZED (${known})
    SELECT ${RECEIPTS}, archive FROM known WHERE NOT is_shared
    UNION ALL
    SELECT ${RECEIPTS}, string_agg(archive, ',' ORDER BY archive) FROM (
      SELECT *, row_number() OVER (PARTITION BY archive, ${RECEIPTS}) AS nth FROM known WHERE is_shared
    ) GROUP BY ${RECEIPTS}, nth`;
}

/**
 * Makes an archive of an attached lake, in an empty database in memory: views of receipts and messages over the lake's
 * files, and the rest read once, as each scan of a lake asks its catalogue.
 */
export async function openLakeTables(connection: DuckDBConnection): Promise<void> {
  const rows = (sql: string) => valuesOf(connection, sql);
  const found = await rows("SELECT archive FROM lake.main.archives ORDER BY archive");
  const archives = found.map(([name]) => String(name));
  await connection.run("USE memory");
  await makeTables(connection);
  await connection.run(
    "INSERT INTO schema_version SELECT version, 'lake', now() FROM lake.main.schema_version WHERE version IS NOT NULL",
  );
  if (archives.length === 0) return;
  const { messages, receipts, ...others } = relationsOf(archives, "memory.main");
  const view = (name: string, select: string) =>
    connection.run(`CREATE OR REPLACE VIEW ${name} AS ${select}`);
  for (const [name, select] of Object.entries(others)) {
    if (name.startsWith(IDS_PREFIX)) {
      await connection.run(`CREATE TABLE ${name} AS ${select}`);
      continue;
    }
    const columns = await rows(
      `SELECT column_name FROM duckdb_columns() WHERE database_name = 'memory' AND table_name = '${name}'`,
    );
    await connection.run(`INSERT INTO ${name} SELECT ${columns.join(", ")} FROM (${select})`);
  }
  if (archives.length === 1) {
    const [archive] = archives;
    const files = await rows(
      "SELECT table_name, CAST(day AS TEXT), path FROM lake.main.archive_files",
    );
    await listSummaries(
      connection,
      tableOf(archive, "summary_days"),
      files.map(([table, day, path]) => ({
        table: String(table),
        day: String(day),
        path: String(path),
      })),
    );
    await view("receipts", receipts);
    // Its changes are found once, not with each query.
    const [stored, earlier] = ["messages", "earlier_messages"].map((name) =>
      tableOf(archive, name)
    );
    await viewMessages(connection, stored, earlier);
    return;
  }
  await view("messages", messages);
  const [[overlaps]] = await rows(`SELECT count(*) FROM ${IDS_PREFIX}overlaps`);
  const ids = (of: string) => IDS_PREFIX + of;
  await view("receipts", Number(overlaps) > 0 ? receipts : joinedReceipts(archives, ids, false));
}
