/**
 * A line now and then that says how the collector is doing.
 *
 * @module
 */
import type { Clock } from "../shared/clock.ts";
import { logger } from "../shared/log.ts";
import type { Parts } from "./monitor/parts.ts";

const INTERVAL_MILLISECONDS = 10_000;

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
  { manager, intake, spool, delivery, gossip }: Parts,
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
    const { counts: graph, counts: { channels } } = gossip.graph;
    const sent = gossip.ledger.entries();
    log.info(
      "{connected} of {target} peers, {pending} pending; {receipts} receipts, {rate}/s, " +
        "{messages} distinct, {bad} bad, {queued} unchecked; {channels} channels in the graph, " +
        "{sent} bytes of gossip sent; {delivered} batches delivered, {waiting} waiting ({bytes} bytes)",
      {
        channels,
        sent: sent.reduce((sum, { bytes }) => sum + bytes, 0),
        // Each byte of gossip that went out, by reason and type.
        ledger: sent,
        graph,
        sync: manager.syncCounts,
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
