// The worker that runs a set's queries, as the archiver sees it: started for one job, with as few rights as will do, and
// ended in any case.

import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Clock } from "../../shared/clock.ts";
import { UserError } from "../../shared/errors.ts";
import { pause } from "../../shared/waiting.ts";
import type { FromWorker, Job, ToWorker } from "./job.ts";

/** What a worker that was told to stop gets to interrupt its query and close its files. */
const GRACE_MILLISECONDS = 30_000;

/** Where its source is: a worker reads it as it begins. */
const SOURCES = ["../", "../../query_results/", "../../shared/"]
  .map((folder) => new URL(folder, import.meta.url));

/**
 * Sees to it that this process may give a worker the right to read its own source.
 *
 * @throws {UserError} when it may not.
 */
export async function checkRights(): Promise<void> {
  const states = await Promise.all(
    SOURCES.map((path) => Deno.permissions.query({ name: "read", path })),
  );
  if (states.every(({ state }) => state === "granted")) return;
  const folders = SOURCES.map((url) => fileURLToPath(url)).join(",");
  throw new UserError(
    "Cannot run analytics: their worker reads its own source, which this process may not. The permission set archiver " +
      `of deno.json allows it; --allow-read takes the place of its list, and should then name ${folders} too`,
  );
}

/** A worker did not end when it was told to. Whatever its DuckDB does goes on, and its memory stays taken. */
export class WorkerHung extends Error {
  override readonly name = "WorkerHung";
}

/** How a job is run. */
export interface WorkerOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onMessage: (message: FromWorker) => void;
  readonly script?: URL;
}

/**
 * Runs a job in a worker of its own.
 *
 * @throws the signal's reason when that stopped it.
 * @throws {WorkerHung} when it did not let itself be stopped.
 * @throws {Error} why the job failed.
 */
export async function runJob(job: Job, options: WorkerOptions): Promise<void> {
  const { clock, signal, onMessage } = options;
  signal.throwIfAborted();
  const worker = startWorker(job, options.script ?? new URL("./worker.ts", import.meta.url));
  const ended = new AbortController();
  const end = Promise.withResolvers<void>();
  worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
    if (data.kind === "done") end.resolve();
    else if (data.kind === "failed") end.reject(new Error(data.error));
    else onMessage(data);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    end.reject(new Error(`the worker broke down: ${event.message}`));
  };
  const stop = () => {
    worker.postMessage({ kind: "stop" } satisfies ToWorker);
    void pause(clock, GRACE_MILLISECONDS, ended.signal)
      .then((passed) => passed && end.reject(new WorkerHung("the worker did not stop")));
  };
  signal.addEventListener("abort", stop);
  worker.postMessage({ kind: "job", job } satisfies ToWorker);
  try {
    await end.promise;
  } catch (error) {
    if (!(error instanceof WorkerHung)) signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    ended.abort();
    worker.terminate();
  }
}

/** Its rights: its own source and the job's files; no network, no programs, no environment. */
function startWorker(job: Job, script: URL): Worker {
  const files = [dirname(job.copy), job.out];
  return new Worker(script, {
    type: "module",
    name: "analytics",
    deno: {
      permissions: {
        read: [...SOURCES, new URL(".", script), ...files],
        write: files,
        ffi: "inherit",
        net: false,
        run: false,
        env: false,
        sys: false,
        import: false,
      },
    },
  });
}
