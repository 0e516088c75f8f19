import type { AddressBook } from "../addresses/address_book.ts";
import type { Pipeline } from "../pipeline.ts";
import type { GossipService } from "../gossip/service.ts";
import type { PeerManager } from "../peer/manager.ts";
import type { JournalFile } from "../receipt/journal_file.ts";
import type { SourceFigures, Sources } from "../sources/sources.ts";
import type { Spool } from "../spool/spool.ts";
import type { Delivery } from "../uplink/delivery.ts";
import type { Twins } from "../uplink/twins.ts";
import { Counter } from "prom-client";
import { messageName } from "../../shared/bolt/message_types.ts";
import { Metrics } from "../../shared/metrics.ts";

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

export interface RunFacts {
  readonly name: string;
  readonly network: string;
  readonly version: string;
  /** µs since the Unix epoch. */
  readonly epoch: number;
  readonly spoolMaxBytes: number;
}

/** Metrics of a collector's parts. `problems` counts those of its health. */
export function createMetrics(parts: Parts, run: RunFacts, problems: () => number): Metrics {
  const metrics = new Metrics("gossip_collector_");
  define(metrics, parts, run, problems);
  defineSent(metrics, parts);
  const info = "1; the labels say which collector this is";
  metrics.gauge("info", info, "collector", "network", "version")
    .set({ collector: run.name, network: run.network, version: run.version }, 1);
  return metrics;
}

