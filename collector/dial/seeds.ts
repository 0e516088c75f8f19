import type { Clock } from "../../shared/clock.ts";
import { logger } from "../../shared/log.ts";
import { pause, startDeadline } from "../../shared/waiting.ts";
import type { AddressBook } from "../addresses/address_book.ts";
import { askSeed } from "./dns_seed.ts";
import { DnsFault } from "./resolver.ts";
import type { DialPolicy } from "./connect.ts";

export interface SeekOptions {
  readonly book: AddressBook;
  readonly policy: DialPolicy;
  readonly seeds: readonly string[];
  /** With this many known nodes no seed is asked. */
  readonly enough: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onLearnt: () => void;
}

const SECOND = 1000;
const HOUR = 3600 * SECOND;
/** For one seed's answer and the addresses of its nodes. */
const ANSWER_MS = 60 * SECOND;
/** Doubles up to the longest. Seeds name other nodes each time. */
const FIRST_WAIT_MS = 60 * SECOND;
const LONGEST_WAIT_MS = 6 * HOUR;

const log = logger("collector", "peer");

/** Asks all seeds, round after round, until enough nodes are known or the signal aborts. Never throws. */
export async function seekNodes(options: SeekOptions): Promise<void> {
  const { book, seeds, enough, clock, signal } = options;
  let wait = FIRST_WAIT_MS;
  while (seeds.length > 0 && !signal.aborted && book.counts.nodes < enough) {
    for (const seed of seeds) {
      if (!await ask(seed, options)) return;
    }
    await pause(clock, wait, signal);
    wait = Math.min(2 * wait, LONGEST_WAIT_MS);
  }
}

/** False when no seed needs asking any more. */
async function ask(seed: string, options: SeekOptions): Promise<boolean> {
  const { book, policy: { kinds, resolver }, clock, signal } = options;
  const families = new Set((["ipv4", "ipv6"] as const).filter((family) => kinds.has(family)));
  if (families.size === 0) return false;
  await using deadline = startDeadline(clock, ANSWER_MS, signal);
  try {
    const { nodes, badRecords, unresolved } = await askSeed(
      { seed, families },
      resolver,
      deadline.signal,
    );
    for (const { nodeId, end } of nodes) book.learn(nodeId, end, "dns_seed", clock.now());
    // Of its nodes no address could be had: mostly the name server's doing.
    log[nodes.length === 0 && unresolved > 0 ? "warning" : "info"](
      "DNS seed {seed} named {count} addresses; {badRecords} bad records, {unresolved} unresolved",
      { seed, count: nodes.length, badRecords, unresolved },
    );
    options.onLearnt();
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    if (!deadline.passed && !(error instanceof DnsFault)) throw error;
    const why = error instanceof DnsFault ? error.message : "no answer in time";
    log.warning("DNS seed {seed}: {why}", { seed, why });
    return !(error instanceof DnsFault && error.code === "dns_not_permitted");
  }
}
