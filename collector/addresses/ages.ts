/**
 * How old the newest news of nodes is.
 *
 * @module
 */

const HOUR_SECONDS = 3600;
const DAY_SECONDS = 24 * HOUR_SECONDS;
const WEEK_SECONDS = 7 * DAY_SECONDS;
/** Four weeks, as in the figures published so far. */
const MONTH_SECONDS = 4 * WEEK_SECONDS;

/** The bins by name, each with the age up to which it goes, in seconds; a month is four weeks. */
export const AGE_BINS = [
  ["hour", HOUR_SECONDS],
  ["day", DAY_SECONDS],
  ["week", WEEK_SECONDS],
  ["2 weeks", 2 * WEEK_SECONDS],
  ["month", MONTH_SECONDS],
  ["3 months", 3 * MONTH_SECONDS],
  ["6 months", 6 * MONTH_SECONDS],
  ["12 months", 12 * MONTH_SECONDS],
  ["older", Infinity],
] as const;

/** The name of one of {@link AGE_BINS}. */
export type AgeBin = typeof AGE_BINS[number][0];

/** How many nodes are in each bin. */
export type Ages = Readonly<Record<AgeBin, number>>;

/**
 * Counts ages, each in the first bin that it fits; a time to come counts as now.
 *
 * @param timestamps @param now seconds since the Unix epoch.
 */
export function countAges(timestamps: Iterable<number>, now: number): Ages {
  const counts = Object.fromEntries(AGE_BINS.map(([name]) => [name, 0])) as Record<AgeBin, number>;
  for (const timestamp of timestamps) {
    const [name] = AGE_BINS.find(([, limit]) => now - timestamp <= limit)!;
    counts[name]++;
  }
  return counts;
}

/** The ages as a table: bin, nodes, share, and both summed up to there. Lines without line ends. */
export function ageLines(ages: Ages): string[] {
  const all = AGE_BINS.reduce((sum, [name]) => sum + ages[name], 0);
  const share = (count: number) => (all === 0 ? "-" : `${(100 * count / all).toFixed(1)} %`);
  let sum = 0;
  const rows = AGE_BINS.map(([name]) => {
    sum += ages[name];
    return [name, `${ages[name]}`, share(ages[name]), `${sum}`, share(sum)];
  });
  return [["within", "nodes", "share", "so far", "share"], ...rows].map(([name, ...columns]) =>
    name.padEnd(10) + columns.map((column) => column.padStart(9)).join("")
  );
}
