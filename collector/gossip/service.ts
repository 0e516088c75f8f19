// The collected graph and its upkeep: loaded at start, saved now and then and at the end, pruned by age, and what
// peers' questions are answered from.

import { join } from "node:path";
import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import { logger } from "../../shared/log.ts";
import { printable } from "../../shared/text.ts";
import { every } from "../../shared/waiting.ts";
import { Graph } from "./graph/graph.ts";
import { GraphFile } from "./graph/graph_file.ts";
import { Answerer, type AnswererOptions } from "./queries/answerer.ts";
import { SentLedger } from "./queries/sent_ledger.ts";

const MINUTE_MS = 60_000;
const SAVE_MS = 10 * MINUTE_MS;
const PRUNE_MS = 60 * MINUTE_MS;

const log = logger("collector", "gossip");

/** Where the graph is in a data folder. */
export function graphPath(dataDir: string): string {
  return join(dataDir, "graph");
}

/** What is answered, and how much. */
export type Answers = Pick<AnswererOptions, "policy" | "limits">;

/** See the module. Disposing saves the graph a last time. */
export class GossipService implements AsyncDisposable {
  readonly graph: Graph;
  readonly answerer: Answerer;
  readonly ledger = new SentLedger();
  readonly #file: GraphFile | null;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  #upkeep: Promise<unknown> = Promise.resolve();

  /**
   * Begins with an empty graph. @param chain chain_hash of the network. @param path of the graph's file; null for a
   * graph that is not kept.
   */
  constructor(chain: Uint8Array, clock: Clock, path: string | null, answers: Answers = {}) {
    this.graph = new Graph({ chain, clock });
    const { view } = this.graph;
    this.answerer = new Answerer({ view, chain, ledger: this.ledger, ...answers });
    this.#file = path === null ? null : new GraphFile(path, this.graph, clock);
    this.#path = path ?? "";
    this.#clock = clock;
  }

  /** Loads the graph and begins its upkeep. @throws {UserError} when its file is there and cannot be read. */
  static async open(
    chain: Uint8Array,
    clock: Clock,
    path: string,
    answers: Answers = {},
  ): Promise<GossipService> {
    const service = new GossipService(chain, clock, path, answers);
    const { problem } = await service.#file!.load();
    if (problem !== null) {
      log.warning("Graph file {path}: {problem}", { path, problem: printable(problem) });
    }
    service.#upkeep = Promise.all([
      every(service.#clock, SAVE_MS, service.#stop.signal, () => service.#save()),
      every(
        service.#clock,
        PRUNE_MS,
        service.#stop.signal,
        () => void service.graph.prune(),
      ),
    ]);
    return service;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#upkeep;
    await this.#save();
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
