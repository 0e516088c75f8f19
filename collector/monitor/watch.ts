/**
 * Watching a collector: health is looked at now and then, and served with the metrics where the config says so.
 *
 * @module
 */
import type { Clock } from "../../shared/clock.ts";
import { logger } from "../../shared/log.ts";
import { Health } from "./health.ts";
import { createMetrics, type RunFacts } from "./metrics.ts";
import type { Parts } from "./parts.ts";
import { type Listen, serveMonitor } from "./server.ts";

const LOOK_MILLISECONDS = 5000;

const log = logger("collector", "monitor");

/** Serves metrics and health until it is disposed of. @throws {UserError} when it cannot listen there. */
export function watch(parts: Parts, run: RunFacts, listen: Listen, clock: Clock): AsyncDisposable {
  const health = new Health(clock.now());
  const metrics = createMetrics(parts, run, () => health.problems.length);
  const server = serveMonitor(listen, { metrics, health, clock });
  log.info("Metrics are at {url}/metrics, health is at {url}/healthz", { url: server.url });
  const stop = new AbortController();
  const looking = look(health, parts, run, clock, stop.signal);
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all([server[Symbol.asyncDispose](), looking]);
    },
  };
}

async function look(
  health: Health,
  { manager, spool, journal, delivery }: Parts,
  { spoolMaxBytes }: RunFacts,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    health.look({
      peers: manager.counts.connected,
      spoolBytes: spool.bytes,
      spoolMaxBytes,
      dropped: spool.counters.dropped,
      spoolTrouble: spool.trouble,
      isJournalFailing: journal.isFailing,
      uplinkTrouble: delivery.status.trouble,
    }, clock.now());
    await clock.sleep(LOOK_MILLISECONDS, signal).catch(() => {});
  }
}
