// A simulated Lightning network on loopback: a port and a key for each node, and the plan's traffic over them.

import { chainHash, type Network } from "../../shared/bolt/chains.ts";
import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import { Ledger } from "./ledger.ts";
import { MessageFactory } from "./messages.ts";
import { MessageSource } from "./message_source.ts";
import { SimulatedPeer } from "./peer.ts";
import { Tally } from "./tally.ts";
import { timeline } from "./timeline.ts";
import { originCounts, peerTimers, traffic, type TrafficOptions } from "./traffic.ts";
import { Universe } from "./universe.ts";

/** What network to make. */
export interface NetworkOptions {
  /** The run: its peers, its length, its seed. */
  readonly traffic: TrafficOptions;
  /** An existing folder for the ledger (`ledger.ts`); null: none is kept. */
  readonly ledgerDir: string | null;
  /** The chain; bitcoin unless given. */
  readonly network?: Network;
  /** What the messages' own timestamps count from, seconds since the Unix epoch; the time it is made unless given. */
  readonly startedAt?: number;
  /** Time of the sockets and the schedule. */
  readonly clock: Clock;
}

/** How a run went. */
export interface RunSummary {
  /** Distinct messages made. */
  readonly messages: number;
  /** Seconds from the first to the last write. */
  readonly seconds: number;
  /** How far, at worst, the writes lagged behind the plan, in seconds. */
  readonly worstLagSeconds: number;
}

/** Deliveries this close together are one burst: one write. */
const SLICE_MICROS = 20_000;
/** While more than this wait to be written, the schedule waits too. */
const MAX_QUEUED = 200_000;
const QUEUE_CHECK_MILLISECONDS = 10;
/** What the last writes may take. */
const DRAIN_MILLISECONDS = 60_000;

/** The running network; disposing closes all its sockets. */
export class SimulatedNetwork implements AsyncDisposable {
  /** All peers' counts. */
  readonly tally: Tally = new Tally();
  /** `node id@127.0.0.1:port` of each peer, by index. */
  readonly addresses: readonly string[];
  readonly #universe: Universe;
  readonly #peers: SimulatedPeer[];
  readonly #listeners: Deno.Listener[] = [];
  readonly #serving = new Set<Promise<void>>();
  readonly #ledger: Ledger | null;
  readonly #messages: MessageSource;
  readonly #closed = new AbortController();

  /** Listens at once, and begins to make messages. */
  constructor(private readonly options: NetworkOptions) {
    const { clock, network, startedAt = Math.floor(options.clock.now() / 1e6) } = options;
    const ledger = options.ledgerDir === null ? null : new Ledger(options.ledgerDir);
    this.#ledger = ledger;
    this.#universe = new Universe(options.traffic.seed, originCounts(options.traffic));
    this.#messages = new MessageSource(
      traffic(options.traffic),
      new MessageFactory({ universe: this.#universe, network, startedAt }),
      (number, raw) => ledger?.message(number, raw),
    );
    this.#track(this.#makeMessages());
    const hash = chainHash(network ?? "bitcoin");
    this.#peers = peerTimers(options.traffic).map(({ implementation }, index) =>
      new SimulatedPeer({
        index,
        key: this.#universe.node(index),
        implementation,
        chainHash: hash,
        compression: options.traffic.compression ?? 1,
        clock,
        tally: this.tally,
        wrote: (peer, message) => ledger?.wrote(peer, message),
      })
    );
    this.addresses = this.#peers.map((peer, index) => this.#listen(peer, index));
  }

  #listen(peer: SimulatedPeer, index: number): string {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#listeners.push(listener);
    this.#track(this.#accept(listener, peer));
    return `${this.#universe.node(index).id}@127.0.0.1:${listener.addr.port}`;
  }

  async #accept(listener: Deno.TcpListener, peer: SimulatedPeer): Promise<void> {
    try {
      for await (const conn of listener) this.#track(peer.serve(conn));
    } catch (error) {
      this.tally.failure("handshake", `accept: ${errorText(error)}`);
    }
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#serving.delete(tracked));
    this.#serving.add(tracked);
  }

  /**
   * Sends the whole plan, from now on, and writes the ledger; ends when the system took all bytes. Once a network.
   *
   * @throws the signal's reason.
   */
  async run(signal?: AbortSignal): Promise<RunSummary> {
    const { clock, traffic: plan } = this.options;
    const start = clock.now();
    let worstLag = 0;
    const slices = timeline(
      traffic(plan),
      SLICE_MICROS,
      ({ number }) => this.#messages.want(number),
    );
    for (const slice of slices) {
      const early = start + slice.from - clock.now();
      worstLag = Math.max(worstLag, -early);
      // Sleeping even when late lets the sockets have their turn.
      await clock.sleep(Math.max(0, early / 1000), signal);
      while (this.tally.queued > MAX_QUEUED) await clock.sleep(QUEUE_CHECK_MILLISECONDS, signal);
      const touched = new Set<SimulatedPeer>();
      for (let i = 0; i < slice.count; i++) {
        const number = slice.messages[i];
        const peer = this.#peers[slice.peers[i]];
        if (peer.queue(number, this.#messages.take(number))) touched.add(peer);
        else this.tally.skipped++;
      }
      for (const peer of touched) peer.flush();
    }
    await this.#drain(signal);
    const seconds = (clock.now() - start) / 1e6;
    this.#ledger?.write(this.addresses);
    return { messages: this.#messages.made, seconds, worstLagSeconds: worstLag / 1e6 };
  }

  async #drain(signal?: AbortSignal): Promise<void> {
    const { clock } = this.options;
    const deadline = clock.now() + DRAIN_MILLISECONDS * 1000;
    while (this.tally.queued > 0) {
      if (clock.now() > deadline) {
        throw new Error(`${this.tally.queued} messages were not taken in ${DRAIN_MILLISECONDS} ms`);
      }
      await clock.sleep(QUEUE_CHECK_MILLISECONDS, signal);
    }
  }

  async #makeMessages(): Promise<void> {
    try {
      await this.#messages.makeAhead(this.options.clock, this.#closed.signal);
    } catch (error) {
      if (!this.#closed.signal.aborted) throw error;
    }
  }

  /** Closes everything; twice is harmless. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    for (const listener of this.#listeners.splice(0)) listener.close();
    for (const peer of this.#peers) peer.close();
    await Promise.all(this.#serving);
    this.#ledger?.[Symbol.dispose]();
  }
}
