/**
 * Which finished days a query reads from their summaries (`message_days` and the others, see archiver/README.md) in place
 * of their receipts. The macros of the catalogue read both through the views and macros that are set here.
 *
 * @module
 */
import type { DuckDBConnection } from "@duckdb/node-api";
import { ALL_RECEIPTS, ONE_PROCESS, SEVERAL_PROCESSES } from "../catalog/catalog.ts";
import type { UsedParameter, Window } from "../catalog/parameters.ts";
import type { Query } from "../catalog/query.ts";
import { DAY_US } from "../../shared/time.ts";
import { valuesOf } from "./database.ts";
import { findDelays, readDelays } from "./delays.ts";
import { isOneProcess } from "./processes.ts";
import { at, literals } from "./sql.ts";

/** Tables of summaries: with a file per day. */
export const SUMMARY_NAMES = [
  "message_days",
  "traffic_days",
  "delay_days",
  "peer_days",
  "pair_days",
] as const;
/** The parameter by which trends say how far back they go. */
const TREND_DAYS = "trend_days";
/** Summaries hold delays up to this. */
export const SUMMARY_CAP_US = 3_600_000_000;
/** The share of peers that a message must reach, where a query does not say. */
const REACH_SHARE = 0.5;
/** So long before midnight a message's delays are not all of its day: clocks may differ by part of a second. */
export const EVENING_US: number = SUMMARY_CAP_US + 1_000_000;

/** A summarised day; µs since the Unix epoch. */
export interface SummaryDay {
  readonly day: number;
  /** The last day before it that had receipts; null when there was none. */
  readonly previous: number | null;
  readonly firstAt: number;
  readonly lastAt: number;
  /** Paths of its files by table; absolute. */
  readonly files: Readonly<Record<string, string>>;
}

/** Consecutive summarised days: [from, to) in µs since the Unix epoch. */
export interface SummaryRun extends Window {
  readonly days: readonly SummaryDay[];
}

/** Each stretch of receipts between runs is a scan of its own. */
const MOST_RUNS = 8;

/** The longest runs of summarised days whose receipts all lie in the window, the latest of equal ones; in order. */
export function runsIn(days: readonly SummaryDay[], window: Window): SummaryRun[] {
  const runs: SummaryDay[][] = [];
  for (const day of days) {
    if (day.firstAt < window.from || day.lastAt >= window.to) continue;
    const last = runs.at(-1);
    if (last !== undefined && day.previous === last.at(-1)!.day) last.push(day);
    else runs.push([day]);
  }
  return runs.toReversed().sort((a, b) => b.length - a.length).slice(0, MOST_RUNS)
    .map((days) => ({ from: days[0].day, to: days.at(-1)!.day + DAY_US, days }))
    .sort((a, b) => a.from - b.from);
}

/** A stretch of the window that no run covers. */
interface Gap extends Window {
  readonly isAfterRun: boolean;
  readonly isBeforeRun: boolean;
}

function gapsBetween(runs: readonly SummaryRun[], window: Window): Gap[] {
  const edges = [window.from, ...runs.flatMap(({ from, to }) => [from, to]), window.to];
  return Array.from({ length: runs.length + 1 }, (_, i) => ({
    from: edges[2 * i],
    to: edges[2 * i + 1],
    isAfterRun: i > 0,
    isBeforeRun: i < runs.length,
  })).filter(({ from, to }) => from < to);
}

/** The summaries that an archive can be asked by; queries are set to them one by one. */
export class Summaries {
  #isOneProcess = false;
  #knowsDelays = false;
  /** Whether one process heard a window, by its ends: most queries ask of the same. */
  readonly #known = new Map<string, boolean>();

  private constructor(
    private readonly connection: DuckDBConnection,
    private readonly days: readonly SummaryDay[],
  ) {}

