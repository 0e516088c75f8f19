/**
 * How the collector is doing: a line of a terminal that is renewed every second, or a log record now and then.
 *
 * @module
 */
import type { Clock } from "../../shared/clock.ts";
import type { LiveLine } from "../../shared/live_line.ts";
import { liveLine, logger } from "../../shared/log.ts";
import type { Parts } from "./parts.ts";
import { statusLine } from "./status_line.ts";

const INTERVAL_MILLISECONDS = 10_000;
const RENEW_MILLISECONDS = 1000;
/** Gossip comes in bursts; so many seconds of it make one rate. */
const RATE_SECONDS = 10;

const log = logger("collector");

/** Renews the terminal's line, or logs every ten seconds where there is none, until it is disposed of. */
export function reportProgress(parts: Parts, target: number, clock: Clock): AsyncDisposable {
  const stop = new AbortController();
  const line = liveLine();
  const running = line
    ? renew(line, parts, target, clock, stop.signal)
    : report(parts, target, clock, stop.signal);
  return {
    [Symbol.asyncDispose]() {
      stop.abort();
      return running;
    },
  };
}

async function renew(
  line: LiveLine,
  { manager, intake, spool, delivery }: Parts,
  target: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const { counters } = intake.recorder;
  const seen: { at: number; receipts: number }[] = [];
  while (!signal.aborted) {
    const { receipts, messages } = counters;
    const now = clock.now();
    seen.push({ at: now, receipts });
    if (seen.length > RATE_SECONDS + 1) seen.shift();
    const seconds = (now - seen[0].at) / 1e6;
    const { delivered, trouble } = delivery.status;
    const figures = {
      peers: manager.counts.connected,
      target,
      receipts,
      rate: seconds > 0 ? (receipts - seen[0].receipts) / seconds : 0,
      messages,
      waiting: spool.batches,
      spoolBytes: spool.bytes,
      delivered,
      trouble,
    };
    line.show(statusLine(figures, line.width));
    await clock.sleep(RENEW_MILLISECONDS, signal).catch(() => {});
  }
  line.clear();
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
        // Receipts whose message's text is past a quota.
        withheld: intake.quotas.withheld,
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
