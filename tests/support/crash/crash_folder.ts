// The folder in which an archiver is killed: the names of what is in it, and how it begins, as an older archive.

import { DuckDBInstance } from "@duckdb/node-api";
import { join } from "node:path";
import { type Migration, MIGRATIONS, VERSION_TABLE } from "../../../archiver/store/migrations.ts";
import type { Batch } from "../../../shared/batch/batch.ts";
import { openArchive } from "../fixtures/archive.ts";

/** The archive. */
export const CRASH_ARCHIVE = "a.duckdb";
/** The folder of its days. */
export const CRASH_DAYS = "days";
/** How many acts are known to be done: one byte each. */
export const CRASH_NOTES = "done";

const [{ version, name, sql, duckDbSql }] = MIGRATIONS;

/** Upgrades an archive of {@link makeOlderArchive} to today's schema. */
export const UPGRADE: readonly Migration[] = [{ version, name, sql: duckDbSql! }];

/**
 * Makes an archive of an older schema, which has no version and no days: receipts and messages are plain tables.
 *
 * @param dir where it is made; it should be empty.
 */
export async function makeOlderArchive(dir: string, batches: readonly Batch[]): Promise<void> {
  const today = join(dir, "today.duckdb");
  {
    await using store = await openArchive(today);
    await store.commit(batches);
  }
  const instance = await DuckDBInstance.create(join(dir, CRASH_ARCHIVE));
  const connection = await instance.connect();
  try {
    await connection.run(VERSION_TABLE + ";" + sql);
    await connection.run(`ATTACH '${today}' AS today (READ_ONLY)`);
    const reader = await connection.runAndReadAll(
      `SELECT t.table_name, string_agg(c.column_name, ', ' ORDER BY c.column_index)
      FROM duckdb_tables() t JOIN duckdb_columns() c ON c.table_oid = t.table_oid AND c.database_name = t.database_name
      WHERE t.database_name <> 'today' AND t.schema_name = 'main' AND t.table_name <> 'schema_version'
      GROUP BY t.table_name`,
    );
    for (const [table, columns] of reader.getRows()) {
      await connection.run(
        `INSERT INTO ${table} (${columns}) SELECT ${columns} FROM today.${table}`,
      );
    }
    await connection.run("DETACH today");
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
  await Deno.remove(today);
}
