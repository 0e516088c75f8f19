import type { Finding } from "./finding.ts";
import type { World } from "./world.ts";

/** False discovery rate of each detector's findings. */
export const MAX_Q = 0.002;

/** A detector: what DuckDB counts, and what is remarkable of it. */
export interface Detector {
  /** On the tables of `prepare.sql`; all columns are INTEGER without nulls. */
  readonly sql: string;
  readonly columns: number;
  detect(columns: readonly Int32Array[], world: World): Iterable<Finding>;
}
