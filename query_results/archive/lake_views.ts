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

/** Which of the rows that two archives have of one thing is kept: the one that knows most. */
const KNOWS_MOST: Readonly<Record<string, readonly [key: string, order: string]>> = {
  epochs: ["epoch_id", "receipts DESC, last_commit_at DESC"],
  sessions: ["session_id", "closed_at NULLS LAST, counted_at DESC NULLS LAST"],
};

/** The views' statements, for the archives of these names; each has its tables in a schema of its name. */
export function viewStatements(archives: readonly string[]): string[] {
  const selects = archives.length === 1 ? ownViews(archives[0]) : joinedViews(archives);
  return [
    ...Object.entries(selects).map(([name, select]) =>
      `CREATE OR REPLACE VIEW lake.main.${name} AS ${select}`
    ),
    "CREATE OR REPLACE VIEW lake.main.schema_version AS SELECT max(schema_version) AS version FROM lake.main.archives",
  ];
}

function tablesOf(archive: string) {
  const table = (name: string) => `lake.${identifier(archive)}.${name}`;
  const written = daysWritten(table("epochs"));
  const earlier = `(${earlierRows(table("earlier_messages"))})`;
  return {
    receipts: `SELECT ${RECEIPTS} FROM ${table("receipts")}`,
    messages: `SELECT ${MESSAGES} FROM (${correctedMessages(table("messages"), earlier)})
      UNION ALL SELECT ${MESSAGES} FROM ${earlier} WHERE message_id NOT IN (SELECT message_id FROM ${
      table("messages")
    })`,
    heardDays: `SELECT DISTINCT collector_id, ${dayNumber("day")} AS day FROM ${
      table("peer_days")
    }`,
    context: (name: string) => contextRows(name, table(name), written),
  };
}

function ownViews(archive: string): Record<string, string> {
  const own = tablesOf(archive);
  const marked = (select: string) => `SELECT *, ${literal(archive)} AS archive FROM (${select})`;
  const views: Record<string, string> = {
    receipts: marked(own.receipts),
    messages: marked(own.messages),
  };
  for (const name of Object.keys(CONTEXT_TABLES)) views[name] = own.context(name);
  return views;
}

type Own = ReturnType<typeof tablesOf>;

/** A select of each archive, together, with the archive's name. */
function allOf(archives: readonly string[]): (select: (own: Own) => string) => string {
  return (select) =>
    archives.map((archive) =>
      `SELECT *, ${literal(archive)} AS archive FROM (${select(tablesOf(archive))})`
    )
      .join(" UNION ALL ");
}

function namesOf(archives: readonly string[]): string {
  const collectors = allOf(archives)((own) => own.context("collectors"));
  return `SELECT archive, collector_id, name, ${rank("name")} AS id FROM (${collectors})`;
}

function nodesOf(archives: readonly string[]): string {
  const peers = allOf(archives)((own) => own.context("peers"));
  return `SELECT archive, peer_id, node_id, ${rank("node_id")} AS id FROM (${peers})`;
}

