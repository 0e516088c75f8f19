// The simulated network in a process of its own, seen from the parent.

import { errorText, UserError } from "../../shared/errors.ts";
import { type Process, startProgram } from "../support/servers/process.ts";
import { type Done, parseEvent, type Progress, type Ready, type SimnetEvent } from "./ipc.ts";

/** What to start. */
export interface SimnetChildOptions {
  /** How many nodes. */
  readonly peers: number;
  /** How long they send. */
  readonly seconds: number;
  /** Receipts a second to hold for as long; no ledger is kept then. In the shape of a whole run when absent. */
  readonly rate?: number;
  /** Equal seeds give equal traffic. */
  readonly seed: string | number;
  /** An existing folder, absolute, for the addresses and the ledger. */
  readonly dir: string;
}

/** A running simulated network; disposing ends it. */
export interface SimnetChild extends AsyncDisposable {
  /** What it said when it listened. */
  readonly ready: Ready;
  /** Its process, for its lines and signals. */
  readonly process: Process;
  /** Begins to send; once. */
  start(): Promise<void>;
  /** Its latest progress, null before the first. */
  progress(): Progress | null;
  /** What it said when all was written; null before. */
  finished(): Done | null;
  /** Waits until all is written. @throws {Error} with its last lines when it ends or fails before. */
  done(timeoutMilliseconds: number): Promise<Done>;
}

/**
 * Starts the process and waits until its nodes listen.
 *
 * @throws {UserError} with its last lines when it does not.
 */
export async function startSimnet(options: SimnetChildOptions): Promise<SimnetChild> {
  const { peers, seconds, rate, seed, dir } = options;
  const args = ["--peers", peers, "--seconds", seconds, "--seed", seed, "--out", dir].map(String);
  if (rate !== undefined) args.push("--rate", String(rate));
  const permissions = ["--allow-net=127.0.0.1", `--allow-read=${dir}`, `--allow-write=${dir}`];
  const process = startProgram("tests/simnet/main.ts", args, permissions, { stdin: "piped" });
  try {
    const ready = parseEvent(await process.waitForLine(/^\{"event":"ready"/)) as Ready;
    return {
      ready,
      process,
      start: () => process.writeLine('{"command":"start"}'),
      progress: () => latest(process, "progress") as Progress | null,
      finished: () => latest(process, "done") as Done | null,
      async done(timeoutMilliseconds) {
        const line = await process.waitForLine(/^\{"event":"done"/, { timeoutMilliseconds });
        return parseEvent(line) as Done;
      },
      [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
    };
  } catch (error) {
    await process.kill();
    throw new UserError(`The simulated network did not start. ${errorText(error)}`, {
      cause: error,
      exitCode: 1,
    });
  }
}

function latest(process: Process, event: SimnetEvent["event"]): SimnetEvent | null {
  const line = process.lines.findLast((line) => line.startsWith(`{"event":"${event}"`));
  return line === undefined ? null : parseEvent(line);
}
