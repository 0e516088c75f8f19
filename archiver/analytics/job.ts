// Messages between the archiver and the worker that runs the queries.

import type { Window } from "../../query_results/catalog/parameters.ts";
import type { KeptResult } from "./results.ts";

export interface Job {
  readonly copy: string;
  readonly tempFolder: string;
  readonly out: string;
  readonly set: string;
  readonly window: Window;
  readonly title: string;
  readonly only?: readonly string[];
  readonly settings: Readonly<Record<string, string>>;
  readonly reference: boolean;
  readonly threads: number;
  /** What DuckDB may take for its buffers, in bytes. */
  readonly memoryLimitBytes: number;
  /** What it may spill to disk, in bytes. */
  readonly maxTempBytes: number;
  readonly queryTimeoutMs: number;
  readonly rowsKept: number;
}

/** To the worker: first the job, later perhaps a stop. */
export type ToWorker = { readonly kind: "job"; readonly job: Job } | { readonly kind: "stop" };

/** From the worker: results and progress, and at last, when all its files are closed, how it ended. */
export type FromWorker =
  | { readonly kind: "result"; readonly result: KeptResult }
  | {
    readonly kind: "progress";
    readonly query: string;
    readonly index: number;
    readonly count: number;
    readonly durationMs: number;
  }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly error: string };
