// One pass over the days: finished ones are copied, old ones dropped.

import { BIGINT } from "@duckdb/node-api";
import { rowsOf } from "../store/database.ts";
import type { DaysContext } from "./context.ts";
import { abandonCopy, copyDay } from "./copy.ts";
import { type DayFile, readDayFiles } from "./day_files.ts";
import { DAY_TABLES, type DayTable, dayTable, RECEIPTS, SUMMARIES } from "./layout.ts";
import { compareWithHot, dropFile, dropHot, reasonToKeep } from "./drop.ts";
import { countRows, isListed } from "./manifest.ts";
import { split, uncovered } from "./plan.ts";
import { daysToSummarise, summariseDay } from "./summarise.ts";
import { DAY_US, dayOf, dayStart } from "../../shared/time.ts";

/** What a pass does. Instants are µs since the Unix epoch. */
export interface RolloverPlan {
  /** Only this day, `YYYY-MM-DD`; null for all. */
  readonly day: string | null;
  /** Days that end before this, or at it, are copied. */
  readonly copyBefore: number;
  /** Days last copied before this are copied again when rows came late. */
  readonly copyLateBefore: number;
  /** Days that end before this, or at it, are dropped from the hot store; null for none. */
  readonly dropHotBefore: number | null;
  /** Days that end before this, or at it, are dropped from disk; null for none. */
  readonly dropFilesBefore: number | null;
  /** Take the day back that is published, instead of publishing. */
  readonly withdraw: boolean;
  /** Drop; without it, only list what would be dropped. */
  readonly apply: boolean;
  /** Without apply: read the files all the same. */
  readonly verify: boolean;
}

export type RolloverAction =
  | "copied"
  | "copied again"
  | "summarised"
  | "published"
  | "published again"
  | "withdrawn"
  | "dropped from hot"
  | "dropped from disk"
  | "would drop from hot"
  | "would drop from disk"
  | "kept";

export interface RolloverLine {
  readonly action: RolloverAction;
  readonly table: string;
  readonly day: string;
  readonly part: number;
  readonly rows: number;
  readonly bytes: number;
  /** Why something was kept or copied again; else null. */
  readonly reason: string | null;
}

/**
 * Runs a pass.
 * @param onLine gets each line once it is done.
 * @throws {Error} when a file cannot be written; what was done stays, and the rest waits for the next pass.
 */
export async function rollOver(
  context: DaysContext,
  plan: RolloverPlan,
  onLine: (line: RolloverLine) => void,
): Promise<void> {
  for (const table of DAY_TABLES) await copyTable(context, plan, table, onLine);
  // A day's outdate those of later days.
  const isOver = (day: string) =>
    (plan.day === null || day >= plan.day) && dayStart(day) + DAY_US <= plan.copyBefore;
  for (let last = ""; context.isReadable();) {
    const day = (await daysToSummarise(context.connection)).find((day) =>
      day > last && isOver(day)
    );
    if (day === undefined) break;
    context.signal.throwIfAborted();
    const made = await summariseDay(context, day);
    if (made !== null) {
      onLine({ action: "summarised", table: "summaries", day, part: 0, ...made, reason: null });
    }
    last = day;
  }
  // What else is due need not wait for a bucket.
  const published = await Promise.allSettled([context.publisher?.publish(context, plan, onLine)]);
  const isDue = (file: DayFile, before: number | null) => {
    context.signal.throwIfAborted();
    return (plan.day === null || plan.day === file.day) && before !== null &&
      dayStart(file.day) + DAY_US <= before;
  };
  for (const file of await readDayFiles(context.connection)) {
    if (!isDue(file, plan.dropHotBefore) || file.state !== "copied") continue;
    if (SUMMARIES.includes(dayTable(file.table))) continue;
    onLine(await dropOneHot(context, plan, file, onLine));
  }
  for (const file of await readDayFiles(context.connection, RECEIPTS)) {
    if (!isDue(file, plan.dropFilesBefore) || file.state !== "cold") continue;
    onLine(await dropOneFile(context, plan, file));
  }
  for (const outcome of published) if (outcome.status === "rejected") throw outcome.reason;
}

function line(
  action: RolloverAction,
  file: Pick<DayFile, "table" | "day" | "part" | "rows" | "bytes">,
  reason: string | null = null,
): RolloverLine {
  const { table, day, part, rows, bytes } = file;
  return { action, table, day, part, rows, bytes, reason };
}

