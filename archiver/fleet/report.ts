// What becomes of wishes, as the running archiver hears it; and files that the commands read.

import { systemClock } from "../../shared/clock.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import type { Steering } from "../../shared/nats/message.ts";
import { expectPermitted, readNeeds } from "../../shared/sandbox.ts";
import { printable } from "../../shared/text.ts";
import { pause } from "../../shared/waiting.ts";
import { askArchiver, askStatus } from "../commands/ask.ts";
import type { ArchiverConfig } from "../config.ts";
import { readPeerList } from "./peer_list.ts";

const HEALTH_MS = 30_000;
/** How long collectors are waited for. */
const REPORT_MS = 10_000;
const REPORT_EVERY_MS = 250;

/** Waits for the collectors' reports. @param put the revisions that they should run, null: none. @returns the exit code. */
export async function reportWishes(
  config: ArchiverConfig,
  put: ReadonlyMap<string, number | null>,
): Promise<number> {
  const waiting = new Map(put);
  const began = performance.now();
  const { signal } = new AbortController();
  let refused = 0;
  while (waiting.size > 0 && performance.now() - began < REPORT_MS) {
    const status = await askStatus(config, "fleet").catch((error) => {
      console.log(`The wishes are put. What becomes of them is not known: ${errorText(error)}`);
      return null;
    });
    if (status === null) return 0;
    const heard = [...status.collectors, ...status.new_collectors];
    for (const [name, revision] of waiting) {
      const collector = heard.find((one) => one.name === name);
      const { steering } = collector?.heartbeat ?? {};
      const isThere = collector !== undefined && !collector.late && collector.heartbeat !== null;
      const answer = isThere
        ? steering && answerTo(revision, steering)
        : awayText(revision, collector !== undefined);
      if (!answer) continue;
      if (isThere && steering?.refused) refused++;
      console.log(`${name} ${answer}`);
      waiting.delete(name);
    }
    if (waiting.size > 0) await pause(systemClock, REPORT_EVERY_MS, signal);
  }
  for (const name of waiting.keys()) console.log(`${name} has not answered yet`);
  return refused > 0 ? 1 : 0;
}

function answerTo(revision: number | null, steering: Steering): string | null {
  if (steering.refused && steering.refused.revision === revision) {
    return `refuses wish ${revision}: ${printable(steering.refused.reason, 400)}`;
  }
  if (steering.revision !== revision) return null;
  if (revision === null) return "runs its own config";
  return `follows wish ${revision}${steering.paused ? " and is paused" : ""}`;
}

function awayText(revision: number | null, isKnown: boolean): string {
  const which = isKnown ? "is not heard" : "was never heard here: check its name";
  return revision === null
    ? `has no wish now; it ${which}`
    : `${which}; it follows wish ${revision} when it connects`;
}

/** What the running archiver finds wrong, one line each. @throws {UserError} when no archiver answers. */
export async function askHealth(config: ArchiverConfig): Promise<string[]> {
  const { body } = await askArchiver(config, "GET", "/healthz", HEALTH_MS, "fleet");
  const { problems = [] } = body as { problems?: unknown[] };
  return problems.map(String);
}

/** Addresses by node. @throws {UserError} when it cannot be read, or a line is no peer. */
export async function readPeers(path: string): Promise<Map<string, string[]>> {
  return readPeerList(await readFileOf("--peers", path), `--peers ${path}`);
}

/** Reads the file that a flag names. @throws {UserError} when it cannot be read. */
export async function readFileOf(flag: string, path: string): Promise<string> {
  expectPermitted(readNeeds({ [flag]: path }), "fleet");
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new UserError(`Cannot read ${flag} ${path}: ${errorText(error)}`, { cause: error });
  }
}
