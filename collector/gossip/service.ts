// The collected graph and its upkeep: loaded at start, saved now and then and at the end, pruned by age, and what
// peers' questions are answered from.

import { join } from "node:path";
import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import { MESSAGE_TYPES, messageType } from "../../shared/bolt/message_types.ts";
import { logger } from "../../shared/log.ts";
import { printable } from "../../shared/text.ts";
import { every } from "../../shared/waiting.ts";
import { Graph } from "./graph/graph.ts";
import { GraphFile } from "./graph/graph_file.ts";
import type { GraphOutcome } from "./graph/limits.ts";
import type { SourcePeer } from "./graph/unconfirmed.ts";
import { Answerer, type AnswererOptions } from "./queries/answerer.ts";
import { SentLedger } from "./queries/sent_ledger.ts";

const MINUTE_MS = 60_000;
const SAVE_MS = 10 * MINUTE_MS;
const PRUNE_MS = 60 * MINUTE_MS;
const CHANNEL_ANNOUNCEMENT = MESSAGE_TYPES.channel_announcement;
/** How long peers' questions wait for a list of the channels that are still open. */
const HOLD_MS = 10 * MINUTE_MS;
/** The share of the graph that a list names when its peer has a whole graph. */
const WHOLE_SHARE = 0.5;

const log = logger("collector", "gossip");

/** Where the graph is in a data folder. */
export function graphPath(dataDir: string): string {
  return join(dataDir, "graph");
}

export type Answers = Pick<AnswererOptions, "policy" | "limits">;

/** See the module. Disposing saves the graph a last time. */
export class GossipService implements AsyncDisposable {
  readonly graph: Graph;
  readonly answerer: Answerer;
  readonly ledger = new SentLedger();
  readonly #file: GraphFile | null;
  readonly #path: string;
  readonly #stop = new AbortController();
  /** When the last whole list was asked for, seconds. */
  #listedSince: number | null = null;
  #upkeep: Promise<unknown> = Promise.resolve();

  /**
   * Begins with an empty graph.
   * @param chain chain_hash of the network.
   * @param path of the graph's file; null for a graph that is not kept.
   */
  constructor(
    chain: Uint8Array,
    private readonly clock: Clock,
    path: string | null,
    answers: Answers = {},
  ) {
    this.graph = new Graph({ chain, clock });
    const { view } = this.graph;
    this.answerer = new Answerer({ view, chain, clock, ledger: this.ledger, ...answers });
    this.#file = path === null ? null : new GraphFile(path, this.graph, clock);
    this.#path = path ?? "";
  }

  /** Loads the graph and begins its upkeep. @throws {UserError} when its file is there and cannot be read. */
  static async open(
    chain: Uint8Array,
    clock: Clock,
    path: string,
    answers: Answers = {},
  ): Promise<GossipService> {
    const service = new GossipService(chain, clock, path, answers);
    const { messages, problem } = await service.#file!.load();
    // Channels of the last run may have closed since.
    if (messages > 0) service.answerer.heldUntil = clock.now() + HOLD_MS * 1000;
    if (problem !== null) {
      log.warning("Graph file {path}: {problem}", { path, problem: printable(problem) });
    }
    service.#upkeep = Promise.all([
      every(service.clock, SAVE_MS, service.#stop.signal, () => service.#save()),
      every(service.clock, PRUNE_MS, service.#stop.signal, () => void service.graph.prune()),
    ]);
    return service;
  }

  /**
   * All channels that a peer named when it was asked at an instant, µs. What neither this list nor any message since then
   * names is answered no more; what the whole list before it did not name either is closed, and is dropped.
   */
  named(scids: readonly bigint[], askedAt: number): void {
    const { answerer, graph } = this;
    const { channels } = graph.counts;
    const count = graph.named(scids);
    answerer.heldUntil = 0;
    // A peer with a small graph says nothing about the channels that it does not name.
    if (count < channels * WHOLE_SHARE) return;
    const askedAtSeconds = Math.floor(askedAt / 1_000_000);
    answerer.namedSince = askedAtSeconds;
    const dropped = this.#listedSince === null ? 0 : graph.dropUnnamed(this.#listedSince);
    this.#listedSince = askedAtSeconds;
    if (dropped > 0) log.info("Dropped {dropped} channels that peers no longer list", { dropped });
  }

  /** Gives the graph a message whose signatures hold, see {@link Graph.accept}. */
  accept(raw: Uint8Array, signer: string | null, sourcePeer: SourcePeer | null): GraphOutcome {
    const outcome = this.graph.accept(raw, "valid", signer, sourcePeer);
    const isNewChannel = outcome === "added" && messageType(raw) === CHANNEL_ANNOUNCEMENT;
    if (isNewChannel) this.#file?.append(raw);
    return outcome;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#upkeep;
    await this.#save();
    this.#file?.[Symbol.dispose]();
  }

  async #save(): Promise<void> {
    if (!this.#file?.isStale) return;
    try {
      await this.#file.save();
    } catch (error) {
      log.warning("Graph file {path}: {error}", { path: this.#path, error: errorText(error) });
    }
  }
}
