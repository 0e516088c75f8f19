/**
 * Runs the queries on an archive and writes the results: one CSV and one SVG a query, and one `index.html` with all.
 *
 * @module
 */
import type { DuckDBConnection } from "@duckdb/node-api";
import { join } from "node:path";
import { type Clock, systemClock } from "../shared/clock.ts";
import { errorText } from "../shared/errors.ts";
import { openArchive, type ReaderOptions } from "./archive/open.ts";
import { captionLines } from "./report/caption.ts";
import { drawChart } from "./chart/render.ts";
import { svgFile } from "./chart/svg_file.ts";
import { toCsv } from "./format/csv.ts";
import { type Figure, mainFigures } from "./report/figures.ts";
import { type Frame, frameTable, readFrame, type WantedWindow } from "./archive/frame.ts";
import { interruptAll } from "./archive/interrupt.ts";
import { checkSettings, useParameters } from "./catalog/parameters.ts";
import { DEFINITIONS, FRAME, selectQueries } from "./catalog/catalog.ts";
import type { Query } from "./catalog/query.ts";
import { type Reference, referenceRows } from "./report/reference.ts";
import { type Answer, reportPage, type ReportSection } from "./report/page.ts";
import { readTable } from "./archive/read_table.ts";
import type { Table } from "./format/table.ts";
import { makeFolder, writeWhole } from "./format/whole_files.ts";

/** Inside the folder for the results, while DuckDB needs it: the archive's own folder stays as it is. */
const TEMP_FOLDER = ".duckdb-temp";

/** One query's end. */
export interface Progress {
  /** Its name. */
  readonly query: string;
  /** From 1. */
  readonly index: number;
  /** How many queries there are. */
  readonly count: number;
  /** How many it gave. */
  readonly rows: number;
  /** How long the query itself took. */
  readonly queryMilliseconds: number;
  /** How long its chart and files took. */
  readonly drawMilliseconds: number;
}

/** What to run, on what, to where. */
export interface RunOptions {
  /**
   * The archive's file, which no other process may hold for writing, or an open connection to it. On a connection all
   * queries see one snapshot, in a transaction of their own.
   */
  readonly archive: string | DuckDBConnection;
  /** The folder for the results; made when it is not there. Files of the same names are replaced. */
  readonly out: string;
  /** The report's title. */
  readonly title?: string;
  /** A line or two under it. */
  readonly note?: string;
  /** Names of the queries to run; all when absent. See {@link selectQueries}. */
  readonly only?: readonly string[];
  /** Parameters by name as text, for every query that has them, e.g. `{ reach_share: "0.9" }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The part of the archive to look at; all of it when absent. */
  readonly window?: WantedWindow;
  /** Compare with the published run of 2025-09-26; left out when absent. */
  readonly reference?: Reference;
  /** What DuckDB may use, when `archive` is a path. */
  readonly reader?: ReaderOptions;
  /** Stops the query under way; {@link runQueries} then throws its reason. */
  readonly signal?: AbortSignal;
  /** A query that takes longer than so many milliseconds is stopped, and fails; none by default. */
  readonly queryMilliseconds?: number;
  /** Called with each query's rows before the next query runs, and first of all with the frame, as {@link FRAME}. */
  readonly onTable?: (name: string, table: Table) => Promise<void>;
  /** Called after each query. */
  readonly onProgress?: (progress: Progress) => void;
  /** The machine's own when absent. */
  readonly clock?: Clock;
}

/** What came out. */
export interface RunResult {
  /** The report's path. */
  readonly report: string;
  /** What all figures rest on. */
  readonly frame: Frame;
  /** The main figures, for a table elsewhere. */
  readonly figures: readonly Figure[];
  /** Each query's rows by its name. */
  readonly tables: ReadonlyMap<string, Table>;
}

/**
 * Runs queries and writes their results. The report is written last: where it stands, all is there.
 *
 * @throws {UserError} when the archive cannot be read (see {@link openArchive}), the folder cannot be written, or a
 * query name or setting does not exist.
 * @throws the signal's reason when it aborts.
 */
export async function runQueries(options: RunOptions): Promise<RunResult> {
  const { archive } = options;
  checkSettings(selectQueries(options.only), options.settings ?? {});
  if (typeof archive !== "string") return await runOn(archive, options);
  const tempFolder = join(options.out, TEMP_FOLDER);
  using reader = await openArchive(archive, { tempFolder, ...options.reader });
  return await runOn(reader.connection, options);
}

