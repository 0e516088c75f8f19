import type { AddressBook } from "../addresses/address_book.ts";
import type { Pipeline } from "../pipeline.ts";
import type { GossipService } from "../gossip/service.ts";
import type { PeerManager } from "../peer/manager.ts";
import type { JournalFile } from "../receipt/journal_file.ts";
import type { SourceFigures, Sources } from "../sources/sources.ts";
import type { Spool } from "../spool/spool.ts";
import type { Delivery } from "../uplink/delivery.ts";
import type { Twins } from "../uplink/twins.ts";
import { Counter, Gauge, Registry } from "prom-client";
import { messageName } from "../../shared/bolt/message_types.ts";

export interface Parts {
  readonly manager: PeerManager;
  readonly book: AddressBook;
  readonly pipeline: Pipeline;
  readonly gossip: GossipService;
  readonly spool: Spool;
  readonly journal: JournalFile;
  readonly sources?: Sources;
  readonly delivery: Delivery;
  /** Null where no broker lets them be heard. */
  readonly twins: Twins | null;
}

const PREFIX = "gossip_collector_";

export interface RunFacts {
  readonly name: string;
  readonly network: string;
  readonly version: string;
  /** µs since the Unix epoch. */
  readonly epoch: number;
  readonly spoolMaxBytes: number;
}

export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
}

/** One value, or one per value of a label. */
type Value = number | Readonly<Record<string, number>>;

/** Metrics of a collector's parts. `problems` counts those of its health. */
export function createMetrics(parts: Parts, run: RunFacts, problems: () => number): Metrics {
  const registry = new Registry();
  define(registry, parts, run, problems);
  defineSent(registry, parts);
  new Gauge({
    name: `${PREFIX}info`,
    help: "1; the labels say which collector this is",
    labelNames: ["collector", "network", "version"],
    registers: [registry],
  }).set({ collector: run.name, network: run.network, version: run.version }, 1);
  return { contentType: registry.contentType, text: () => registry.metrics() };
}

