// Starts the worker that runs a set's queries, for one job and with as few permissions as possible, and always ends it.

import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Clock } from "../../shared/clock.ts";
import { UserError } from "../../shared/errors.ts";
import { pause } from "../../shared/waiting.ts";
import type { FromWorker, Job, ToWorker } from "./job.ts";

/** For a stopped worker to interrupt its query and close its files. */
const GRACE_MS = 30_000;

/** A worker reads its source as it starts. */
const SOURCES = ["../", "../../query_results/", "../../shared/"]
  .map((folder) => new URL(folder, import.meta.url));

/** Checks that this process may let a worker read its own source. @throws {UserError} when it may not. */
export async function checkRights(): Promise<void> {
  const states = await Promise.all(
    SOURCES.map((path) => Deno.permissions.query({ name: "read", path })),
  );
  if (states.every(({ state }) => state === "granted")) return;
  const folders = SOURCES.map((url) => fileURLToPath(url)).join(",");
  throw new UserError(
    "Cannot run analytics: the sandbox blocks reading the worker's source. --allow-read replaces the list of the " +
      `permission set archiver, so it should name ${folders}, too`,
  );
}

/** A stopped worker did not end: its DuckDB continues, and its memory stays taken. */
export class WorkerHung extends Error {
  override readonly name = "WorkerHung";
}

export interface WorkerOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onMessage: (message: FromWorker) => void;
  readonly script?: URL;
}

/**
 * Runs a job in its own worker.
 * @throws the signal's reason when that stopped it.
 * @throws {WorkerHung} when it could not be stopped.
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
    end.reject(new Error(`the worker crashed: ${event.message}`));
  };
  const stop = () => {
    worker.postMessage({ kind: "stop" } satisfies ToWorker);
    void pause(clock, GRACE_MS, ended.signal)
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

/** Permissions: its own source and the job's files; no network, no programs, no environment. */
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