async function runOn(connection: DuckDBConnection, options: RunOptions): Promise<RunResult> {
  const { signal } = options;
  signal?.throwIfAborted();
  await makeFolder(options.out);
  let letGo = () => {};
  const interrupt = () => letGo = interruptAll(connection);
  signal?.addEventListener("abort", interrupt);
  const ignoreSignal = () => {
    signal?.removeEventListener("abort", interrupt);
    letGo();
  };
  try {
    await connection.run(DEFINITIONS);
    await connection.run("BEGIN");
    try {
      return await writeResults(connection, options);
    } finally {
      ignoreSignal();
      // Nothing was changed: it only held the snapshot.
      await connection.run("ROLLBACK");
    }
  } catch (error) {
    // DuckDB's own error says no more than that it was interrupted.
    signal?.throwIfAborted();
    throw error;
  } finally {
    ignoreSignal();
  }
}

async function writeResults(connection: DuckDBConnection, options: RunOptions): Promise<RunResult> {
  const { out, reference, clock = systemClock } = options;
  const queries = selectQueries(options.only);
  const frame = await readFrame(connection, options.window);
  await options.onTable?.(FRAME, frameTable(frame));
  const answers: Answer[] = [];
  for (const [i, query] of queries.entries()) {
    options.signal?.throwIfAborted();
    const start = clock.now();
    const answer = await runQuery(connection, query, frame, options);
    const queried = clock.now();
    await options.onTable?.(query.name, answer.table);
    const drawn = await drawAnswer(answer, frame, reference);
    await writeAnswer(drawn, frame, out);
    answers.push(drawn);
    options.onProgress?.({
      query: query.name,
      index: i + 1,
      count: queries.length,
      rows: drawn.table.rows.length,
      queryMilliseconds: (queried - start) / 1000,
      drawMilliseconds: (clock.now() - queried) / 1000,
    });
  }
  const tables = new Map(answers.map(({ query, table }) => [query.name, table]));
  const figures = mainFigures(frame, tables);
  const report = join(out, "index.html");
  await writeWhole(
    report,
    reportPage({
      title: options.title ?? "Lightning gossip, observed",
      note: options.note ?? "",
      madeAt: clock.now(),
      frame,
      figures,
      reference,
      sections: sectionsOf(answers),
      definitions: DEFINITIONS,
    }),
  );
  return { report, frame, figures, tables };
}

function sectionsOf(answers: readonly Answer[]): ReportSection[] {
  const shown = answers.filter(({ query, table }) => !query.onlyWithRows || table.rows.length > 0);
  return [...Map.groupBy(shown, ({ query }) => query.section)]
    .map(([title, answers]) => ({ title, answers }));
}

async function runQuery(
  connection: DuckDBConnection,
  query: Query,
  frame: Frame,
  options: RunOptions,
): Promise<Omit<Answer, "drawing">> {
  const parameters = useParameters(query, frame.window, options.settings);
  const limit = options.queryMilliseconds;
  let letGo: (() => void) | undefined;
  const timer = limit === undefined
    ? undefined
    : setTimeout(() => letGo = interruptAll(connection), limit);
  try {
    const table = await readTable(connection, query.sql, frame.window, parameters);
    return { query, parameters, table };
  } catch (error) {
    const why = letGo ? `it took more than ${limit! / 1000} s` : errorText(error);
    throw new Error(`Query ${query.name} failed: ${why}`, { cause: error });
  } finally {
    clearTimeout(timer);
    letGo?.();
  }
}

async function drawAnswer(
  answer: Omit<Answer, "drawing">,
  frame: Frame,
  reference: Reference | undefined,
): Promise<Answer> {
  const { name, chart } = answer.query;
  const context = {
    parameters: { peers: frame.peers },
    reference: referenceRows(name, reference),
  };
  return { ...answer, drawing: await drawChart(chart, answer.table, context, name) };
}

async function writeAnswer(answer: Answer, frame: Frame, out: string): Promise<void> {
  const { query, parameters, table, drawing } = answer;
  const words = {
    title: query.title,
    description: query.question,
    caption: captionLines(query.name, frame, parameters),
  };
  await writeWhole(join(out, `${query.name}.csv`), toCsv(table));
  await writeWhole(join(out, `${query.name}.svg`), svgFile(drawing, words, query.name));
}
