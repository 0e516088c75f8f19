// The tables on PostgreSQL's side: made by the same migrations as the archive's own, or found to be the same.

import { UserError } from "../../shared/errors.ts";
import { MIGRATIONS, VERSION_TABLE } from "../store/migrations.ts";
import { identifier, literal } from "../store/sql.ts";
import type { TargetColumn } from "./columns.ts";
import type { Target } from "./target.ts";

/**
 * What makes an export of a day take no longer when there are many. They are made with the tables; without them it is
 * slower, and no less right.
 */
const INDEXES = [
  "CREATE INDEX receipts_received_at ON receipts USING brin (received_at)",
  "CREATE UNIQUE INDEX messages_message_id ON messages (message_id)",
  "CREATE INDEX messages_first_seen ON messages (first_seen)",
  "CREATE UNIQUE INDEX sessions_session_id ON sessions (session_id)",
].join(";\n");

export interface TargetTable {
  readonly name: string;
  readonly columns: readonly TargetColumn[];
}

/**
 * Makes the schema and its tables when they are not there.
 * @param version the archive's.
 * @returns its tables.
 * @throws {UserError} when they are there in another version, or others stand in their place.
 */
export async function prepareSchema(
  target: Target,
  schema: string,
  version: number,
): Promise<TargetTable[]> {
  const found = await tablesOf(target, schema);
  if (found.some(({ name }) => name === "schema_version")) {
    await checkVersion(target, schema, version);
    return found;
  }
  await makeTables(target, schema, version, found);
  return await tablesOf(target, schema);
}

async function makeTables(
  target: Target,
  schema: string,
  version: number,
  found: readonly TargetTable[],
): Promise<void> {
  const foreign = found.find(({ name }) => ["messages", "receipts", "sessions"].includes(name));
  if (foreign) {
    throw new UserError(
      `Cannot make the archive's tables in schema ${schema}: a table ${foreign.name} of something else ` +
        "is there; name another schema with --schema",
    );
  }
  const steps = MIGRATIONS.filter((step) => step.version <= version);
  await target.transaction(async () => {
    // Making it needs a right that its use does not.
    const [{ there }] = await target.rows(
      `SELECT count(*) AS there FROM pg_namespace WHERE nspname = ${literal(schema)}`,
    );
    if (Number(there) === 0) await target.run(`CREATE SCHEMA ${identifier(schema)}`);
    await target.run(VERSION_TABLE);
    for (const { version, name, sql } of steps) {
      await target.run(sql);
      await target.run(`INSERT INTO schema_version VALUES (${version}, ${literal(name)}, now())`);
    }
    await target.run(INDEXES);
    return true;
  });
}

async function checkVersion(target: Target, schema: string, version: number): Promise<void> {
  const [{ found }] = await target.rows("SELECT max(version) AS found FROM schema_version");
  if (found === version) return;
  throw new UserError(
    `Cannot export into schema ${schema}: its tables have version ${found}, the archive has ${version}; ` +
      "name a schema that is not there yet with --schema" +
      (Number(found) > version ? ", or let a newer archiver upgrade the archive" : ""),
  );
}

async function tablesOf(target: Target, schema: string): Promise<TargetTable[]> {
  const rows = await target.rows(
    `SELECT c.table_name AS table, c.column_name AS name, c.data_type AS type
    FROM information_schema.columns c JOIN information_schema.tables t
      ON t.table_schema = c.table_schema AND t.table_name = c.table_name
    WHERE c.table_schema = ${literal(schema)} AND t.table_type = 'BASE TABLE'
    ORDER BY c.table_name, c.ordinal_position`,
  ) as { table: string; name: string; type: string }[];
  return [...Map.groupBy(rows, ({ table }) => table)].map(([name, columns]) => ({
    name,
    columns: columns.map(({ name, type }) => ({ name, type })),
  }));
}
