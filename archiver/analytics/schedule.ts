// Names of windows, which are those of their reports' folders.
import { Cron } from "croner";
import type { Window } from "../../query_results/catalog/parameters.ts";
import { errorText } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";
import { isoTime } from "../../shared/time.ts";

/** In milliseconds. */
export const HOUR = 3_600_000;
/** In milliseconds: UTC has no other days. */
export const DAY = 24 * HOUR;

/** What a name ends with, for windows of this length in milliseconds: nothing for a day. */
export function windowSuffix(milliseconds: number): string {
  if (milliseconds === DAY) return "";
  return milliseconds % DAY === 0 ? `_${milliseconds / DAY}d` : `_${milliseconds / HOUR}h`;
}

/** Its start and length: `2026-11-22` for a day, `2026-11-16_7d`, `2026-11-22T18-00Z_6h`. */
export function windowName({ from, to }: Window): string {
  const milliseconds = (to - from) / 1000;
  const [date, time] = isoTime(from).split("T");
  const start = milliseconds % DAY === 0 ? date : `${date}T${time.slice(0, 2)}-00Z`;
  return start + windowSuffix(milliseconds);
}

/** Whether `name` is one of a window of this length, so that a folder of this name is a report. */
export function isWindowName(name: string, milliseconds: number): boolean {
  const [start, ...rest] = name.split("_");
  const pattern = milliseconds % DAY === 0 ? /^\d{4}-\d\d-\d\d$/ : /^\d{4}-\d\d-\d\dT\d\d-00Z$/;
  return pattern.test(start) && [start, ...rest].join("_") === start + windowSuffix(milliseconds);
}

/** So many windows of a set are looked back at. */
export const LOOK_BACK = 100;

/** Stands last among missed windows where there may be more of them than are looked back at. */
const AND_EARLIER = "and earlier";

const WISH =
  'should be a cron expression of five fields (minute, hour, day, month, weekday; UTC), such as "30 0 * * *"';

function parseCron(expression: string): Cron {
  return new Cron(expression, { timezone: "UTC", mode: "5-part", paused: true });
}

/** What is wrong with a cron expression; null when nothing is. */
export function cronFault(expression: string): string | null {
  try {
    // The days of a leap year hold every date that there is.
    const next = parseCron(expression).nextRun(new Date(0));
    return next === null ? `${WISH}; no time ever matches this one` : null;
  } catch (error) {
    return `${WISH}: ${printable(errorText(error).replace(/^CronPattern: /, ""), 120)}`;
  }
}

/** What the times of a set follow from. */
export interface Timetable {
  readonly cron: string;
  /** How long its windows are, whole hours, in milliseconds. */
  readonly window: number;
}

/** When it is due next after `now`; null when never again. Both in µs since the Unix epoch. */
export function nextDue({ cron }: Timetable, now: number): number | null {
  const next = parseCron(cron).nextRun(new Date(Math.floor(now / 1000)));
  return next === null ? null : next.getTime() * 1000;
}

/** The window of a set that is due at `instant`: it ends with the last whole day, or hour when it is shorter. */
export function windowAt({ window }: Timetable, instant: number): Window {
  const unit = (window % DAY === 0 ? DAY : HOUR) * 1000;
  const to = Math.floor(instant / unit) * unit;
  return { from: to - window * 1000, to };
}

/** What is known of a set's windows. */
export interface KnownWindows {
  /** {@link windowKey} of those that were done. */
  readonly done: ReadonlySet<string>;
  /** The start of the first that was ever run, in µs since the Unix epoch; null when none was. */
  readonly firstRun: number | null;
  /** Since when the archive has anything at all, in µs; null when it has nothing. */
  readonly dataFrom: number | null;
}

/** Names a window among those of one set. */
export function windowKey({ from, to }: Window): string {
  return `${from}-${to}`;
}

/** What a set should do. */
export interface Plan {
  /** When it was due last, in µs since the Unix epoch; null when never. */
  readonly dueAt: number | null;
  readonly due: readonly Window[];
  /** Names of windows that should have been run, and are too long ago: the newest first. The last may be `and earlier`. */
  readonly missed: readonly string[];
}

/**
 * What a set should do at `now`, µs since the Unix epoch. Of the windows that were due the newest `catchUp` are made up
 * for, also when the set is new; older ones were missed, as far as the set was in use then. Windows before the
 * archive's beginning count for nothing.
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

/** When a set was due last, and its last windows, at most {@link LOOK_BACK}: the newest first. */
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
    // Times since this one's end have the same window.
    before = new Date(window.to / 1000);
  }
  return { dueAt, windows };
}