  /** Those whose files are all there. @param moved where receipts are not read as they are stored. */
  static async find(connection: DuckDBConnection, moved: readonly Window[]): Promise<Summaries> {
    const [[tables]] = await valuesOf(
      connection,
      "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'summary_days'",
    );
    if (Number(tables) === 0) return new Summaries(connection, []);
    const found = await valuesOf(
      connection,
      `SELECT epoch_us(s.day), epoch_us(s.previous_day), epoch_us(s.first_at), epoch_us(s.last_at),
        list(f.table_name), list(f.path)
      FROM summary_days s JOIN day_files f ON f.day = s.day AND f.state = 'cold'
      WHERE s.is_ready AND f.table_name IN (${SUMMARY_NAMES.map((name) => `'${name}'`).join(", ")})
      GROUP BY ALL ORDER BY 1`,
    );
    const days: SummaryDay[] = [];
    for (const [day, previous, firstAt, lastAt, tables, paths] of found) {
      const names = (tables as { items: string[] }).items;
      const files = Object.fromEntries(
        names.map((name, i) => [name, (paths as { items: string[] }).items[i]]),
      );
      const isWhole = SUMMARY_NAMES.every((name) => files[name] !== undefined);
      const from = Number(day);
      const isMoved = moved.some((span) => from < span.to && from + DAY_US > span.from);
      if (!isWhole || isMoved || !await areThere(Object.values(files))) continue;
      days.push({
        day: from,
        previous: previous === null ? null : Number(previous),
        firstAt: Number(firstAt),
        lastAt: Number(lastAt),
        files,
      });
    }
    return new Summaries(connection, days);
  }

  /** Lets a query read the summaries of a window, if these have what it asks for; a trend begins before the window. */
  async useFor(query: Query, used: readonly UsedParameter[], window: Window): Promise<void> {
    const isServed = used.every(({ parameter: { name }, value }) => {
      const served = query.summaries?.get(name) ?? value;
      return typeof served === "object"
        ? Number(value) % served.multipleOf === 0
        : served === value;
    });
    const days = used.find(({ parameter }) => parameter.name === TREND_DAYS)?.value;
    const from = days === undefined ? window.from : window.to - Number(days) * DAY_US;
    const span = { from, to: window.to };
    await this.#useDays(query.summaries && isServed ? span : null);
    const key = `${span.from} ${span.to}`;
    if (!this.#known.has(key)) this.#known.set(key, await isOneProcess(this.connection, span));
    await this.#useProcesses(this.#known.get(key)!);
    if (query.asksDelays) await this.#findDelays(used, window);
  }

  async #findDelays(used: readonly UsedParameter[], window: Window): Promise<void> {
    const values = new Map(used.map(({ parameter, value }) => [parameter.name, value]));
    this.#knowsDelays = true;
    await findDelays(this.connection, "window_delays", window, window.to, {
      reachShare: Number(values.get("reach_share") ?? REACH_SHARE),
      capSeconds: Number(values.get("cap_seconds")),
      includeWarmup: values.get("include_warmup") === true,
    });
    await readDelays(this.connection, "window_delays");
  }

  /** Lets what is asked next read the summaries of a window; null: receipts alone. @returns the days that it reads. */
  async use(window: Window | null): Promise<number> {
    await this.#useProcesses(false);
    return await this.#useDays(window);
  }

  async #useProcesses(isOne: boolean): Promise<void> {
    if (isOne === this.#isOneProcess) return;
    await this.connection.run(isOne ? ONE_PROCESS : SEVERAL_PROCESSES);
    this.#isOneProcess = isOne;
  }

