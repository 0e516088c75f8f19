// A process that runs SQL on a DuckDB file and times it: `sql_process.ts JSON` prints a line of JSON, {@link SqlTimes}.

import { DuckDBInstance } from "@duckdb/node-api";

/** What to run. */
export interface SqlOptions {
  /** The file; made when it is not there. */
  readonly path: string;
  /** What DuckDB may take, and its threads. */
  readonly memoryLimit: string;
  /** See {@link SqlOptions.memoryLimit}. */
  readonly threads: number;
  /** One after another. */
  readonly statements: readonly string[];
}

/** How it went. */
export interface SqlTimes {
  /** Of each statement. */
  readonly seconds: readonly number[];
  /** Rows of the last one, as text. */
  readonly rows: readonly Record<string, string>[];
}

if (import.meta.main) {
  const { path, memoryLimit, threads, statements }: SqlOptions = JSON.parse(Deno.args[0]);
  const instance = await DuckDBInstance.create(path, {
    memory_limit: memoryLimit,
    threads: String(threads),
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  });
  const connection = await instance.connect();
  const seconds: number[] = [];
  let rows: Record<string, string>[] = [];
  for (const statement of statements) {
    const begin = performance.now();
    const reader = await connection.runAndReadAll(statement);
    seconds.push((performance.now() - begin) / 1000);
    rows = reader.getRowObjects().map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name, String(value)]))
    );
  }
  connection.closeSync();
  instance.closeSync();
  const times: SqlTimes = { seconds, rows };
  console.log(JSON.stringify(times));
}
