// A seeded schedule of SIGKILLs against a NATS cluster, with two real uplinks that publish and a real archiver that
// commits, and what came of it.

import { type ArchiverConfig, ArchiverConfigSchema } from "../../archiver/config.ts";
import { startArchiver } from "../../archiver/run.ts";
import type { Status } from "../../archiver/status/status.ts";
import { Spool } from "../../collector/spool/spool.ts";
import { Delivery } from "../../collector/uplink/delivery.ts";
import { JetStreamUplink } from "../../collector/uplink/jetstream.ts";
import { type Uplink, UplinkFault } from "../../collector/uplink/uplink.ts";
import { encodeBatch } from "../../shared/batch/codec.ts";
import { systemClock } from "../../shared/clock.ts";
import { parseConfig } from "../../shared/config.ts";
import { type Random, randomInteger, seededRandom } from "../../shared/random.ts";
import { STREAM } from "../../shared/subjects.ts";
import { archiveRows } from "./fixtures/archive_check.ts";
import { BatchMaker, plainMessage } from "./fixtures/batch_maker.ts";
import { startNatsCluster } from "./servers/nats_cluster.ts";
import { tempDir } from "./temp_dir.ts";
import { until } from "./until.ts";

export const COLLECTORS = ["alpha", "beta"] as const;
const BATCH_EVERY_MILLISECONDS = 40;
const RECEIPTS_PER_BATCH = 50;
/** From one server that is whole again to the next kill, and how long its victim stays away. */
export const PAUSE_MILLISECONDS: Span = { least: 100, most: 2500 };
export const AWAY_MILLISECONDS: Span = { least: 0, most: 9000 };
export const LONGEST_MILLISECONDS = 180_000;

/** A time that chance chooses. */
export interface Span {
  readonly least: number;
  readonly most: number;
}

/** What came of one schedule. */
export interface ChaosOutcome {
  /** Who was killed, in order; `*` for the stream's leader. */
  readonly kills: readonly string[];
  readonly stamped: number;
  /** Receipts that the archive lacks, and those that it has twice. */
  readonly lost: number;
  readonly doubled: number;
  /** From the spool to the commit, the slowest batch, in seconds. */
  readonly slowestSeconds: number;
}

/**
 * Runs it.
 *
 * @param kills how many.
 * @param patient whether each kill meets a cluster that has recovered from the one before. Otherwise the next comes soon
 * after the last victim's restart, and may take the majority that has all batches.
 */
export async function clusterChaos(
  seed: string,
  kills: number,
  patient: boolean,
): Promise<ChaosOutcome> {
  const random = seededRandom(seed);
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const cluster = stack.use(await startNatsCluster());
  const killed: string[] = [];
  let stamped = 0;
  let slowest = 0;
  {
    await using archiver = await startArchiver(configFor(dir.join("a.duckdb"), cluster.urls));
    await until(() => cluster.isWhole(), undefined, LONGEST_MILLISECONDS);
    await using feeds = new AsyncDisposableStack();
    const senders = await Promise.all(
      COLLECTORS.map(async (collector) =>
        feeds.use(await Sender.start(collector, cluster.urls, dir.join(collector)))
      ),
    );
    const describe = () => senders.map((sender) => sender.describe()).join("\n");
    const watching = new AbortController();
    const watched = watchCommits(archiver.url, senders, watching.signal);
    // What fails first is thrown.
    watched.catch(() => {});
    for (let i = 0; i < kills; i++) {
      await sleep(between(random, PAUSE_MILLISECONDS));
      const victim = randomInteger(random, cluster.urls.length);
      const isLeader = await cluster.leader() === victim;
      await cluster.kill(victim);
      killed.push(`${victim}${isLeader ? "*" : ""}`);
      await sleep(between(random, AWAY_MILLISECONDS));
      await cluster.restart(victim);
      const hasRecovered = async () =>
        senders.every(({ isUpToDate }) => isUpToDate) && await cluster.isWhole();
      if (patient) await until(hasRecovered, describe, LONGEST_MILLISECONDS);
    }
    for (const sender of senders) stamped += sender.end();
    const isDone = () => senders.every((sender) => sender.isCommitted);
    await until(isDone, describe, LONGEST_MILLISECONDS);
    watching.abort();
    await watched;
    slowest = Math.max(...senders.map((sender) => sender.slowestMilliseconds));
  }
  const [row] = await archiveRows(
    dir.join("a.duckdb"),
    `SELECT count(*)::DOUBLE AS receipts, count(DISTINCT (collector_id, received_at))::DOUBLE AS apart FROM receipts`,
  );
  const { receipts, apart } = row as { receipts: number; apart: number };
  return {
    kills: killed,
    stamped,
    lost: stamped - apart,
    doubled: receipts - apart,
    slowestSeconds: slowest / 1000,
  };
}

