// Waiting while children run: it ends at once when one of them does, or when the user wants out.

import { UserError } from "../../shared/errors.ts";
import type { Process } from "../support/servers/process.ts";

/** A child by the name that the user knows it by. */
export interface Child {
  /** E.g. `collector`. */
  readonly name: string;
  /** Its process. */
  readonly process: Process;
}

/** One wait. */
export interface Wait {
  /** What is waited for, as it completes "waiting for …". */
  readonly what: string;
  /** True when it is there. */
  readonly holds: () => boolean | Promise<boolean>;
  /** How long at most. */
  readonly limitSeconds: number;
  /** Who must go on running meanwhile. */
  readonly children: readonly Child[];
  /** Gives up. */
  readonly signal: AbortSignal;
}

const POLL_MILLISECONDS = 200;
const LAST_LINES = 15;
const COLOURS = new RegExp(String.fromCharCode(27) + "\\[[0-9;]*m", "g");

/**
 * Asks again and again until `holds` is true.
 *
 * @throws {UserError} with a child's last lines when it ends, or when the time passes; the signal's reason.
 */
export async function waitFor(wait: Wait): Promise<void> {
  const end = performance.now() + 1000 * wait.limitSeconds;
  for (;;) {
    wait.signal.throwIfAborted();
    for (const child of wait.children) {
      if (child.process.status) throw childFailure(child, "ended before its time");
    }
    if (await wait.holds()) return;
    if (performance.now() > end) {
      const lines = wait.children.map((child) => lastLines(child, 5)).join("\n");
      throw new UserError(
        `Gave up waiting for ${wait.what} after ${wait.limitSeconds} s\n${lines}`,
        { exitCode: 1 },
      );
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
  }
}

/** Ends a child in order. @throws {UserError} with its last lines when its exit code is not 0. */
export async function stopChild(child: Child): Promise<void> {
  const { code } = await child.process.terminate();
  if (code !== 0) throw childFailure(child, "did not stop in order");
}

/** A child's end as an error for the user. */
export function childFailure(child: Child, what: string): UserError {
  const { status } = child.process;
  const how = status?.signal ?? `exit code ${status?.code}`;
  return new UserError(`The ${child.name} ${what} (${how})\n${lastLines(child, LAST_LINES)}`, {
    exitCode: 1,
  });
}

function lastLines({ name, process }: Child, count: number): string {
  const lines = process.lines.slice(-count).map((line) => `  ${line.replaceAll(COLOURS, "")}`);
  return `The ${name}'s last lines:\n${lines.join("\n") || "  (none)"}`;
}