function define(registry: Registry, parts: Parts, run: RunFacts, problems: () => number): void {
  const { manager, book, pipeline, gossip, spool, journal, delivery } = parts;
  const { recorder, verifier, quotas } = pipeline;
  const { counters } = recorder, { counters: spooled } = spool;
  const peers = () => manager.counts, graph = () => gossip.graph.counts;
  const delivered = () => delivery.status;
  const define =
    (Kind: typeof Counter | typeof Gauge) =>
    (name: string, help: string, value: () => Value, label?: string) =>
      new Kind({
        name: PREFIX + name,
        help,
        labelNames: label === undefined ? [] : [label],
        registers: [registry],
        collect() {
          const values = value();
          this.reset();
          if (typeof values === "number") this.inc(values);
          else for (const [key, each] of Object.entries(values)) this.inc({ [label!]: key }, each);
        },
      });
  const gauge = define(Gauge), count = define(Counter);

  gauge("start_time_seconds", "When this run began", () => run.epoch / 1e6);
  gauge("problems", "Problems that /healthz lists; 0 when all is well", problems);
  gauge("resident_memory_bytes", "Memory of the process", () => Deno.memoryUsage().rss);

  gauge("peers_target", "Peers to keep", () => manager.target);
  gauge("peers_connected", "Sessions that are open", () => peers().connected);
  gauge("peers_pending", "Dials and handshakes under way", () => peers().pending);
  count("dials_total", "Connections begun", () => peers().dials);
  count("dial_outcomes_total", "Finished dials", () => peers().outcomes, "outcome");
  count(
    "peer_ends_total",
    "Dials that failed and sessions that ended",
    () => peers().ended,
    "cause",
  );
  gauge("known_nodes", "Nodes in the address book", () => book.counts.nodes);
  gauge("known_addresses", "Their addresses", () => book.counts.addresses, "kind");
  count("addresses_refused_total", "Addresses not taken up", () => book.counts.refused, "reason");

  count("nodes_dropped_total", "Nodes dropped from a full book", () => book.counts.nodesDropped);
  count(
    "addresses_dropped_total",
    "Addresses of nodes that have too many",
    () => book.counts.addressesDropped,
  );

  count(
    "receipts_total",
    "Receipts stamped",
    () => receiptsByType(pipeline.receiptsByType),
    "type",
  );
  const figureOf = (what: keyof SourceFigures) => () => parts.sources?.figure(what) ?? {};
  count("source_receipts_total", "Receipts out of a log", figureOf("receipts"), "source");
  count(
    "source_unreadable_total",
    "Gossip in a log that cannot be read",
    figureOf("unreadable"),
    "source",
  );
  count(
    "source_unresolved_total",
    "Receipts that a log names and whose message never came",
    figureOf("unresolved"),
    "source",
  );
  count(
    "source_dropped_total",
    "Receipts of a log with too many peers",
    figureOf("dropped"),
    "source",
  );
  count("messages_total", "Distinct messages among them", () => counters.messages);
  count("repeats_total", "Receipts that repeat one of the same peer", () => counters.repeats);
  count(
    "untracked_receipts_total",
    "Receipts that may be repeats unnoticed: their message or peer is no longer remembered",
    () => recorder.untrackedReceipts,
  );
  count(
    "untracked_sessions_total",
    "Sessions of peers that are not remembered",
    () => counters.untrackedSessions,
  );
  count("warmup_receipts_total", "Warm-up receipts", () => counters.warmups);
  count(
    "withheld_messages_total",
    "Messages whose bytes are not stored, by reason",
    () => quotas.withheld,
    "reason",
  );
  count("folded_receipts_total", "Receipts of messages past all quotas", () => quotas.folded);
  count("verdicts_total", "Messages by signature check", () => verifier.counts.verdicts, "verdict");
  gauge("verify_queue", "Messages that wait for their check", () => verifier.counts.queued);
  gauge("orphans", "Updates that wait for their channel", () => verifier.counts.orphans);

  count(
    "control_messages_total",
    "Messages beside gossip",
    () => {
      const { misbehaved: _, ...kinds } = peers().control;
      return kinds;
    },
    "kind",
  );
  count(
    "misbehaved_total",
    "Sessions ended because of what the peer did",
    () => peers().control.misbehaved,
    "what",
  );
  count(
    "cut_after_answer_total",
    "Sessions that a peer ended right after an answer: it may have banned this collector",
    () => peers().cutAfterAnswer,
  );
  count(
    "questions_total",
    "Peers' questions about gossip",
    () => gossip.answerer.counts,
    "outcome",
  );
  gauge("graph_channels", "Channels in the graph", () => graph().channels);
  gauge("graph_updates", "Their updates", () => graph().updates);
  gauge("graph_nodes", "Nodes in the graph", () => graph().nodes);
  gauge("graph_bytes", "Bytes of its messages", () => graph().bytes);
  gauge("graph_held_updates", "Updates held until their channel is known", () => graph().held);
  count("graph_held_dropped_total", "Held updates dropped", () => graph().heldDropped);
  count("graph_adopted_total", "Held updates adopted", () => graph().adopted);
  count("graph_pruned_total", "Channels pruned by age", () => graph().pruned);
  count(
    "graph_messages_total",
    "Verified messages by what the graph made of them",
    () => graph().outcomes,
    "outcome",
  );
  count("sync_rounds_total", "Rounds of asking peers", () => manager.syncCounts.rounds);
  count("sync_ends_total", "Peers asked", () => ({ ...manager.syncCounts.ends }), "end");
  count("sync_channels_total", "Channels asked for", () => manager.syncCounts.wanted);
  count("sync_timeouts_total", "Queries that timed out", () => manager.syncCounts.timeouts);

  count("batches_total", "Batches closed", () => counters.batches);
  count("batch_bytes_total", "Bytes of closed batches", () => counters.batchBytes);
  count("resent_total", "Messages and sessions sent again", () => counters.resent);
  count(
    "unanswered_resends_total",
    "Messages that an archive asked for and that are forgotten",
    () => counters.unanswered,
  );
  gauge("spool_bytes", "Bytes of the spool's files", () => spool.bytes);
  gauge("spool_max_bytes", "Spool size limit in bytes", () => run.spoolMaxBytes);
  gauge("spool_batches", "Batches in it that are not delivered", () => spool.batches);
  count(
    "spool_recovered_batches_total",
    "Batches recovered from earlier runs at start-up",
    () => spooled.recovered,
  );
  count("spool_torn_bytes_total", "Torn bytes cut off at the start", () => spooled.tornBytes);
  count("spool_dropped_batches_total", "Batches given up", () => spooled.dropped);
  count("spool_damaged_batches_total", "Unreadable batches", () => spooled.damaged);
  count("spool_damaged_files_total", "Files damaged in the midst", () => spooled.damagedFiles);
  count("fsyncs_total", "Files brought to disk", () => spool.syncs.syncs);
  count("fsync_failures_total", "Failed fsyncs", () => spool.syncs.failures);
  count("journal_failures_total", "Writes of the journal that failed", () => journal.failures);

  count("delivered_batches_total", "Batches delivered", () => delivered().delivered);
  count(
    "duplicate_batches_total",
    "Batches that had been delivered before",
    () => delivered().duplicates,
  );
  count(
    "set_aside_batches_total",
    "Batches that the receiver cannot read",
    () => delivered().setAside,
  );
  count("delivery_failures_total", "Attempts that failed", () => delivered().failures);
  gauge(
    "uplink_trouble",
    "1 for what makes batches wait",
    () => delivery.status.trouble === null ? {} : { [delivery.status.trouble]: 1 },
    "reason",
  );

  count("clock_steps_total", "Jumps of the wall clock", () => counters.clockSteps);
  count(
    "stalled_seconds_total",
    "How long the process was held up: receipts of that time are stamped late",
    () => counters.stalledUs / 1e6,
  );
  const sample = () => recorder.clockSample;
  gauge(
    "clock_offset_seconds",
    "What to add to get the archiver's time; NaN before it was measured",
    () => (sample()?.offset ?? NaN) / 1e6,
  );
  gauge(
    "clock_uncertainty_seconds",
    "Uncertainty of the clock offset",
    () => (sample()?.uncertainty ?? NaN) / 1e6,
  );
}

/** All gossip sent, and why: a listener's only reasons are that it was asked, or that it asks. */
function defineSent(registry: Registry, { gossip: { ledger } }: Parts): void {
  const labelNames = ["reason", "type"] as const;
  for (const what of ["bytes", "messages"] as const) {
    new Counter({
      name: `${PREFIX}gossip_sent_${what}_total`,
      help: `Gossip sent, in ${what}, by the question that it answers or asks`,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        for (const { reason, type, ...sums } of ledger.entries()) {
          this.inc({ reason, type }, sums[what]);
        }
      },
    });
  }
}

function receiptsByType(counts: ReadonlyMap<number, number>): Record<string, number> {
  return Object.fromEntries([...counts].map(([type, count]) => [messageName(type), count]));
}
