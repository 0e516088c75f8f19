/**
 * The whole chain as real processes whose parts can be killed: a simulated network, a collector, an archiver.
 *
 * @module
 */
import { type SimnetChild, startSimnet } from "../simnet/child.ts";
import type { Done } from "../simnet/ipc.ts";
import type { Process } from "./process.ts";
import { type ArchiverProcess, startCollector } from "./programs.ts";
import { until } from "./until.ts";

/** What a killed archiver had not acknowledged may be given out again only after a while, and more than once. */
export const PATIENCE_MILLISECONDS = 90_000;

/** What to run. */
export interface ObservedRunOptions {
  /** The collector's name. */
  readonly name: string;
  /** An existing folder, absolute, for all files. */
  readonly dir: string;
  /** How many simulated nodes, all of which the collector keeps. */
  readonly peers: number;
  /** How long they send. */
  readonly seconds: number;
  /** Equal seeds give equal traffic. */
  readonly seed: string | number;
  /** The longest that the collector keeps a batch open: 200ms. */
  readonly maxAge?: string;
  /** The collector's uplink, as in its config. */
  readonly uplink: Record<string, unknown>;
  /** Starts an archiver: the first, and each that replaces one. */
  readonly startArchiver: () => Promise<ArchiverProcess>;
}

/** A run whose parts can be killed. Disposing ends all. */
export class ObservedRun implements AsyncDisposable {
  /** The network. */
  readonly simnet: SimnetChild;
  /** What the network did, once all is written. */
  readonly sent: Promise<Done>;
  /** The same, null before. */
  done: Done | null = null;
  /** The collector that runs, or ran last. */
  collector: Process;
  /** The archiver that runs, or ran last. */
  archiver: ArchiverProcess;
  readonly #startCollector: () => Promise<Process>;
  readonly #startArchiver: () => Promise<ArchiverProcess>;

  private constructor(
    simnet: SimnetChild,
    collector: Process,
    archiver: ArchiverProcess,
    startCollector: () => Promise<Process>,
    startArchiver: () => Promise<ArchiverProcess>,
  ) {
    this.simnet = simnet;
    this.collector = collector;
    this.archiver = archiver;
    this.#startCollector = startCollector;
    this.#startArchiver = startArchiver;
    this.sent = simnet.done(PATIENCE_MILLISECONDS);
    // A failure is told by whoever awaits `sent`.
    this.sent.then((done) => this.done = done, () => {});
  }

  /** Starts all; the network begins to send once the collector is subscribed to each of its nodes. */
  static async start(options: ObservedRunOptions): Promise<ObservedRun> {
    const { dir, name, peers, seconds, seed, uplink, maxAge = "200ms" } = options;
    await using stack = new AsyncDisposableStack();
    const simnet = stack.use(await startSimnet({ peers, seconds, seed, dir }));
    const start = () =>
      startCollector(dir, {
        name,
        peers: {
          file: simnet.ready.addresses,
          seeds: [],
          target: peers,
          dials_per_second: 100,
          allow: ["127.0.0.0/8"],
          open_networks: ["127.0.0.0/8"],
        },
        batch: { max_age: maxAge },
        uplink,
        stop_timeout: "60s",
      });
    const collector = stack.use(await start());
    // The collector is there first: it has nowhere to send to yet.
    await until(
      () => simnet.progress()?.subscribed === peers,
      () => [...collector.lines, ...simnet.process.lines].slice(-40).join("\n"),
    );
    await simnet.start();
    const archiver = stack.use(await options.startArchiver());
    stack.move();
    return new ObservedRun(simnet, collector, archiver, start, options.startArchiver);
  }

  /** The last lines of both programs, for failures. */
  readonly told = (): string =>
    [...this.collector.lines.slice(-20), ...this.archiver.process.lines.slice(-20)].join("\n");

  /** Receipts that the archiver says it holds; null while it does not answer. */
  async archived(): Promise<number | null> {
    const status = await this.archiver.get("/status") as
      | { collectors: { receipts: number }[] }
      | null;
    return status && status.collectors.reduce((sum, { receipts }) => sum + receipts, 0);
  }

  /** Kills the archiver and starts another on the same archive. */
  async replaceArchiver(): Promise<void> {
    await this.archiver.process.kill();
    this.archiver = await this.#startArchiver();
  }

  /** Starts the next collector on the same data; the one before must have ended. */
  async startNextCollector(): Promise<void> {
    this.collector = await this.#startCollector();
  }

  /** Kills all. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.archiver[Symbol.asyncDispose]();
    await this.collector[Symbol.asyncDispose]();
    await this.simnet[Symbol.asyncDispose]();
  }
}