/** A collector's spool, delivery and uplink, fed with a batch now and then. */
export class Sender implements AsyncDisposable {
  slowestMilliseconds = 0;
  readonly #maker: BatchMaker;
  /** When each batch was spooled. */
  readonly #at: number[] = [];
  #committed = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  private constructor(
    readonly collector: string,
    private readonly spool: Spool,
    private readonly stack: AsyncDisposableStack,
  ) {
    this.#maker = new BatchMaker(collector);
    this.#timer = setInterval(() => this.#spoolBatch(), BATCH_EVERY_MILLISECONDS);
  }

  /** @param lostAnswers which share of the acknowledgements gets lost, so that the batch is sent again. */
  static async start(
    collector: string,
    servers: readonly string[],
    path: string,
    lostAnswers = 0,
  ): Promise<Sender> {
    await using stack = new AsyncDisposableStack();
    const options = { maxBytes: 2 ** 30, segmentBytes: 2 ** 20, fsync: "never" as const };
    const spool = stack.use(await Spool.open(path, { ...options, onDropped: () => {} }));
    const uplink = stack.use(
      new JetStreamUplink({
        servers,
        readAccess: () => Promise.resolve({ servers }),
        stream: STREAM,
        collector,
        maxOutstanding: 32,
        onResendRequest: () => {},
      }),
    );
    const random = seededRandom(collector);
    const lossy: Uplink = {
      target: uplink.target,
      maxOutstanding: uplink.maxOutstanding,
      async send(batch, signal) {
        const outcome = await uplink.send(batch, signal);
        if (random.next() >= lostAnswers) return outcome;
        throw new UplinkFault("unreachable", "the test lost the acknowledgement");
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    stack.use(new Delivery({ spool, uplink: lossy, clock: systemClock, random }));
    return new Sender(collector, spool, stack.move());
  }

  get isCommitted(): boolean {
    return this.#committed === this.#at.length;
  }

  get isDelivered(): boolean {
    return this.spool.batches === 0;
  }

  /** Whether nothing waits longer than a second. */
  get isUpToDate(): boolean {
    return this.isCommitted || performance.now() - this.#at[this.#committed] < 1000;
  }

  committed(next: number): void {
    const now = performance.now();
    for (; this.#committed < next; this.#committed++) {
      const waited = now - this.#at[this.#committed];
      this.slowestMilliseconds = Math.max(this.slowestMilliseconds, waited);
    }
  }

  describe(): string {
    return `${this.collector}: ${this.#committed} of ${this.#at.length} committed, ${this.spool.batches} spooled`;
  }

  /** Feeds no more. @returns the receipts that were stamped. */
  end(): number {
    clearInterval(this.#timer);
    return this.#maker.stamped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.stack.disposeAsync();
  }

  #spoolBatch(): void {
    const maker = this.#maker;
    const { number } = maker;
    const message = maker.message(plainMessage(number));
    // Of its own: a batch that names nothing of others is whole in whatever archive it comes to.
    const session = maker.session(1);
    for (let i = 0; i < RECEIPTS_PER_BATCH; i++) {
      maker.receipt(maker.epoch + number * 1000 + i, message, session);
    }
    this.#at.push(performance.now());
    this.spool.append(encodeBatch(maker.close()), { epoch: maker.epoch, number });
  }
}

/** Follows the high-water marks. */
async function watchCommits(
  url: string,
  senders: readonly Sender[],
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const { collectors } = await (await fetch(`${url}/status`)).json() as Status;
    for (const { name, epoch, gaps } of collectors) {
      const missing = gaps.latest[0]?.first_batch ?? Infinity;
      const sender = senders.find(({ collector }) => collector === name);
      sender?.committed(Math.min(epoch.high_water_mark, missing));
    }
    await sleep(50);
  }
}

/** Of an archiver that takes all collectors' batches, or those of some. */
export function configFor(
  archive: string,
  servers: readonly string[],
  collectors?: readonly string[],
): ArchiverConfig {
  const keys = {
    archive,
    api: { port: 0 },
    threads: 1,
    memory_limit: "256MiB",
    nats: { servers, replicas: 3, max_batches: 10_000, ...collectors && { collectors } },
  };
  return parseConfig(JSON.stringify(keys), ArchiverConfigSchema, "archiver.yaml");
}

/** A time of the span, its ends included. */
export function between(random: Random, { least, most }: Span): number {
  return least + randomInteger(random, most - least + 1);
}

/** Resolves after that long. */
export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
