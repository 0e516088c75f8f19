import { errorText, UserError } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";
import { type ChartSpec, parseQuery, type Query } from "./query.ts";

import allReceipts from "./all_receipts.sql" with { type: "text" };
import implementations from "./implementations.sql" with { type: "text" };
import definitions from "./definitions.sql" with { type: "text" };
import oneProcess from "./one_process.sql" with { type: "text" };
import receipts from "./receipts.sql" with { type: "text" };
import severalProcesses from "./several_processes.sql" with { type: "text" };

/** Has the macros read receipts alone. */
export const ALL_RECEIPTS: string = allReceipts;
/** The macros of a window that one process heard, and those of any. */
export const ONE_PROCESS: string = oneProcess;
export const SEVERAL_PROCESSES: string = severalProcesses;
/** Macros that the queries share; run once on the reading connection. */
export const DEFINITIONS: string = [
  allReceipts,
  receipts,
  severalProcesses,
  definitions,
  implementations,
]
  .join("\n");

/** What the frame's rows are called among kept results, beside the queries' names. */
export const FRAME = "frame";

/** The kept results that the trends are made of. */
export const TREND_SOURCES: readonly string[] = [
  FRAME,
  "convergence_delay",
  "message_totals",
  "pair_differences",
  "patterns",
];

const FOLDERS = ["../queries/", "../patterns/queries/"].map((path) =>
  new URL(path, import.meta.url)
);
let known: readonly Query[] | undefined;

/** All queries of `queries/` and `patterns/queries/`, in the order of the report; read once. @throws {UserError} see {@link readQueries}. */
export function allQueries(): readonly Query[] {
  return known ??= readQueries(...FOLDERS);
}

/**
 * The queries in `folders`, each a `NAME.sql` and a `NAME.chart.json`: by section, sections by their first query, in
 * each by `order`, then by name.
 * @throws {UserError} when a file cannot be read or is ill-formed.
 */
export function readQueries(...folders: readonly URL[]): Query[] {
  const queries = folders.flatMap((folder) =>
    names(folder).map((name) =>
      parseQuery(name, read(folder, `${name}.sql`), readChart(folder, name))
    )
  ).sort((a, b) => a.order - b.order || (a.name < b.name ? -1 : 1));
  return [...Map.groupBy(queries, ({ section }) => section).values()].flat();
}

function names(folder: URL): string[] {
  try {
    return [...Deno.readDirSync(folder)].flatMap(({ name }) =>
      name.match(/^(\w+)\.sql$/)?.[1] ?? []
    );
  } catch (error) {
    throw unreadable(folder.pathname, error);
  }
}

function read(folder: URL, file: string): string {
  try {
    return Deno.readTextFileSync(new URL(file, folder));
  } catch (error) {
    throw unreadable(new URL(file, folder).pathname, error);
  }
}

function unreadable(path: string, error: unknown): UserError {
  const reason = error instanceof Deno.errors.NotCapable
    ? "the sandbox does not allow it; add query_results to --allow-read"
    : errorText(error);
  return new UserError(`Cannot read ${path}: ${reason}`, { cause: error });
}

function readChart(folder: URL, name: string): ChartSpec {
  const file = `${name}.chart.json`;
  const text = read(folder, file);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`Cannot read ${file}: ${errorText(error)}`, { cause: error });
  }
}

/** The queries of these names, in the order of the report; all when `only` is absent. @throws {UserError} */
export function selectQueries(only?: readonly string[]): Query[] {
  const all = allQueries();
  const unknown = (only ?? []).filter((name) => !all.some((query) => query.name === name));
  if (unknown.length > 0) {
    throw new UserError(
      `There is no query ${unknown.map((name) => printable(name, 40)).join(", ")}; ` +
        `there are ${all.map((query) => query.name).join(", ")}`,
    );
  }
  return all.filter((query) => !only || only.includes(query.name));
}