  async #useDays(window: Window | null): Promise<number> {
    if (this.#knowsDelays) await readDelays(this.connection, null);
    this.#knowsDelays = false;
    if (this.days.length === 0) return 0;
    const runs = window === null ? [] : runsIn(this.days, window);
    await this.connection.run(runs.length > 0 ? await this.#sql(runs, window!) : ALL_RECEIPTS);
    return runs.reduce((sum, { days }) => sum + days.length, 0);
  }

  async #sql(runs: readonly SummaryRun[], window: Window): Promise<string> {
    const gaps = gapsBetween(runs, window);
    const rest: Window[] = [];
    for (const gap of gaps) {
      const from = gap.isAfterRun ? gap.from - await this.#lookBack(gap.from) : gap.from;
      const to = gap.isBeforeRun ? gap.to + EVENING_US : gap.to;
      const last = rest.at(-1);
      if (last !== undefined && from <= last.to) rest[rest.length - 1] = { from: last.from, to };
      else rest.push({ from, to });
    }
    const delayRest = gaps.map(({ from, to, isAfterRun }) =>
      within("first_seen", isAfterRun ? from - EVENING_US : from, to)
    );
    const begin = `CASE ${
      runs.map(({ from, to }) => `WHEN day < ${at(to)} THEN ${at(from)}`).join(" ")
    } END`;
    const inside = `first_day >= ${begin}`;
    // What is first seen in a day's last hour is whole in the next day's summary.
    const ending = runs.flatMap(({ days, to }) =>
      days.filter(({ day }, i) =>
        i + 1 < days.length ? days[i + 1].day > day + DAY_US : !gaps.some(({ from }) => from === to)
      )
    );
    const evening = ending.map(({ day }) => `day = ${at(day)}`).join(" OR ") || "false";
    const files = (table: string) => filesOf(runs, table);
    return [
      // Apart, so that each skips what lies outside it.
      view(
        "rest_receipts",
        rest.map((span) => `FROM receipts WHERE ${within("received_at", span.from, span.to)}`)
          .join(" UNION ALL ") || "FROM receipts WHERE false",
      ),
      macro(
        "in_rest(instant)",
        gaps.map(({ from, to }) => within("instant", from, to)).join(" OR ") || "false",
      ),
      macro("in_delay_rest(first_seen)", delayRest.join(" OR ") || "false"),
      ...["message_days", "traffic_days"].map((table) =>
        view(`used_${table}`, `SELECT *, ${inside} AS is_inside FROM ${files(table)}`)
      ),
      view(
        "used_delay_days",
        `SELECT *, ${inside} AND (part <> 'evening' OR (${evening})) AS is_inside FROM ${
          files("delay_days")
        }`,
      ),
      ...["peer_days", "pair_days"].map((table) => view(`used_${table}`, `FROM ${files(table)}`)),
    ].join(";\n");
  }

  /** A peer that two processes held may have delivered on the day before what it delivers on this one. */
  async #lookBack(day: number): Promise<number> {
    const sql = `SELECT count(*) FROM shared_days(${at(day)}, ${at(day + 1)}) WHERE day = ${
      day / DAY_US
    }`;
    const [[shared]] = await valuesOf(this.connection, sql);
    return Number(shared) > 0 ? DAY_US : EVENING_US;
  }
}

async function areThere(paths: readonly string[]): Promise<boolean> {
  for (const path of paths.filter((path) => !path.includes("://"))) {
    try {
      await Deno.stat(path);
    } catch (error) {
      // DuckDB may be able to read what the sandbox hides.
      if (error instanceof Deno.errors.NotFound) return false;
    }
  }
  return true;
}

function within(column: string, from: number, to: number): string {
  return `(${column} >= ${at(from)} AND ${column} < ${at(to)})`;
}

function view(name: string, select: string): string {
  return `CREATE OR REPLACE TEMP VIEW ${name} AS ${select}`;
}

function macro(signature: string, expression: string): string {
  return `CREATE OR REPLACE TEMP MACRO ${signature} AS ${expression}`;
}

function filesOf(runs: readonly SummaryRun[], table: string): string {
  const paths = runs.flatMap(({ days }) => days.map(({ files }) => files[table]));
  return `read_parquet(${literals(paths)})`;
}
