// The archive's schema over time: numbered SQL files, each applied once, in order.

import type { DuckDBConnection } from "@duckdb/node-api";
import { UserError } from "../../shared/errors.ts";
import schema from "./migrations/0001_schema.sql" with { type: "text" };
import views from "./migrations/0001_views.duckdb.sql" with { type: "text" };
import type { OnStep } from "./crash_points.ts";

export interface Migration {
  /** From 1, without gaps. */
  readonly version: number;
  readonly name: string;
  /** Statements that DuckDB and PostgreSQL both take. */
  readonly sql: string;
  /** Statements for DuckDB alone, after {@link sql}. */
  readonly duckDbSql?: string;
}

/** The table of versions, made before all others. */
export const VERSION_TABLE: string = "CREATE TABLE IF NOT EXISTS schema_version " +
  "(version INTEGER NOT NULL, name TEXT NOT NULL, applied_at TIMESTAMPTZ NOT NULL)";

export const MIGRATIONS: readonly Migration[] = [
  { version: 1, name: "schema", sql: schema, duckDbSql: views },
];

/**
 * Brings the schema up to the last of `migrations`, each in a transaction of its own.
 * @param path names the archive in errors.
 * @param onStep see `crash_points.ts`.
 * @throws {UserError} when the archive was written by a newer program.
 */
export async function migrate(
  connection: DuckDBConnection,
  path: string,
  migrations: readonly Migration[] = MIGRATIONS,
  onStep: OnStep = () => {},
): Promise<void> {
  await connection.run(VERSION_TABLE);
  const found = await schemaVersion(connection);
  const known = migrations.at(-1)?.version ?? 0;
  if (found > known) {
    throw new UserError(
      `Cannot open archive ${path}: its schema has version ${found}, this program knows ${known}; ` +
        "use the program that wrote it, or a newer one",
    );
  }
  const due = migrations.filter(({ version }) => version > found);
  for (const { version, name, sql, duckDbSql = "" } of due) {
    await connection.run("BEGIN");
    onStep("upgrade: begun");
    await connection.run(sql + duckDbSql);
    await connection.run("INSERT INTO schema_version VALUES ($1, $2, now())", [version, name]);
    onStep("upgrade: statements run");
    await connection.run("COMMIT");
    onStep("upgrade: committed");
  }
}

/** The version an archive is at; 0 when it is empty. Its table must exist. */
export async function schemaVersion(connection: DuckDBConnection): Promise<number> {
  const sql = "SELECT COALESCE(max(version), 0) FROM schema_version";
  const reader = await connection.runAndReadAll(sql);
  return Number(reader.getRows()[0][0]);
}
