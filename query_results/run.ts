// Runs the queries on an archive and writes one CSV and one SVG per query, and one `index.html` with all of them.

import type { DuckDBConnection } from "@duckdb/node-api";
import { join } from "node:path";
import { type Clock, systemClock } from "../shared/clock.ts";
import { errorText } from "../shared/errors.ts";
import { interruptAll, openArchive, type ReaderOptions } from "./archive/open.ts";
import { correctClocks } from "./archive/clocks.ts";
import { Summaries } from "./archive/summaries.ts";
import { captionLines } from "./report/caption.ts";
import { drawChart } from "./chart/render.ts";
import { svgFile } from "./chart/svg_file.ts";
import { toCsv } from "./format/csv.ts";
import type { Opening } from "./report/opening.ts";
import { sampleOpening } from "./reconciliation/replay/answers.ts";
import { type Figure, mainFigures } from "./report/figures.ts";
import { type Frame, frameTable, readFrame, type WantedWindow } from "./archive/frame.ts";
import { checkSettings, SOURCES_SETTING, useParameters } from "./catalog/parameters.ts";
import { DEFINITIONS, FRAME, selectQueries } from "./catalog/catalog.ts";
import type { Query } from "./catalog/query.ts";
import { preparePatterns } from "./patterns/worker.ts";
import { type Reference, referenceRows } from "./report/reference.ts";
import { type Answer, reportPage, type ReportSection } from "./report/page.ts";
import { readTable } from "./archive/read_table.ts";
import type { Markup } from "./report/tables.ts";
import type { Table } from "./format/table.ts";
import { makeFolder, writeWhole } from "./format/whole_files.ts";

/** What makes the tables that a query reads, by the name in its header, and how the report shows its rows. */
const WORKERS: Readonly<
  Record<
    string,
    (connection: DuckDBConnection, frame: Frame, summaries: Summaries) => Promise<Markup>
  >
> = { patterns: preparePatterns };

/** In the folder for the results, so that nothing is written beside the archive. */
const TEMP_FOLDER = ".duckdb-temp";

export interface Progress {
  readonly query: string;
  readonly index: number;
  readonly count: number;
  readonly rows: number;
  readonly queryMs: number;
  readonly drawMs: number;
}

export interface RunOptions {
  /**
   * The archive's file, which no other process may hold for writing, or an open connection to it. On a connection all
   * queries see one snapshot, in a transaction of their own.
   */
  readonly archive: string | DuckDBConnection;
  /** The folder for the results; made when missing. Files of the same names are replaced. */
  readonly out: string;
  readonly title?: string;
  readonly note?: string;
  /** Names of the queries to run; all when absent. */
  readonly only?: readonly string[];
  /** In place of the catalogue's. */
  readonly queries?: readonly Query[];
  /** Makes the report's opening before the queries run, and what they read beside the archive. */
  readonly open?: (connection: DuckDBConnection, frame: Frame) => Promise<Opening>;
  /** Parameters by name as text, for every query that has them, e.g. `{ reach_share: "0.9" }`. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly window?: WantedWindow;
  /** Compare with the published run of 2025-09-26. */
  readonly reference?: Reference;
  readonly reader?: ReaderOptions;
  /** Stops the current query; {@link runQueries} then throws its reason. */
  readonly signal?: AbortSignal;
  /** A query that takes longer is stopped, and the run fails. */
  readonly queryLimitMs?: number;
  /** Called with the frame, as {@link FRAME}, and then with each query's rows before the next query runs. */
  readonly onTable?: (name: string, table: Table) => Promise<void>;
  readonly onProgress?: (progress: Progress) => void;
  readonly clock?: Clock;
}

export interface RunResult {
  readonly report: string;
  readonly frame: Frame;
  readonly figures: readonly Figure[];
  readonly opening: Opening;
  readonly tables: ReadonlyMap<string, Table>;
}

/**
 * Runs queries and writes their results. The report comes last: once it is there, so is everything else.
 * @throws {UserError} when the archive cannot be read (see {@link openArchive}), the folder cannot be written, or a
 * query name or setting does not exist.
 * @throws the signal's reason when it aborts.
 */
export async function runQueries(options: RunOptions): Promise<RunResult> {
  const { archive } = options;
  checkSettings(options.queries ?? selectQueries(options.only), options.settings ?? {});
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
      const moved = await correctClocks(connection, isOwnOnly(options));
      const summaries = await Summaries.find(connection, moved);
      return await writeResults(connection, summaries, options);
    } finally {
      ignoreSignal();
      // Nothing was changed: it only held the snapshot.
      await connection.run("ROLLBACK");
    }
  } catch (error) {
    // DuckDB's own error only says that it was interrupted.
    signal?.throwIfAborted();
    throw error;
  } finally {
    ignoreSignal();
  }
}

