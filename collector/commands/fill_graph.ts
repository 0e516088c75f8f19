/**
 * Fills the collected graph from a few peers, each asked for all it has, and records nothing.
 *
 * @module
 */
import { chainHash } from "../../shared/bolt/chains.ts";
import type { Clock } from "../../shared/clock.ts";
import { liveLine, logger } from "../../shared/log.ts";
import type { Random } from "../../shared/random.ts";
import type { CollectorConfig } from "../config.ts";
import { Pipeline } from "../pipeline.ts";
import type { GossipService } from "../gossip/service.ts";
import { Settling } from "../gossip/settling.ts";
import { keyPath, loadIdentity } from "../peer/identity.ts";
import { PeerManager } from "../peer/manager.ts";
import { managerOptionsOf, openPeerChoice } from "../peer/peer_choice.ts";
import { VERSION } from "../program.ts";

/** How it is done. */
export interface FillOptions {
  /** How long hardly anything may come before the graph counts as whole, ms. */
  readonly settleMs: number;
  /** The longest it may take, ms. */
  readonly limitMs: number;
  /** Ends it early. */
  readonly signal: AbortSignal;
  /** Time-outs and ages. */
  readonly clock: Clock;
  /** Chooses peers. */
  readonly random: Random;
  /** Whether nobody is asked but whom the peer file names. */
  readonly fileAlone: boolean;
}

/** More peers tell the same: each costs us and itself a whole graph. */
const MAX_PEERS = 5;
const LOOK_MS = 1000;
const REPORT_LOOKS = 10;

const log = logger("collector", "gossip");

/**
 * Connects to peers until the graph has settled, the time is over, or the signal aborts. The data folder must be held.
 *
 * @returns whether it has settled.
 * @throws {UserError} when the key, the peer file or the address book cannot be used, or there is nobody to dial.
 */
export async function fillGraph(
  config: CollectorConfig,
  gossip: GossipService,
  options: FillOptions,
): Promise<boolean> {
  const { clock, random, signal, fileAlone } = options;
  await using stack = new AsyncDisposableStack();
  const identity = await loadIdentity(keyPath(config.data_dir));
  const dependencies = { clock, random, fileAlone };
  const choice = stack.use(await openPeerChoice(config, identity.nodeId, dependencies));
  const target = Math.min(MAX_PEERS, config.peers.target);
  const pipeline: Pipeline = stack.use(
    new Pipeline({
      collector: config.name,
      epoch: clock.now(),
      version: VERSION,
      targetPeers: target,
    }, {
      clock,
      random,
      chain: chainHash(config.network),
      // What is recorded goes nowhere.
      sink: () => {},
      nodesOf: (scid) => gossip.graph.view.nodesOf(scid),
      onValid: (raw, signer) => {
        const outcome = gossip.graph.accept(raw, "valid", signer);
        if (outcome === "added" || outcome === "replaced") choice.learn(raw);
      },
      onBad: (bad) => manager.blame(bad),
    }),
  );
  const manager = new PeerManager({
    ...managerOptionsOf(config, identity.privateKey),
    target,
    bootstrap: target,
    syncPeers: target,
    rotateEveryMs: undefined,
  }, { clock, random, sink: pipeline, book: choice.book, policy: choice.policy, gossip });
  choice.onLearnt = () => manager.lookAgain();
  const done = new AbortController();
  const running = manager.run(AbortSignal.any([signal, done.signal]));
  try {
    return await settles({ gossip, pipeline, manager }, options);
  } finally {
    done.abort();
    await running;
    liveLine()?.clear();
  }
}

interface Parts {
  readonly gossip: GossipService;
  readonly pipeline: Pipeline;
  readonly manager: PeerManager;
}

/** Waits until the graph has settled, and tells now and then how far it is; false when the time is over before. */
async function settles(
  { gossip, pipeline, manager }: Parts,
  { settleMs, limitMs, clock, signal }: FillOptions,
): Promise<boolean> {
  const settling = new Settling(settleMs);
  const end = clock.now() + limitMs * 1000;
  for (let looks = 1; !signal.aborted && clock.now() < end; looks++) {
    await clock.sleep(LOOK_MS, signal).catch(() => {});
    const { channels, updates, nodeAnnouncements } = gossip.graph.counts;
    const { queued } = pipeline.verifier.counts;
    const { connected } = manager.counts;
    const size = channels + updates + nodeAnnouncements;
    if (settling.look(size, queued > 0, clock.now())) return true;
    const line = liveLine();
    const figures = { connected, channels, updates, nodes: nodeAnnouncements, queued };
    if (line) {
      line.show(
        `${connected} peers | ${channels} channels | ${updates} updates | ${nodeAnnouncements} nodes | ` +
          `${queued} to check`,
      );
    } else if (looks % REPORT_LOOKS === 0) {
      log.info(
        "{connected} peers; {channels} channels, {updates} updates, {nodes} nodes; {queued} to check",
        figures,
      );
    }
  }
  return false;
}
