/**
 * A line now and then that says how the collector is doing.
 *
 * @module
 */
import type { Clock } from "../shared/clock.ts";
import { logger } from "../shared/log.ts";
import type { Intake } from "./gossip/intake.ts";
import type { PeerManager } from "./peer/manager.ts";
import type { Spool } from "./spool/spool.ts";
import type { Delivery } from "./uplink/delivery.ts";

const INTERVAL_MILLISECONDS = 10_000;

/** The parts that have something to tell. */
export interface Parts {
  /** Peers. */
  readonly manager: PeerManager;
  /** Receipts and verdicts. */
  readonly intake: Intake;
  /** Batches that wait. */
  readonly spool: Spool;
  /** Batches that went. */
  readonly delivery: Delivery;
}

const log = logger("collector");

/** Logs a line every ten seconds until it is disposed of. */
export function reportProgress(parts: Parts, target: number, clock: Clock): AsyncDisposable {
  const stop = new AbortController();
  const running = report(parts, target, clock, stop.signal);
  return {
    [Symbol.asyncDispose]() {
      stop.abort();
      return running;
    },
  };
}

async function report(
  { manager, intake, spool, delivery }: Parts,
  target: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let before = 0;
  const next = () =>
    clock.sleep(INTERVAL_MILLISECONDS, signal).then(() => !signal.aborted, () => false);
  while (await next()) {
    const { receipts, messages } = intake.recorder.counters;
    const { connected, pending } = manager.counts;
    const { verdicts, queued } = intake.verifier.counts;
    const { invalid, malformed } = verdicts;
    log.info(
      "{connected} of {target} peers, {pending} pending; {receipts} receipts, {rate}/s, " +
        "{messages} distinct, {bad} bad, {queued} unchecked; {delivered} batches delivered, " +
        "{waiting} waiting ({bytes} bytes)",
      {
        connected,
        target,
        pending,
        receipts,
        rate: Math.round((receipts - before) / (INTERVAL_MILLISECONDS / 1000)),
        messages,
        bad: invalid + malformed,
        queued,
        delivered: delivery.status.delivered,
        waiting: spool.batches,
        bytes: spool.bytes,
      },
    );
    before = receipts;
  }
}
