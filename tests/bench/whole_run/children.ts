// The processes of a whole run: started with one argument of JSON, ended with one line of JSON, their memory watched.

import type { Process } from "../../support/servers/process.ts";
import { startProgram } from "../../support/servers/process.ts";
import { peakRss } from "../process_cost.ts";

/** What runs here needs files, DuckDB and loopback. */
const PERMISSIONS = [
  "--no-check",
  "--allow-read",
  "--allow-write",
  "--allow-ffi",
  "--allow-net=127.0.0.1",
  "--ignore-env",
];
/** No phase of a full run takes longer on any machine that is worth measuring. */
export const LONGEST_MILLISECONDS = 2 * 3_600_000;
const WATCH_MILLISECONDS = 500;

/** A process of this folder that is under way; disposing kills it. */
export interface Child<T> extends AsyncDisposable {
  /** It. */
  readonly process: Process;
  /** What it says at its end. @throws {Error} with its last lines when it fails. */
  result(): Promise<T>;
}

/** Starts `name` of this folder with `options`. */
export function startChild<T>(name: string, options: unknown): Child<T> {
  const script = new URL(name, import.meta.url).pathname;
  const process = startProgram(script, [JSON.stringify(options)], PERMISSIONS);
  return {
    process,
    async result() {
      const { success } = await process.wait(LONGEST_MILLISECONDS);
      const last = process.lines.findLast((line) => line.startsWith("{"));
      if (success && last !== undefined) return JSON.parse(last);
      throw new Error(`${name} failed:\n${process.lines.slice(-20).join("\n")}`);
    },
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

/** {@link startChild}, then its result. */
export async function runChild<T>(name: string, options: unknown): Promise<T> {
  await using child = startChild<T>(name, options);
  return await child.result();
}

/** Watches how much memory a process has resident. */
export class RssWatch {
  #most = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  /** Looks twice a second until the process ends, or {@link stop}. */
  constructor(private readonly process: Process) {
    this.#timer = setInterval(() => this.look(), WATCH_MILLISECONDS);
  }

  /** Looks now. @returns the most so far, bytes. */
  async look(): Promise<number> {
    if (this.process.status === null) {
      // It may have ended a moment ago.
      const most = await peakRss(this.process.pid).catch(() => 0);
      this.#most = Math.max(this.#most, most);
    }
    return this.#most;
  }

  /** Looks a last time. @returns as {@link look} does. */
  async stop(): Promise<number> {
    clearInterval(this.#timer);
    return await this.look();
  }
}
