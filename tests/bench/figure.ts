// What `deno task bench` prints: one figure a line, held against its bar.

/** What a figure should be. */
export interface Bar {
  /** Whether the figure should stay at or below the limit, or at or above it. */
  readonly sense: "<=" | ">=";
  /** The limit, in the figure's unit. */
  readonly limit: number;
}

/** One measured figure, as printed. */
export interface Figure {
  /** What was measured. */
  readonly figure: string;
  /** The median of the runs, or the one value of a figure that is measured once. */
  readonly value: number;
  /** Its unit, e.g. `receipts/s`. */
  readonly unit: string;
  /** The bar, e.g. `<= 3`; null when the figure is held against none. */
  readonly bar: string | null;
  /** Whether the value holds it; true without one. */
  readonly holds: boolean;
  /** Every run's value where there were several: the spread. */
  readonly runs?: readonly number[];
}

/** A measurement: what it is called on the command line, and how it is taken. */
export interface Benchmark {
  /** The name for `--only`. */
  readonly name: string;
  /** One line for `--list`. */
  readonly what: string;
  /** Takes it; a long one gives its figures one by one. */
  run(options: BenchmarkOptions): Promise<readonly Figure[]> | AsyncIterable<Figure>;
}

/** How a benchmark is to be taken. */
export interface BenchmarkOptions {
  /** How many runs a median is made of. */
  readonly repeat: number;
  /** At full size and length; otherwise at a size that takes minutes. */
  readonly full: boolean;
  /** Writes a line for the reader. */
  readonly progress: (line: string) => void;
}

/** The figure of one or more runs: their median against the bar, if there is one. */
export function figure(
  name: string,
  runs: readonly number[],
  unit: string,
  bar: Bar | null = null,
): Figure {
  const value = median(runs);
  return {
    figure: name,
    value: rounded(value),
    unit,
    bar: bar && `${bar.sense} ${bar.limit}`,
    holds: bar === null || (bar.sense === "<=" ? value <= bar.limit : value >= bar.limit),
    ...(runs.length > 1 ? { runs: runs.map(rounded) } : {}),
  };
}

/** The middle value; the mean of the two in the middle of an even number of them. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Four significant digits: more would be noise. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