function isOwnOnly({ settings }: RunOptions): boolean {
  return settings?.[SOURCES_SETTING] === "own";
}

async function writeResults(
  connection: DuckDBConnection,
  summaries: Summaries,
  options: RunOptions,
): Promise<RunResult> {
  const { out, reference, clock = systemClock } = options;
  const queries = options.queries ?? selectQueries(options.only);
  const read = await readFrame(connection, options.window, summaries);
  const frame = isOwnOnly(options) ? { ...read, ownOnly: true } : read;
  await summaries.use(null);
  const opened = await options.open?.(connection, frame);
  await options.onTable?.(FRAME, frameTable(frame));
  const answers: Answer[] = [];
  for (const [i, query] of queries.entries()) {
    options.signal?.throwIfAborted();
    const start = clock.now();
    const answer = await runQuery(connection, summaries, query, frame, options);
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
      queryMs: (queried - start) / 1000,
      drawMs: (clock.now() - queried) / 1000,
    });
  }
  await summaries.use(null);
  // The sample comes last: where it is stopped, the transaction is of no more use.
  const opening = opened ?? await openReport(connection, frame, options);
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
      opening,
      figures,
      reference,
      sections: sectionsOf(answers),
      definitions: DEFINITIONS,
    }),
  );
  return { report, frame, figures, opening, tables };
}

/** A query that was stopped after its limit. */
class TimeLimit extends Error {}

async function openReport(
  connection: DuckDBConnection,
  frame: Frame,
  options: RunOptions,
): Promise<Opening> {
  const { reference } = options;
  try {
    const sample = () => sampleOpening(connection, frame, reference?.scale ?? 1);
    return await limited(connection, "opening", options, sample);
  } catch (error) {
    options.signal?.throwIfAborted();
    // The report is of use without it.
    if (error instanceof TimeLimit) return { figures: [], sentences: [error.message], limits: "" };
    throw error;
  }
}

function sectionsOf(answers: readonly Answer[]): ReportSection[] {
  const shown = answers.filter(({ query, table }) => !query.onlyWithRows || table.rows.length > 0);
  return [...Map.groupBy(shown, ({ query }) => query.section)]
    .map(([title, answers]) => ({ title, answers }));
}

async function runQuery(
  connection: DuckDBConnection,
  summaries: Summaries,
  query: Query,
  frame: Frame,
  options: RunOptions,
): Promise<Omit<Answer, "drawing">> {
  const { settings, reference } = options;
  const parameters = useParameters(query, frame.window, settings, reference?.scale);
  return await limited(connection, query.name, options, async () => {
    const details = query.worker
      ? await WORKERS[query.worker](connection, frame, summaries)
      : undefined;
    await summaries.useFor(query, parameters, frame.window);
    const table = await readTable(connection, query.sql, frame.window, parameters);
    return { query, parameters, table, details };
  });
}

/** What `run` asks of `connection`, stopped after the options' limit. */
async function limited<T>(
  connection: DuckDBConnection,
  name: string,
  { queryLimitMs: limit }: RunOptions,
  run: () => Promise<T>,
): Promise<T> {
  let letGo: (() => void) | undefined;
  const timer = limit === undefined
    ? undefined
    : setTimeout(() => letGo = interruptAll(connection), limit);
  try {
    return await run();
  } catch (error) {
    const failed = `Query ${name} failed: `;
    if (letGo) throw new TimeLimit(`${failed}it took more than ${limit! / 1000} s`);
    throw new Error(failed + errorText(error), { cause: error });
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
  const own = answer.parameters.map((used) => [used.parameter.name, Number(used.value)]);
  const parameters = { ...Object.fromEntries(own), peers: frame.peers };
  const context = { parameters, reference: referenceRows(name, reference) };
  return { ...answer, drawing: await drawChart(chart, answer.table, context, name) };
}

async function writeAnswer(answer: Answer, frame: Frame, out: string): Promise<void> {
  const { query, parameters, table, drawing } = answer;
  const words = {
    title: query.title,
    description: query.question,
    caption: [...captionLines(query.name, frame, parameters), drawing.note].filter(Boolean),
  };
  await writeWhole(join(out, `${query.name}.csv`), toCsv(table));
  await writeWhole(join(out, `${query.name}.svg`), svgFile(drawing, words, query.name));
}