async function copyTable(
  context: DaysContext,
  { day: only, copyBefore, copyLateBefore }: RolloverPlan,
  table: DayTable,
  onLine: (line: RolloverLine) => void,
): Promise<void> {
  const { connection, signal } = context;
  const days = await rowsOf(
    connection,
    `SELECT epoch_us(${table.time}) // ${DAY_US} AS day, count(*) AS row_count FROM ${table.hot}
    WHERE ${table.time} < make_timestamptz($1) GROUP BY day ORDER BY day`,
    [BigInt(copyBefore)],
    [BIGINT],
  );
  const files = await readDayFiles(connection, table);
  for (const { day: number, row_count } of days) {
    const from = Number(number) * DAY_US;
    const day = dayOf(from);
    const whole = { from, to: from + DAY_US };
    if (whole.to > copyBefore || (only !== null && only !== day)) continue;
    const own = files.filter((file) => file.day === day);
    const copied = own.filter(({ state }) => state === "copied");
    const there = await Promise.all(copied.map((file) => isListed(file.path, file)));
    const isFresh = own.some(({ copiedAt }) => copiedAt >= copyLateBefore);
    // A day of several files may lack some.
    const isWhole = uncovered(whole, own.map(({ interval }) => interval)).length === 0;
    if (isFresh && isWhole && there.every((is) => is)) continue;
    const listed = copied.reduce((sum, { rows }) => sum + rows, 0);
    if (listed === Number(row_count) && there.every((is) => is)) continue;
    for (const [i, file] of copied.entries()) {
      signal.throwIfAborted();
      const counts = await countRows(context.connection, table, file.interval);
      const rows = counts.reduce((sum, { rows }) => sum + rows, 0);
      if (rows === file.rows && there[i]) continue;
      const reason = there[i] ? "rows came late" : "the file is missing or another";
      onLine(await copyAgain(context, table, file, reason));
    }
    let part = Math.max(-1, ...own.map(({ part }) => part)) + 1;
    for (const free of uncovered(whole, copied.map(({ interval }) => interval))) {
      const counts = await countRows(context.connection, table, free);
      if (counts.length === 0) continue;
      for (const interval of split(free, counts, context.maxFileRows)) {
        signal.throwIfAborted();
        const file = await copyDay(context, { table, day, part, interval, replaced: null });
        onLine(line("copied", file));
        part = file.part + 1;
      }
    }
  }
}

async function copyAgain(
  context: DaysContext,
  table: DayTable,
  file: DayFile,
  reason: string,
): Promise<RolloverLine> {
  const { day, part, interval } = file;
  if ((await countRows(context.connection, table, interval)).length === 0) {
    await abandonCopy(context, file);
    return line("kept", file, "none of its rows is hot any more; unlisted it");
  }
  const copied = await copyDay(context, { table, day, part, interval, replaced: file });
  return line("copied again", copied, reason);
}

async function dropOneHot(
  context: DaysContext,
  { apply, verify }: RolloverPlan,
  file: DayFile,
  onLine: (line: RolloverLine) => void,
): Promise<RolloverLine> {
  if (!apply) {
    const wrong = verify ? await compareWithHot(context, file) : null;
    return wrong === null
      ? line("would drop from hot", file)
      : line("kept", file, `${wrong}; it would be copied again first`);
  }
  const wrong = await dropHot(context, file);
  if (wrong === null) return line("dropped from hot", file);
  const table = dayTable(file.table);
  const copied = await copyAgain(context, table, file, wrong);
  const again = (await readDayFiles(context.connection, table)).find(({ id }) => id === file.id);
  if (again === undefined) return copied;
  onLine(copied);
  const stillWrong = await dropHot(context, again);
  return stillWrong === null ? line("dropped from hot", again) : line("kept", again, stillWrong);
}

async function dropOneFile(
  context: DaysContext,
  { apply, verify }: RolloverPlan,
  file: DayFile,
): Promise<RolloverLine> {
  if (apply) {
    const wrong = await dropFile(context, file);
    return wrong === null ? line("dropped from disk", file) : line("kept", file, wrong);
  }
  const reason = await reasonToKeep(context, file, verify);
  return reason === null ? line("would drop from disk", file) : line("kept", file, reason);
}
