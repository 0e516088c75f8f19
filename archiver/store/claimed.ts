// What an archive that shares a stream's collectors with others knows of a collector's way between them.

import type { Row } from "./database.ts";

/** Batches `first` to `last` of the run that began at `epoch`, µs since the Unix epoch. */
export type BatchRange = [epoch: number, first: number, last: number];

export interface Claimed {
  /** When the collector came to this archive, µs since the Unix epoch. */
  readonly since: number;
  /** What archives that let go of it have. */
  readonly elsewhere: readonly BatchRange[];
}

/** Whether one of the ranges holds all of `range`. */
export function covers(ranges: readonly BatchRange[], range: BatchRange): boolean {
  const [epoch, first, last] = range;
  return ranges.some(([at, from, to]) => at === epoch && from <= first && last <= to);
}

/** Of an archive, open or in a file. */
export interface Readable {
  read(sql: string, values?: string[]): Promise<Row[]>;
}

/** Collectors of which an archive has anything. */
export async function collectorsIn(archive: Readable): Promise<string[]> {
  return (await archive.read("SELECT name FROM collectors")).map(({ name }) => String(name));
}

/** What an archive has of a collector's last runs, the newest last. */
export async function archivedRanges(
  archive: Readable,
  collector: string,
): Promise<BatchRange[]> {
  const rows = await archive.read(ARCHIVED_RANGES, [collector]);
  return rows.map(({ epoch, first, last }) => [Number(epoch), Number(first), Number(last)]);
}

const ARCHIVED_RANGES = `WITH runs AS (
  SELECT epoch_id, epoch_us(started_at)::DOUBLE AS epoch, next_batch
  FROM epochs JOIN collectors USING (collector_id) WHERE name = $1 ORDER BY started_at DESC LIMIT 8
), absent AS (
  SELECT epoch, first_batch, last_batch FROM runs JOIN gaps USING (epoch_id)
  UNION ALL SELECT epoch, next_batch, NULL FROM runs
)
SELECT epoch, coalesce(lag(last_batch) OVER (PARTITION BY epoch ORDER BY first_batch) + 1, 0)::DOUBLE AS first,
  (first_batch - 1)::DOUBLE AS last
FROM absent QUALIFY first <= last ORDER BY epoch, first`;