function define(metrics: Metrics, parts: Parts, run: RunFacts, problems: () => number): void {
  const { manager, book, pipeline, gossip, spool, journal, delivery } = parts;
  const { recorder, verifier, quotas } = pipeline;
  const { counters } = recorder, { counters: spooled } = spool;
  const peers = () => manager.counts, graph = () => gossip.graph.counts;
  const delivered = () => delivery.status;
  const figureOf = (what: keyof SourceFigures) => () => parts.sources?.figure(what) ?? {};
  const sample = () => recorder.clockSample;
  metrics.gauges({
    start_time_seconds: ["When this run began", () => run.epoch / 1e6],
    problems: ["Problems that /healthz lists; 0 when all is well", problems],
    resident_memory_bytes: ["Memory of the process", () => Deno.memoryUsage().rss],

    peers_target: ["Peers to keep", () => manager.target],
    peers_connected: ["Sessions that are open", () => peers().connected],
    peers_pending: ["Dials and handshakes under way", () => peers().pending],
    known_nodes: ["Nodes in the address book", () => book.counts.nodes],
    known_addresses: ["Their addresses", () => book.counts.addresses, "kind"],

    verify_queue: ["Messages that wait for their check", () => verifier.counts.queued],
    orphans: ["Updates that wait for their channel", () => verifier.counts.orphans],

    graph_channels: ["Channels in the graph", () => graph().channels],
    graph_updates: ["Their updates", () => graph().updates],
    graph_nodes: ["Nodes in the graph", () => graph().nodes],
    graph_bytes: ["Bytes of its messages", () => graph().bytes],
    graph_held_updates: ["Updates held until their channel is known", () => graph().held],

    spool_bytes: ["Bytes of the spool's files", () => spool.bytes],
    spool_max_bytes: ["Spool size limit in bytes", () => run.spoolMaxBytes],
    spool_batches: ["Batches in it that are not delivered", () => spool.batches],

    uplink_trouble: [
      "1 for what makes batches wait",
      () => delivery.status.trouble === null ? {} : { [delivery.status.trouble]: 1 },
      "reason",
    ],

    clock_offset_seconds: [
      "What to add to get the archiver's time; NaN before it was measured",
      () => (sample()?.offset ?? NaN) / 1e6,
    ],
    clock_uncertainty_seconds: [
      "Uncertainty of the clock offset",
      () => (sample()?.uncertainty ?? NaN) / 1e6,
    ],
  });
  metrics.counters({
    dials: ["Connections begun", () => peers().dials],
    dial_outcomes: ["Finished dials", () => peers().outcomes, "outcome"],
    peer_ends: ["Dials that failed and sessions that ended", () => peers().ended, "cause"],
    addresses_refused: ["Addresses not taken up", () => book.counts.refused, "reason"],

    nodes_dropped: ["Nodes dropped from a full book", () => book.counts.nodesDropped],
    addresses_dropped: [
      "Addresses of nodes that have too many",
      () => book.counts.addressesDropped,
    ],

    receipts: ["Receipts stamped", () => receiptsByType(pipeline.receiptsByType), "type"],

    source_receipts: ["Receipts out of a log", figureOf("receipts"), "source"],
    source_unreadable: ["Gossip in a log that cannot be read", figureOf("unreadable"), "source"],
    source_unresolved: [
      "Receipts that a log names and whose message never came",
      figureOf("unresolved"),
      "source",
    ],
    source_dropped: ["Receipts of a log with too many peers", figureOf("dropped"), "source"],
    messages: ["Distinct messages among them", () => counters.messages],
    repeats: ["Receipts that repeat one of the same peer", () => counters.repeats],
    untracked_receipts: [
      "Receipts that may be repeats unnoticed: their message or peer is no longer remembered",
      () => recorder.untrackedReceipts,
    ],
    untracked_sessions: [
      "Sessions of peers that are not remembered",
      () => counters.untrackedSessions,
    ],
    warmup_receipts: ["Warm-up receipts", () => counters.warmups],
    withheld_messages: [
      "Messages whose bytes are not stored, by reason",
      () => quotas.withheld,
      "reason",
    ],
    folded_receipts: ["Receipts of messages past all quotas", () => quotas.folded],
    verdicts: ["Messages by signature check", () => verifier.counts.verdicts, "verdict"],

    control_messages: ["Messages beside gossip", () => {
      const { misbehaved: _, ...kinds } = peers().control;
      return kinds;
    }, "kind"],
    misbehaved: [
      "Sessions ended because of what the peer did",
      () => peers().control.misbehaved,
      "what",
    ],
    cut_after_answer: [
      "Sessions that a peer ended right after an answer: it may have banned this collector",
      () => peers().cutAfterAnswer,
    ],
    questions: ["Peers' questions about gossip", () => gossip.answerer.counts, "outcome"],
    graph_held_dropped: ["Held updates dropped", () => graph().heldDropped],
    graph_adopted: ["Held updates adopted", () => graph().adopted],
    graph_pruned: ["Channels pruned by age", () => graph().pruned],
    graph_messages: [
      "Verified messages by what the graph made of them",
      () => graph().outcomes,
      "outcome",
    ],
    sync_rounds: ["Rounds of asking peers", () => manager.syncCounts.rounds],
    sync_ends: ["Peers asked", () => ({ ...manager.syncCounts.ends }), "end"],
    sync_channels: ["Channels asked for", () => manager.syncCounts.wanted],
    sync_timeouts: ["Queries that timed out", () => manager.syncCounts.timeouts],

    batches: ["Batches closed", () => counters.batches],
    batch_bytes: ["Bytes of closed batches", () => counters.batchBytes],
    resent: ["Messages and sessions sent again", () => counters.resent],
    unanswered_resends: [
      "Messages that an archive asked for and that are forgotten",
      () => counters.unanswered,
    ],
    spool_recovered_batches: [
      "Batches recovered from earlier runs at start-up",
      () => spooled.recovered,
    ],
    spool_torn_bytes: ["Torn bytes cut off at the start", () => spooled.tornBytes],
    spool_dropped_batches: ["Batches given up", () => spooled.dropped],
    spool_damaged_batches: ["Unreadable batches", () => spooled.damaged],
    spool_damaged_files: ["Files damaged in the midst", () => spooled.damagedFiles],
    fsyncs: ["Files brought to disk", () => spool.syncs.syncs],
    fsync_failures: ["Failed fsyncs", () => spool.syncs.failures],
    journal_failures: ["Writes of the journal that failed", () => journal.failures],

    delivered_batches: ["Batches delivered", () => delivered().delivered],
    duplicate_batches: ["Batches that had been delivered before", () => delivered().duplicates],
    set_aside_batches: ["Batches that the receiver cannot read", () => delivered().setAside],
    delivery_failures: ["Attempts that failed", () => delivered().failures],

    clock_steps: ["Jumps of the wall clock", () => counters.clockSteps],
    stalled_seconds: [
      "How long the process was held up: receipts of that time are stamped late",
      () => counters.stalledUs / 1e6,
    ],
  });
}

/** All gossip sent, and why: a listener's only reasons are that it was asked, or that it asks. */
function defineSent(metrics: Metrics, { gossip: { ledger } }: Parts): void {
  const labelNames = ["reason", "type"] as const;
  for (const what of ["bytes", "messages"] as const) {
    new Counter({
      name: `${metrics.prefix}gossip_sent_${what}_total`,
      help: `Gossip sent, in ${what}, by the question that it answers or asks`,
      labelNames,
      registers: [metrics.registry],
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
