/**
 * Which finished days a query reads from their summaries (`message_days` and the others, see archiver/README.md) in place
 * of their receipts. The macros of definitions.sql read both through the views and macros that are set here.
 *
 * @module
 */
import type { DuckDBConnection } from "@duckdb/node-api";
import { ALL_RECEIPTS } from "../catalog/catalog.ts";
import type { UsedParameter, Window } from "../catalog/parameters.ts";
import type { Query } from "../catalog/query.ts";
import { DAY_US } from "../../shared/time.ts";

/** Tables of summaries: with a file per day. */
export const SUMMARY_NAMES = ["message_days", "traffic_days", "delay_days", "peer_days"] as const;
/** Summaries hold delays up to this. */
export const SUMMARY_CAP_US = 3_600_000_000;

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
export interface SummaryRun {
  readonly from: number;
  readonly to: number;
  readonly days: readonly SummaryDay[];
}

/** The longest run of summarised days whose receipts all lie in the window; the latest one of several. */
export function longestRun(days: readonly SummaryDay[], window: Window): SummaryRun | null {
  let best: SummaryDay[] = [];
  let run: SummaryDay[] = [];
  for (const day of days) {
    if (day.firstAt < window.from || day.lastAt >= window.to) continue;
    run = run.length > 0 && day.previous === run.at(-1)!.day ? [...run, day] : [day];
    if (run.length >= best.length) best = run;
  }
  return best.length === 0
    ? null
    : { from: best[0].day, to: best.at(-1)!.day + DAY_US, days: best };
}

/** The summaries that an archive can be asked by; queries are set to them one by one. */
export class Summaries {
  readonly #connection: DuckDBConnection;
  readonly #days: readonly SummaryDay[];

  private constructor(connection: DuckDBConnection, days: readonly SummaryDay[]) {
    this.#connection = connection;
    this.#days = days;
  }

  /** Those whose files are all there. @param usable false where receipts are not read as they are stored. */
  static async find(connection: DuckDBConnection, usable: boolean): Promise<Summaries> {
    const [[tables]] = await rows(
      connection,
      "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'summary_days'",
    );
    if (!usable || Number(tables) === 0) return new Summaries(connection, []);
    const found = await rows(
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
      if (!isWhole || !await areThere(Object.values(files))) continue;
      days.push({
        day: Number(day),
        previous: previous === null ? null : Number(previous),
        firstAt: Number(firstAt),
        lastAt: Number(lastAt),
        files,
      });
    }
    return new Summaries(connection, days);
  }

  /** Lets a query read the summaries of a window, if these have what it asks for. */
  async useFor(query: Query, used: readonly UsedParameter[], window: Window): Promise<void> {
    const isServed = used.every(({ parameter: { name }, value }) =>
      (query.summaries?.get(name) ?? value) === value
    );
    await this.use(query.summaries && isServed ? window : null);
  }

  /** Lets what is asked next read the summaries of a window; null: receipts alone. */
  async use(window: Window | null): Promise<SummaryRun | null> {
    if (this.#days.length === 0) return null;
    const run = window && longestRun(this.#days, window);
    await this.#connection.run(run ? await this.#sql(run, window!) : ALL_RECEIPTS);
    return run;
  }

  async #sql(run: SummaryRun, window: Window): Promise<string> {
    const hasHead = window.from < run.from;
    const hasTail = window.to > run.to;
    // A peer that two processes held may have delivered on the last day what it delivers on the next.
    const [[shared]] = await rows(
      this.#connection,
      `SELECT count(*) FROM shared_days(${at(run.to)}, ${at(run.to + 1)}) WHERE day = ${
        run.to / DAY_US
      }`,
    );
    const lookBack = Number(shared) > 0 ? DAY_US : SUMMARY_CAP_US;
    const rest = [
      ...hasHead ? [within("received_at", window.from, run.from + SUMMARY_CAP_US)] : [],
      ...hasTail ? [within("received_at", run.to - lookBack, window.to)] : [],
    ];
    const delayRest = [
      ...hasHead ? [`first_seen < ${at(run.from)}`] : [],
      ...hasTail ? [`first_seen >= ${at(run.to - SUMMARY_CAP_US)}`] : [],
    ];
    const inside = `first_day >= ${at(run.from)}`;
    // What is first seen in a day's last hour is whole in the next day's summary.
    const ending = run.days.filter(({ day }, i) =>
      i + 1 < run.days.length ? run.days[i + 1].day > day + DAY_US : !hasTail
    );
    const evening = ending.map(({ day }) => `day = ${at(day)}`).join(" OR ") || "false";
    return [
      view("rest_receipts", `FROM receipts WHERE ${rest.join(" OR ") || "false"}`),
      macro("in_rest(instant)", `instant < ${at(run.from)} OR instant >= ${at(run.to)}`),
      macro("in_delay_rest(first_seen)", delayRest.join(" OR ") || "false"),
      view(
        "used_message_days",
        `SELECT *, ${inside} AS is_inside FROM ${files(run, "message_days")}`,
      ),
      view(
        "used_traffic_days",
        `SELECT *, ${inside} AS is_inside FROM ${files(run, "traffic_days")}`,
      ),
      view(
        "used_delay_days",
        `SELECT * EXCLUDE (day, first_day, part) FROM ${files(run, "delay_days")}
        WHERE ${inside} AND (part <> 'evening' OR (${evening}))`,
      ),
      view("used_peer_days", `FROM ${files(run, "peer_days")}`),
    ].join(";\n");
  }
}

async function rows(connection: DuckDBConnection, sql: string) {
  return (await connection.runAndReadAll(sql)).getRows();
}

async function areThere(paths: readonly string[]): Promise<boolean> {
  for (const path of paths) {
    try {
      await Deno.stat(path);
    } catch (error) {
      // DuckDB may be able to read what the sandbox hides.
      if (error instanceof Deno.errors.NotFound) return false;
    }
  }
  return true;
}

function at(us: number): string {
  if (!Number.isFinite(us)) return `'${us < 0 ? "-" : ""}infinity'::TIMESTAMPTZ`;
  return `make_timestamptz(${us})`;
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

function files(run: SummaryRun, table: string): string {
  const paths = run.days.map(({ files }) => `'${files[table].replaceAll("'", "''")}'`);
  return `read_parquet([${paths.join(", ")}])`;
}
