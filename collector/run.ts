// The collector, put together from its parts.

import { join } from "node:path";
import { chainHash } from "../shared/bolt/chains.ts";
import { type Clock, systemClock } from "../shared/clock.ts";
import { logger } from "../shared/log.ts";
import { readNatsAccess } from "../shared/nats/access.ts";
import { MAX_PROBLEM, MAX_PROBLEMS } from "../shared/nats/message.ts";
import { type Random, systemRandom } from "../shared/random.ts";
import { printable } from "../shared/text.ts";
import { atMost, pause } from "../shared/waiting.ts";
import { askOverHttp, askOverNats, sampleOffsets } from "./clock/samples.ts";
import { watchStalls } from "./clock/stalls.ts";
import { watchSteps } from "./clock/steps.ts";
import type { CollectorConfig } from "./config.ts";
import { holdDataDir } from "./spool/data_dir.ts";
import type { VerifierOptions } from "./gossip/verifier.ts";
import { GossipService, graphPath } from "./gossip/service.ts";
import { Pipeline } from "./pipeline.ts";
import { keyPath, loadIdentity } from "./peer/identity.ts";
import { managerOptionsOf, openPeerChoice } from "./peer/peer_choice.ts";
import { watchHealth } from "./monitor/health.ts";
import { serve } from "./monitor/server.ts";
import { PeerManager } from "./peer/manager.ts";
import { reportProgress } from "./monitor/progress.ts";
import { Journal, type Place } from "./receipt/journal.ts";
import { JournalFile, recoverOpenBatch } from "./receipt/journal_file.ts";
import { PlacesFile } from "./sources/places.ts";
import { startSources } from "./sources/sources.ts";
import { Spool } from "./spool/spool.ts";
import { Delivery } from "./uplink/delivery.ts";
import { sendHeartbeats } from "./uplink/heartbeats.ts";
import { followWishes } from "./steering/follow.ts";
import { Steering } from "./steering/steering.ts";
import { JetStreamUplink } from "./uplink/jetstream.ts";
import { LocalUplink } from "./uplink/local.ts";
import { type Twins, watchForTwins } from "./uplink/twins.ts";
import type { Uplink } from "./uplink/uplink.ts";
import { Meter } from "./meter.ts";
import { VERSION } from "./program.ts";

export interface RunOptions {
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  /** The wall clock, µs since the Unix epoch: the machine's by default. */
  readonly wall?: () => number;
  readonly random?: Random;
}

export interface RunSummary {
  readonly receipts: number;
  /** Batches that this run delivered, those of earlier runs included. */
  readonly delivered: number;
  /** Batches that stay in the spool for the next run. */
  readonly left: number;
}

/** Time for the signature checks that wait at the end. */
const VERIFY_MS = 5000;
/** Within what timers can do. */
const LONGEST_SLEEP_MS = 3_600_000;
/** Of a machine that is too slow; the archive has them all. */
const STALL_WARNINGS_PER_HOUR = 10;
const HOUR_US = 3_600_000_000;

const log = logger("collector");

/**
 * Collects until the configured time is over or the signal aborts, then delivers what is left.
 * @throws {UserError} when the data folder, the key, the peer file or the address book cannot be used.
 */
