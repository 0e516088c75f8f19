import { chainHash } from "../../shared/bolt/chains.ts";
import type { Clock } from "../../shared/clock.ts";
import { liveLine, logger } from "../../shared/log.ts";
import type { Random } from "../../shared/random.ts";
import { pause } from "../../shared/waiting.ts";
import type { CollectorConfig } from "../config.ts";
import { Pipeline } from "../pipeline.ts";
import type { GossipService } from "../gossip/service.ts";
import { keyPath, loadIdentity } from "../peer/identity.ts";
import { PeerManager } from "../peer/manager.ts";
import { managerOptionsOf, openPeerChoice } from "../peer/peer_choice.ts";
import { VERSION } from "../program.ts";

export interface FillOptions {
  /** How long hardly anything may come before the graph counts as whole. */
  readonly settleMs: number;
  readonly limitMs: number;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: Random;
  readonly fileAlone: boolean;
}

/** More peers repeat the same, and each costs a whole graph. */
const MAX_PEERS = 5;
const LOOK_MS = 1000;
const REPORT_LOOKS = 10;

const log = logger("collector", "gossip");

/**
 * - `settled`: hardly anything new comes from the peers that are connected;
 * - `growing`: time was up before;
 * - `alone`: no peer is connected, and none on the way.
 */
export type FillEnd = "settled" | "growing" | "alone";

/**
 * Connects to peers until the graph has settled, time is up, or the signal aborts; `data_dir` must be held.
 * @throws {UserError} when a file cannot be used, or no peer can be dialled.
 */
export async function fillGraph(
  config: CollectorConfig,
  gossip: GossipService,
  options: FillOptions,
): Promise<FillEnd> {
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
        const outcome = gossip.accept(raw, signer, null);
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
  }, {
    clock,
    random,
    sink: pipeline,
    book: choice.book,
    policy: choice.policy,
    isSeeking: () => choice.isSeeking,
    gossip,
  });
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

async function settles(
  { gossip, pipeline, manager }: Parts,
  { settleMs, limitMs, clock, signal }: FillOptions,
): Promise<FillEnd> {
  const settling = new Settling(settleMs);
  let withPeersAt = clock.now();
  const end = clock.now() + limitMs * 1000;
  for (let looks = 1; !signal.aborted && clock.now() < end; looks++) {
    await pause(clock, LOOK_MS, signal);
    const { channels, updates, nodeAnnouncements } = gossip.graph.counts;
    const { queued } = pipeline.verifier.counts;
    const { connected, pending } = manager.counts;
    const now = clock.now();
    if (connected + pending > 0) withPeersAt = now;
    else if (now - withPeersAt >= settleMs * 1000) return "alone";
    const size = channels + updates + nodeAnnouncements;
    // Without a peer nothing can come.
    if (settling.look(size, queued > 0 || connected === 0, now)) return "settled";
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
  return "growing";
}

/** Growth in one pause that is no more than news: mainnet's graph of 200,000 messages has about 30 in a minute. */
const NEWS_SHARE = 0.001;

/**
 * Watches a graph grow. New channels come for ever, so it is settled when hardly any come any more. Instants are µs since
 * the Unix epoch.
 */
export class Settling {
  readonly #pauseUs: number;
  #size = 0;
  #since = Infinity;

  /** Settled after `pauseMs` in which hardly anything came. */
  constructor(pauseMs: number) {
    this.#pauseUs = pauseMs * 1000;
  }

  /** Whether a graph of `size` has settled; an empty one never has, nor one that more is on its way into (`isBusy`). */
  look(size: number, isBusy: boolean, now: number): boolean {
    if (isBusy || size > this.#size * (1 + NEWS_SHARE)) {
      this.#size = size;
      this.#since = now;
    }
    return size > 0 && now - this.#since >= this.#pauseUs;
  }
}
