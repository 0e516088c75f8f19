// What all parts of the benchmark share.

import type { Bar, BenchmarkOptions } from "../figure.ts";
import type { PlannedFile } from "./ingest.ts";
import type { Means } from "./original_table.ts";

/** See the module. */
export interface WholeRun extends BenchmarkOptions {
  /** The folder for all files. */
  readonly dir: string;
  /** The run. */
  readonly source: PlannedFile;
  /** What comes in after it. */
  readonly live: PlannedFile;
  /** What DuckDB gets for queries. */
  readonly means: Means;
  /** The bar of a figure that grows with the run: at full size alone. */
  readonly atFullSize: (bar: Bar) => Bar | null;
}
