// DuckDB's extensions that are not linked in: out of a folder that a config names, or downloaded by DuckDB.

import type { DuckDBConnection } from "@duckdb/node-api";
import { join } from "node:path";
import { firstLine, UserError } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";
import { literal } from "./sql.ts";

/** Those in use. */
export type Extension = "ducklake" | "httpfs" | "postgres_scanner" | "quack";

/** Where they are. */
export interface ExtensionFolders {
  /** A folder that holds `NAME.duckdb_extension` of DuckDB's own version; absent: DuckDB downloads them. */
  readonly extensions?: string | null;
  /** Where downloads are kept; absent: DuckDB's own folder in the user's home. */
  readonly downloads?: string;
}

/** Loads extensions, in this order. @throws {UserError} in one line that says where one was looked for. */
export async function loadExtensions(
  connection: DuckDBConnection,
  names: readonly Extension[],
  { extensions, downloads }: ExtensionFolders,
): Promise<void> {
  for (const name of names) {
    try {
      if (extensions) {
        await connection.run(`LOAD ${literal(join(extensions, `${name}.duckdb_extension`))}`);
        continue;
      }
      if (downloads) await connection.run(`SET extension_directory = ${literal(downloads)}`);
      await connection.run(`INSTALL ${name}`);
      await connection.run(`LOAD ${name}`);
    } catch (error) {
      const why = printable(firstLine(error).replaceAll('"', "'"), 300);
      const wish = extensions
        ? `${extensions} should hold ${name}.duckdb_extension of DuckDB's own version`
        : "where there is no internet, name a folder that holds DuckDB's extensions (extensions, for a lake in the " +
          "YAML file that describes it)";
      throw new UserError(`Cannot load DuckDB's extension ${name}: ${why}; ${wish}`, {
        cause: error,
      });
    }
  }
}
