// How the collector is doing: a line on a terminal, renewed every second, or a log record every ten seconds.

import type { DeliveryStatus } from "../uplink/delivery.ts";
import type { Clock } from "../../shared/clock.ts";
import type { LiveLine } from "../../shared/terminal.ts";
import { liveLine, logger } from "../../shared/log.ts";
import { grouped } from "../../shared/text.ts";
import { pause } from "../../shared/waiting.ts";
import type { Parts } from "./metrics.ts";

export interface Figures {
  readonly peers: number;
  readonly target: number;
  readonly receipts: number;
  /** Receipts/s, of late. */
  readonly rate: number;
  readonly messages: number;
  readonly waiting: number;
  readonly spoolBytes: number;
  readonly delivered: number;
  readonly trouble: DeliveryStatus["trouble"];
}

const SEPARATOR = " | ";
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** As much as fits into `width` characters; the least important parts go first. */
export function statusLine(figures: Figures, width: number): string {
  const { peers, target, receipts, rate, messages, waiting, spoolBytes, delivered } = figures;
  const parts: readonly (readonly [importance: number, text: string])[] = [
    [1, `${grouped(peers)}/${grouped(target)} peers`],
    [4, `${grouped(receipts)} receipts`],
    [2, `${grouped(rate)}/s`],
    [7, `${grouped(messages)} messages`],
    [5, `${grouped(waiting)} in spool (${sized(spoolBytes)})`],
    [6, `${grouped(delivered)} delivered`],
    [3, uplinkText(figures)],
  ];
  for (let least = parts.length; least > 0; least--) {
    const line = parts.filter(([importance]) => importance <= least).map(([, text]) => text)
      .join(SEPARATOR);
    if (line.length <= width) return line;
  }
  return "";
}

function uplinkText({ trouble, delivered }: Figures): string {
  if (trouble !== null) return `uplink: ${trouble}`;
  return delivered === 0 ? "nothing delivered yet" : "uplink ok";
}

/** `1.4 MiB`. */
function sized(bytes: number): string {
  let value = bytes, unit = 0;
  for (; value >= 1024 && unit < UNITS.length - 1; unit++) value /= 1024;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

const INTERVAL_MS = 10_000;
const RENEW_MS = 1000;
/** Gossip comes in bursts. */
const RATE_SECONDS = 10;

const log = logger("collector");

/** Renews the terminal's line, or logs where there is none, until disposed. */
export function reportProgress(parts: Parts, clock: Clock): AsyncDisposable {
  const stop = new AbortController();
  const line = liveLine();
  const running = line ? renew(line, parts, clock, stop.signal) : report(parts, clock, stop.signal);
  return {
    [Symbol.asyncDispose]() {
      stop.abort();
      return running;
    },
  };
}

async function renew(
  line: LiveLine,
  { manager, pipeline, spool, delivery }: Parts,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const { counters } = pipeline.recorder;
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
      target: manager.target,
      receipts,
      rate: seconds > 0 ? (receipts - seen[0].receipts) / seconds : 0,
      messages,
      waiting: spool.batches,
      spoolBytes: spool.bytes,
      delivered,
      trouble,
    };
    line.show(statusLine(figures, line.width));
    await pause(clock, RENEW_MS, signal);
  }
  line.clear();
}

async function report(
  { manager, pipeline, spool, delivery, gossip }: Parts,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let before = 0;
  while (await pause(clock, INTERVAL_MS, signal)) {
    const { receipts, messages } = pipeline.recorder.counters;
    const { connected, pending } = manager.counts;
    const { verdicts, queued } = pipeline.verifier.counts;
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
        withheld: pipeline.quotas.withheld,
        sync: manager.syncCounts,
        connected,
        target: manager.target,
        pending,
        receipts,
        rate: Math.round((receipts - before) / (INTERVAL_MS / 1000)),
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
