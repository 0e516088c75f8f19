// When sets are due, on which windows, and the windows' names, which are also those of their report folders.

import { Cron } from "croner";
import type { Window } from "../../query_results/catalog/parameters.ts";
import { errorText } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";
import { DAY_MS, isoTime } from "../../shared/time.ts";

export const HOUR_MS = 3_600_000;

/** Suffix of a window's name: its length, empty for a day. */
export function windowSuffix(lengthMs: number): string {
  if (lengthMs === DAY_MS) return "";
  return lengthMs % DAY_MS === 0 ? `_${lengthMs / DAY_MS}d` : `_${lengthMs / HOUR_MS}h`;
}

/** Its start and length: `2026-11-22` for a day, `2026-11-16_7d`, `2026-11-22T18-00Z_6h`. */
export function windowName({ from, to }: Window): string {
  const lengthMs = (to - from) / 1000;
  const [date, time] = isoTime(from).split("T");
  const start = lengthMs % DAY_MS === 0 ? date : `${date}T${time.slice(0, 2)}-00Z`;
  return start + windowSuffix(lengthMs);
}

/** Whether `name` is one of a window of this length, so that a folder of this name is a report. */
export function isWindowName(name: string, lengthMs: number): boolean {
  const [start, ...rest] = name.split("_");
  const pattern = lengthMs % DAY_MS === 0 ? /^\d{4}-\d\d-\d\d$/ : /^\d{4}-\d\d-\d\dT\d\d-00Z$/;
  return pattern.test(start) && [start, ...rest].join("_") === start + windowSuffix(lengthMs);
}

/** Windows looked back at per set. */
export const LOOK_BACK = 100;

/** Ends the list of missed windows where there may be more. */
const AND_EARLIER = "and earlier";

const WISH =
  'should be a cron expression of five fields (minute, hour, day, month, weekday; UTC), such as "30 0 * * *"';

function parseCron(expression: string): Cron {
  return new Cron(expression, { timezone: "UTC", mode: "5-part", paused: true });
}

/** The fault of a cron expression; null when it has none. */
export function cronFault(expression: string): string | null {
  try {
    const next = parseCron(expression).nextRun(new Date(0));
    return next === null ? `${WISH}; no time matches this one` : null;
  } catch (error) {
    return `${WISH}: ${printable(errorText(error).replace(/^CronPattern: /, ""), 120)}`;
  }
}

export interface Timetable {
  readonly cron: string;
  /** Length of its windows in ms, whole hours. */
  readonly window: number;
}

/** The next due time after `now`, both in µs since the Unix epoch; null when there is none. */
export function nextDue({ cron }: Timetable, now: number): number | null {
  const next = parseCron(cron).nextRun(new Date(Math.floor(now / 1000)));
  return next === null ? null : next.getTime() * 1000;
}

/** The window due at `instant`: it ends with the last whole day, or hour if it is shorter. */
export function windowAt({ window }: Timetable, instant: number): Window {
  const unit = (window % DAY_MS === 0 ? DAY_MS : HOUR_MS) * 1000;
  const to = Math.floor(instant / unit) * unit;
  return { from: to - window * 1000, to };
}

export interface KnownWindows {
  /** {@link windowKey} of successful ones. */
  readonly done: ReadonlySet<string>;
  /** Start of the first one ever run, µs since the Unix epoch; null when none was. */
  readonly firstRun: number | null;
  /** Begin of the archive's data, µs since the Unix epoch; null when it is empty. */
  readonly dataFrom: number | null;
}

/** Identifies a window among those of one set. */
export function windowKey({ from, to }: Window): string {
  return `${from}-${to}`;
}

export interface Plan {
  /** Last due time, µs since the Unix epoch; null when there was none. */
  readonly dueAt: number | null;
  readonly due: readonly Window[];
  /** Names of windows not run and too old to catch up, the newest first; the last may be `and earlier`. */
  readonly missed: readonly string[];
}

/**
 * What a set should do at `now`, µs since the Unix epoch. Of the windows due so far the newest `catchUp` are caught up,
 * also when the set is new; older ones are missed if the set was in use then. Windows before the archive's data do not
 * count.
 */
export function planRuns(
  timetable: Timetable,
  known: KnownWindows,
  now: number,
  catchUp: number,
): Plan {
  const { done, firstRun, dataFrom } = known;
  const { dueAt, windows } = lastWindows(timetable, now);
  if (dataFrom === null) return { dueAt, due: [], missed: [] };
  const all = windows.filter(({ to }) => to > dataFrom);
  const open = (window: Window) => !done.has(windowKey(window));
  const isMissed = (window: Window) => open(window) && firstRun !== null && window.from > firstRun;
  const missed = all.slice(catchUp).filter(isMissed).map(windowName);
  if (all.length === LOOK_BACK && isMissed(all[LOOK_BACK - 1])) missed.push(AND_EARLIER);
  return { dueAt, due: all.slice(0, catchUp).filter(open), missed };
}

/** The last due time and the last {@link LOOK_BACK} windows, the newest first. */
function lastWindows(timetable: Timetable, now: number): Pick<Plan, "dueAt"> & {
  readonly windows: readonly Window[];
} {
  const cron = parseCron(timetable.cron);
  const windows: Window[] = [];
  let dueAt: number | null = null;
  // A time that is exactly now is past.
  let before = new Date(Math.floor(now / 1000) + 1);
  while (windows.length < LOOK_BACK) {
    const date = cron.previousRuns(1, before).at(0);
    if (date === undefined) break;
    const time = date.getTime() * 1000;
    dueAt ??= time;
    const window = windowAt(timetable, time);
    windows.push(window);
    // Due times after its end have the same window.
    before = new Date(window.to / 1000);
  }
  return { dueAt, windows };
}
