// An archiver that traffic comes in to, and how long that waits for its commit while something else is done.

import { systemClock } from "../../../shared/clock.ts";
import { startNatsServer } from "../../support/servers/nats_server.ts";
import { until } from "../../support/until.ts";
import { AckObserver } from "./ack_observer.ts";
import { type BenchArchiver, startBenchArchiver } from "./bench_archiver.ts";
import { type Child, LONGEST_MILLISECONDS, RssWatch, startChild } from "./children.ts";
import type { PlannedFile } from "./ingest.ts";
import type { Published, PublishOptions } from "./publish_process.ts";

/** So many times the real run's rate comes in: that of some ten collectors with 978 peers each. */
export const LIVE_SPEED = 10;
/** The run's begin, thinner than the rest, goes by at once. */
const HEAD_SECONDS = 600;
/** What the archiver gets to commit it. */
const SETTLE_MILLISECONDS = 15_000;
/** What it gets to commit what came last. */
const DRAIN_MILLISECONDS = 120_000;
/** Batches that may wait in the stream. */
const MAX_BATCHES = 100_000;

/** What was done, and how long batches waited meanwhile. */
export interface Meanwhile<T> {
  /** What it gave. */
  readonly result: T;
  /** How long it took. */
  readonly seconds: number;
  /** Of each batch that came meanwhile, from the server's storing it to its acknowledgement after the commit: ms, ascending. */
  readonly delays: readonly number[];
}

/** See the module. */
export class LiveArchive implements AsyncDisposable {
  readonly #rss: RssWatch;

  private constructor(
    private readonly stack: AsyncDisposableStack,
    private readonly archiver: BenchArchiver,
    private readonly observer: AckObserver,
    private readonly publisher: Child<Published>,
  ) {
    this.#rss = new RssWatch(archiver.process);
  }

  /** Starts an archiver on the archive in `dir`, and the traffic. @param memoryLimit what DuckDB gets for queries. */
  static async start(live: PlannedFile, dir: string, memoryLimit: string): Promise<LiveArchive> {
    await using stack = new AsyncDisposableStack();
    const { url } = stack.use(await startNatsServer());
    const observer = stack.use(await AckObserver.connect(url));
    const archiver = stack.use(
      await startBenchArchiver({
        dir,
        nats: url,
        maxBatches: MAX_BATCHES,
        queries: { memoryLimit },
      }),
    );
    await archiver.process.waitForLine(/Pulling batches/);
    const options: PublishOptions = {
      url,
      file: live.file,
      collector: live.run.collector,
      speed: LIVE_SPEED,
      headSeconds: HEAD_SECONDS,
    };
    const publisher = stack.use(startChild<Published>("publish_process.ts", options));
    await systemClock.sleep(SETTLE_MILLISECONDS);
    return new LiveArchive(stack.move(), archiver, observer, publisher);
  }

  /** Does `work`. @throws {Error} when the traffic ended before it, or what came is not committed in time. */
  async meanwhile<T>(work: (archiver: BenchArchiver) => Promise<T>): Promise<Meanwhile<T>> {
    const from = Date.now();
    const result = await work(this.archiver);
    const to = Date.now();
    const { acked } = this.observer;
    // Acknowledgements come in the stream's order.
    const isDone = () =>
      (acked.at(-1)?.storedAt ?? 0) > to || this.publisher.process.status !== null;
    await until(isDone, () => "what came is not committed", DRAIN_MILLISECONDS);
    if (this.publisher.process.status) throw new Error("the live traffic ended too early");
    const delays = acked.filter(({ storedAt }) => storedAt >= from && storedAt <= to)
      .map(({ delay }) => delay).sort((a, b) => a - b);
    return { result, seconds: (to - from) / 1000, delays };
  }

  /** The most memory that the archiver had so far, bytes. */
  peakRss(): Promise<number> {
    return this.#rss.look();
  }

  /** Ends the traffic and the archiver, in order. @returns the most memory that the archiver had, bytes. */
  async end(): Promise<number> {
    this.publisher.process.signal("SIGTERM");
    await this.publisher.result();
    const { process } = this.archiver;
    const peakRss = await this.#rss.stop();
    process.signal("SIGTERM");
    await process.wait(LONGEST_MILLISECONDS);
    return peakRss;
  }

  /** Kills what {@link end} has not ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rss.stop();
    await this.stack.disposeAsync();
  }
}
