// Days, and where their files are: `TABLE/YYYY/MM/DD/TABLE_YYYY-MM-DD.parquet`; of further parts of a day
// `….1.parquet` and so on. Beside each is its manifest, `….json`.

import { join } from "node:path";

/** A day's length in µs; UTC has no others. */
export const DAY_MICROSECONDS = 86_400_000_000;

/** Behind the name of a file that is being written. */
export const PARTIAL = ".partial";

/** A day as `YYYY-MM-DD`, UTC. @param microseconds an instant of it, since the Unix epoch. */
export function dayOf(microseconds: number): string {
  return new Date(Math.floor(microseconds / 1000)).toISOString().slice(0, 10);
}

/** When a day begins, in µs since the Unix epoch; NaN when the text is no day. */
export function dayStart(day: string): number {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day)) return NaN;
  const start = Date.parse(`${day}T00:00:00Z`) * 1000;
  // 2025-02-30 is read as a day of March.
  return Number.isNaN(start) || dayOf(start) !== day ? NaN : start;
}

/** Which file it is. */
export interface FileName {
  readonly table: string;
  /** `YYYY-MM-DD`. */
  readonly day: string;
  /** From 0. */
  readonly part: number;
}

/** The path of a Parquet file. */
export function parquetPath(folder: string, { table, day, part }: FileName): string {
  const suffix = part === 0 ? "" : `.${part}`;
  return join(folder, table, ...day.split("-"), `${table}_${day}${suffix}.parquet`);
}

/** Whether a file lies where it belongs. One elsewhere may be that of the archive that this one is a copy of. */
export function isInFolder(folder: string, file: FileName & { readonly path: string }): boolean {
  return file.path === parquetPath(folder, file);
}

/** The path of the manifest of a Parquet file. */
export function manifestPath(parquet: string): string {
  return parquet.replace(/\.parquet$/, ".json");
}