export async function run(config: CollectorConfig, options: RunOptions): Promise<RunSummary> {
  const { signal, clock = systemClock, random = systemRandom } = options;
  const { wall = () => Date.now() * 1000 } = options;
  // Disposed from the last to the first.
  await using stack = new AsyncDisposableStack();
  stack.use(await holdDataDir(config.data_dir));
  const identity = await loadIdentity(keyPath(config.data_dir));
  const choice = stack.use(await openPeerChoice(config, identity.nodeId, { clock, random }));

  const chain = chainHash(config.network);
  const { answers } = config.gossip;
  const gossip = stack.use(
    await GossipService.open(chain, clock, graphPath(config.data_dir), {
      policy: { past: answers.past, disabledChannels: answers.disabled_channels },
      limits: {
        peer: { burstBytes: answers.peer_burst, bytesPerSecond: answers.peer_rate },
        total: { burstBytes: answers.total_burst, bytesPerSecond: answers.total_rate },
        answerChannels: answers.max_channels,
      },
    }),
  );
  const spool = stack.use(
    await Spool.open(join(config.data_dir, "spool"), {
      maxBytes: config.spool.max_bytes,
      segmentBytes: config.spool.segment_bytes,
      fsync: config.spool.fsync,
      onDropped: (dropped) => pipeline.recorder.batchesDropped(dropped),
    }),
  );
  const journalPath = join(config.data_dir, "spool", "open_batch.journal");
  const journaled = new Map<number, Place>();
  recoverOpenBatch(journalPath, spool, journaled);
  // Before the journal is opened anew, which empties it.
  const places = new PlacesFile(join(config.data_dir, "places.json"), journaled, clock.now());
  const journalFile = stack.use(new JournalFile(journalPath));
  const journal = new Journal(journalFile);
  const epoch = clock.now();
  const onValid: NonNullable<VerifierOptions["onValid"]> = (raw, signer, sourcePeer) => {
    const outcome = gossip.accept(raw, signer, sourcePeer);
    // A liar can sign an announcement, and channels to go with it; it is dialled like any other node.
    if (outcome === "added" || outcome === "replaced") choice.learn(raw);
  };
  const pipeline: Pipeline = stack.use(
    new Pipeline({
      collector: config.name,
      epoch,
      version: VERSION,
      targetPeers: config.peers.target,
      maxReceipts: config.batch.max_receipts,
      maxBytes: config.batch.max_bytes,
      maxAgeMs: config.batch.max_age,
      warmupMs: config.gossip.warmup,
    }, {
      clock,
      random,
      chain,
      sink(bytes, id) {
        spool.append(bytes, id);
        places.save(pipeline.recorder.places, clock.now());
      },
      journal,
      nodesOf: (scid) => gossip.graph.view.nodesOf(scid),
      onValid,
      onBad: (bad) => manager.blame(bad),
    }),
  );
  const uplink = stack.use(await openUplink(config, pipeline));
  const delivery = stack.use(new Delivery({ spool, uplink, clock, random }));
  const manager = new PeerManager(managerOptionsOf(config, identity.privateKey), {
    clock,
    random,
    sink: pipeline,
    book: choice.book,
    policy: choice.policy,
    isSeeking: () => choice.isSeeking,
    gossip,
    onDials: (event) => pipeline.recorder.note(event),
  });
  const { view } = gossip.graph;
  const sources = stack.use(
    startSources(config.sources, { pipeline, places, view, clock, chain, onValid }),
  );
  choice.onLearnt = () => manager.lookAgain();
  log.info("Collector {name} ({nodeId}) keeps {target} peers on {network} and knows {nodes}", {
    name: config.name,
    nodeId: identity.nodeId,
    target: config.peers.target,
    nodes: choice.book.counts.nodes,
    network: config.network,
  });

  let twins: Twins | null = null;
  const { max_bytes: spoolMaxBytes } = config.spool;
  const health = stack.use(watchHealth(() => ({
    peers: manager.target === 0 ? null : manager.counts.connected,
    spoolBytes: spool.bytes,
    spoolMaxBytes,
    dropped: spool.counters.dropped,
    spoolTrouble: spool.trouble,
    isJournalFailing: journalFile.isFailing,
    clockOffset: pipeline.recorder.clockSample?.offset ?? null,
    uplink: delivery.status,
    twinsHeard: twins?.heard ?? 0,
  }), clock));
  if (uplink instanceof JetStreamUplink) {
    const facts = () => ({
      epoch,
      version: VERSION,
      peers: manager.counts.connected,
      receipts: pipeline.recorder.counters.receipts,
      spool_bytes: spool.bytes,
      spool_max: spoolMaxBytes,
      target: manager.target,
      steering: steering.report,
      problems: health.problems().slice(0, MAX_PROBLEMS)
        .map((problem) => printable(problem, MAX_PROBLEM - 1).slice(0, MAX_PROBLEM)),
    });
    const heartbeats = stack.use(sendHeartbeats(uplink.link, facts, clock));
    const steering: Steering = stack.use(
      new Steering({
        config,
        path: join(config.data_dir, "wish.json"),
        policy: choice.policy,
        clock,
        apply(course) {
          choice.steer(course.kinds, course.peers);
          manager.steer(course);
        },
        onChange: () => heartbeats.beat(),
      }),
    );
    steering.restore();
    stack.use(followWishes(uplink.link, (wish) => steering.take(wish), clock));
    twins = stack.use(watchForTwins(uplink.link, epoch, clock, () => {
      log.error(
        "Another collector runs as {name}: the archive takes both for one; give each a name of its own",
        { name: config.name },
      );
    }));
  }
  const askTime = uplink instanceof JetStreamUplink
    ? askOverNats(uplink.link)
    : askOverHttp(uplink.target);
  stack.use(sampleOffsets(askTime, clock, (sample) => {
    pipeline.recorder.note({ kind: "clock_sample", ...sample });
  }));
  stack.use(watchSteps(clock, wall, (step) => {
    log.warning("The wall clock jumped by {seconds} s; stamps go on without it", {
      seconds: step.step / 1e6,
    });
    pipeline.recorder.note({ kind: "clock_step", ...step });
  }));
  const stallWarnings = new Meter(STALL_WARNINGS_PER_HOUR, HOUR_US);
  const stalls = stack.use(watchStalls(clock, (stall) => {
    const level = stallWarnings.spend(1, stall.at) ? "warning" : "debug";
    log[level]("Held up for {seconds} s: receipts of that time are stamped late", {
      seconds: (stall.at - stall.since) / 1e6,
    });
    pipeline.recorder.note({ kind: "stalled", ...stall });
  }));
  const parts = {
    manager,
    book: choice.book,
    pipeline,
    sources,
    gossip,
    spool,
    journal: journalFile,
    delivery,
    twins,
  };
  stack.use(reportProgress(parts, clock));
  if (config.metrics) {
    const facts = {
      name: config.name,
      network: config.network,
      version: VERSION,
      epoch,
      spoolMaxBytes,
    };
    stack.use(serve(parts, facts, health.problems, config.metrics, clock));
  }
  try {
    await collect(manager, config.run_for, signal, clock);
    await atMost(clock, VERIFY_MS, pipeline.verifier.idle());
  } finally {
    stalls[Symbol.dispose]();
    await sources[Symbol.asyncDispose]();
    pipeline.end();
  }
  const left = await delivery.drain(config.stop_timeout);
  const summary: RunSummary = {
    receipts: pipeline.recorder.counters.receipts,
    delivered: delivery.status.delivered,
    left: left.batches,
  };
  if (left.batches === 0) log.info("Done: {receipts} receipts, all delivered", { ...summary });
  else log.warning("Done: {left} batches are left in the spool for the next run", { ...summary });
  return summary;
}