/** @param names relation of collectors: archive, collector_id, name, id. @param nodes the same of peers. */
function joinedViews(
  archives: readonly string[],
  names = `(${namesOf(archives)})`,
  nodes = `(${nodesOf(archives)})`,
): Record<string, string> {
  const all = allOf(archives);
  const context = (name: string) => all((own) => own.context(name));
  const runs = `SELECT e.archive, e.epoch_id, ${rank("n.name, e.started_at")} AS id
    FROM (${context("epochs")}) e JOIN ${names} n USING (archive, collector_id)`;
  /** A table whose rows name a collector, a run or a peer by ids of their archive. */
  const joined = (name: string, replaced: Readonly<Record<string, string>>, more = "") => {
    const columns = Object.entries(replaced).map(([column, sql]) => `${sql} AS ${column}`).join(
      ", ",
    );
    const joins = [
      ..."collector_id" in replaced ? [`JOIN ${names} n USING (archive, collector_id)`] : [],
      ..."epoch_id" in replaced ? [`JOIN (${runs}) e USING (archive, epoch_id)`] : [],
      ..."peer_id" in replaced ? [`JOIN ${nodes} p USING (archive, peer_id)`] : [],
    ];
    return `SELECT t.* EXCLUDE (archive) REPLACE (${columns}) ${more}
      FROM (${context(name)}) t ${joins.join(" ")}`;
  };
  const once = (name: string, select: string) => {
    const [key, order] = KNOWS_MOST[name];
    return `SELECT * FROM (${select}) QUALIFY row_number() OVER (PARTITION BY ${key} ORDER BY ${order}) = 1`;
  };
  const distinct = (select: string) => `SELECT DISTINCT * FROM (${select})`;
  const ofRun = { epoch_id: "e.id", collector_id: "n.id" };
  return {
    collectors: `SELECT DISTINCT id AS collector_id, name FROM ${names}`,
    peers: `SELECT DISTINCT id AS peer_id, node_id FROM ${nodes}`,
    messages: joinedMessages(all((own) => own.messages)),
    receipts: joinedReceipts(archives, {
      ...{ names, nodes, overlaps: `(${overlapsOf(archives, names)})` },
      messages: `(SELECT archive, message_id, ${MESSAGE_ID} AS id FROM (${
        all((own) => own.messages)
      }))`,
    }),
    sources: distinct(joined("sources", { collector_id: "n.id" })),
    epochs: once("epochs", joined("epochs", ofRun)),
    sessions: once(
      "sessions",
      joined("sessions", { ...ofRun, peer_id: "p.id", session_id: rank("e.id, t.number") }),
    ),
    ...Object.fromEntries(
      ["clock_samples", "clock_steps", "stalls", "dial_outcomes", "log_gaps"]
        .map((name) => [name, distinct(joined(name, ofRun))]),
    ),
    ...Object.fromEntries(
      ["gaps", "unresolved_receipts"].map((
        name,
      ) => [name, distinct(joined(name, { epoch_id: "e.id" }))]),
    ),
    dead_letters: context("dead_letters"),
    analytics_runs: joined(
      "analytics_runs",
      { run_id: id("t.archive || ' ' || t.run_id") },
      ", t.archive",
    ),
    analytics_results: joined("analytics_results", { run_id: id("t.archive || ' ' || t.run_id") }),
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
function overlapsOf(archives: readonly string[], names: string): string {
  const heard = allOf(archives)((own) => own.heardDays);
  // A day without summaries may hold any collector's.
  return `SELECT name, day FROM (
      SELECT archive, name, day FROM (${heard}) JOIN ${names} USING (archive, collector_id)
      UNION
      SELECT f.archive, n.name, ${dayNumber("CAST(f.day AS TIMESTAMP)")}
      FROM lake.main.archive_files f JOIN ${names} n USING (archive)
      WHERE f.table_name = 'receipts' AND (f.archive, f.day) NOT IN (
        SELECT (archive, day) FROM lake.main.archive_files WHERE table_name = 'peer_days')
    ) GROUP BY name, day HAVING count(DISTINCT archive) > 1`;
}

/** Relations that give what is of one archive an id in the lake. */
interface Ids {
  /** Of collectors: archive, collector_id, name, id. */
  readonly names: string;
  /** Of peers: archive, peer_id, id. */
  readonly nodes: string;
  /** Of messages: archive, message_id, id. */
  readonly messages: string;
  /** The days on which several archives may have receipts of one collector: name, day; null when there are none. */
  readonly overlaps: string | null;
}

/** A receipt that several archives have counts once; what one collector heard twice at one instant stays two. */
function joinedReceipts(
  archives: readonly string[],
  { names, nodes, messages, overlaps }: Ids,
): string {
  const day = dayNumber("r.received_at");
  const isShared = overlaps === null
    ? ""
    : `, (n.name, ${day}) IN (SELECT (name, day) FROM ${overlaps}) AS is_shared`;
  // Archive by archive: joins by an integer take half as long as by archive and integer.
  const known = archives.map((archive) => {
    const ids = (relation: string) =>
      `(SELECT * FROM ${relation} WHERE archive = ${literal(archive)})`;
    return `SELECT r.received_at, m.id AS message_id, p.id AS peer_id, n.id AS collector_id, r.is_repeat, r.is_warmup,
        ${literal(archive)} AS archive ${isShared}
      FROM (${tablesOf(archive).receipts}) r JOIN ${ids(messages)} m ON m.message_id = r.message_id
        JOIN ${ids(nodes)} p ON p.peer_id = r.peer_id JOIN ${
      ids(names)
    } n ON n.collector_id = r.collector_id`;
  }).join(" UNION ALL ");
  if (overlaps === null) return known;
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
  const archives = (await rows("SELECT archive FROM lake.main.archives ORDER BY archive")).map((
    [name],
  ) => String(name));
  await connection.run("USE memory");
  await makeTables(connection);
  await connection.run(
    "INSERT INTO schema_version SELECT version, 'lake', now() FROM lake.main.schema_version WHERE version IS NOT NULL",
  );
  if (archives.length === 0) return;
  const relation = (name: string, select: string) =>
    connection.run(`CREATE TABLE ${name} AS ${select}`);
  const isOne = archives.length === 1;
  if (!isOne) {
    await relation("lake_names", namesOf(archives));
    await relation("lake_nodes", nodesOf(archives));
  }
  const selects = isOne ? ownViews(archives[0]) : joinedViews(archives, "lake_names", "lake_nodes");
  for (const table of Object.keys(CONTEXT_TABLES)) {
    const columns = await rows(
      `SELECT column_name FROM duckdb_columns() WHERE database_name = 'memory' AND table_name = '${table}'`,
    );
    await connection.run(
      `INSERT INTO ${table} SELECT ${columns.join(", ")} FROM (${selects[table]})`,
    );
  }
  if (isOne) {
    const files = await rows(
      "SELECT table_name, CAST(day AS TEXT), path FROM lake.main.archive_files",
    );
    await listSummaries(
      connection,
      `lake.${identifier(archives[0])}.summary_days`,
      files.map(([table, day, path]) => ({
        table: String(table),
        day: String(day),
        path: String(path),
      })),
    );
    await connection.run(`CREATE OR REPLACE VIEW receipts AS ${tablesOf(archives[0]).receipts}`);
    const table = (name: string) => `lake.${identifier(archives[0])}.${name}`;
    await viewMessages(connection, table("messages"), table("earlier_messages"));
    return;
  }
  const own = (name: string, columns = MESSAGES) =>
    archives.map((archive) =>
      `SELECT ${columns}, ${literal(archive)} AS archive FROM lake.${identifier(archive)}.${name}`
    ).join(" UNION ALL ");
  await relation("earlier_messages", own("earlier_messages"));
  const messages = `${own("messages")} UNION ALL SELECT ${MESSAGES}, archive FROM earlier_messages`;
  await connection.run(`CREATE OR REPLACE VIEW messages AS ${joinedMessages(messages)}`);
  await relation(
    "lake_messages",
    `SELECT DISTINCT archive, message_id, ${MESSAGE_ID} AS id FROM (
      ${
      own("messages", "message_id, sha256")
    } UNION ALL SELECT message_id, sha256, archive FROM earlier_messages)`,
  );
  await relation("lake_overlaps", overlapsOf(archives, "lake_names"));
  const [[overlaps]] = await rows("SELECT count(*) FROM lake_overlaps");
  const receipts = joinedReceipts(archives, {
    ...{ names: "lake_names", nodes: "lake_nodes", messages: "lake_messages" },
    overlaps: Number(overlaps) === 0 ? null : "lake_overlaps",
  });
  await connection.run(`CREATE OR REPLACE VIEW receipts AS ${receipts}`);
}
