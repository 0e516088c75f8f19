// Names of windows, which are those of their reports' folders.

import type { Window } from "../../query_results/catalog/parameters.ts";
import { isoInstant } from "../../query_results/format/table.ts";

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
  const [date, time] = isoInstant(from).split("T");
  const start = milliseconds % DAY === 0 ? date : `${date}T${time.slice(0, 2)}-00Z`;
  return start + windowSuffix(milliseconds);
}

/** Whether `name` is one of a window of this length, so that a folder of this name is a report. */
export function isWindowName(name: string, milliseconds: number): boolean {
  const [start, ...rest] = name.split("_");
  const pattern = milliseconds % DAY === 0 ? /^\d{4}-\d\d-\d\d$/ : /^\d{4}-\d\d-\d\dT\d\d-00Z$/;
  return pattern.test(start) && [start, ...rest].join("_") === start + windowSuffix(milliseconds);
}