async function openUplink({ name, uplink }: CollectorConfig, pipeline: Pipeline): Promise<Uplink> {
  const onResendRequest = pipeline.recorder.resend.bind(pipeline.recorder);
  if (uplink.kind === "local") {
    return new LocalUplink({
      url: uplink.url,
      tokenFile: uplink.token_file,
      collector: name,
      onResendRequest,
    });
  }
  // Read again at each connect; what cannot be read at all is reported at once.
  await readNatsAccess(uplink);
  return new JetStreamUplink({
    servers: uplink.servers,
    readAccess: () => readNatsAccess(uplink),
    stream: uplink.stream,
    collector: name,
    maxOutstanding: uplink.max_outstanding,
    onResendRequest,
  });
}

async function collect(
  manager: PeerManager,
  runFor: number | undefined,
  signal: AbortSignal,
  clock: Clock,
): Promise<void> {
  const stop = new AbortController();
  const onAbort = () => stop.abort(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  const ended = manager.run(stop.signal).finally(() => stop.abort());
  try {
    const end = clock.now() / 1000 + (runFor ?? Infinity);
    while (!stop.signal.aborted) {
      const rest = end - clock.now() / 1000;
      if (rest <= 0) break;
      await pause(clock, Math.min(rest, LONGEST_SLEEP_MS), stop.signal);
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    log.info("Stopping: {reason}", { reason: signal.aborted ? "on signal" : "run_for is over" });
    stop.abort();
    await ended;
  }
}
