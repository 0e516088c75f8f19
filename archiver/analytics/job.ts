/**
 * What the archiver and the worker that runs the queries tell each other.
 *
 * @module
 */
import type { Window } from "../../query_results/catalog/parameters.ts";
import type { KeptResult } from "./results.ts";

/** What a worker does. */
export interface Job {
  /** The copied window: a DuckDB file, which nothing else has open. */
  readonly copy: string;
  /** Where DuckDB may put what does not fit into memory. */
  readonly tempFolder: string;
  /** Where the results go. */
  readonly out: string;
  /** The set's name. */
  readonly set: string;
  /** What is looked at. */
  readonly window: Window;
  /** The report's title. */
  readonly title: string;
  /** Names of the queries; all when absent. */
  readonly only?: readonly string[];
  /** Parameters, as text. */
  readonly settings: Readonly<Record<string, string>>;
  /** Compare with the published run. */
  readonly reference: boolean;
  /** DuckDB's threads. */
  readonly threads: number;
  /** What DuckDB may take for its buffers, in bytes. */
  readonly memoryLimitBytes: number;
  /** What it may put on disk when that does not do, in bytes. */
  readonly maxTempBytes: number;
  /** How long a query may take. */
  readonly queryMilliseconds: number;
  /** How many rows of each result are told. */
  readonly rowsKept: number;
}

/** To the worker: first the job; then perhaps that it should stop. */
export type ToWorker = { readonly kind: "job"; readonly job: Job } | { readonly kind: "stop" };

/** From the worker: what it has done, and at last, when all its files are closed, how it ended. */
export type FromWorker =
  | { readonly kind: "result"; readonly result: KeptResult }
  | {
    readonly kind: "progress";
    readonly query: string;
    readonly index: number;
    readonly count: number;
    readonly milliseconds: number;
  }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly error: string };
