// One consumer: its batches are pulled while there is room, and acknowledged after their commit.

import type { Consumer, ConsumerMessages, JsMsg, NatsConnection } from "nats";
import { MAX_BATCH_BYTES } from "../../shared/batch/codec.ts";
import type { Clock } from "../../shared/clock.ts";
import { logger } from "../../shared/log.ts";
import { BATCHES, batchSubject } from "../../shared/subjects.ts";
import { pause } from "../../shared/waiting.ts";
import type { Claims } from "./claims.ts";
import { retryDelayMs } from "./failure.ts";
import type { Intake } from "./intake.ts";
import { Live } from "./live.ts";
import type { OrderedAcks } from "./ordered_acks.ts";
import {
  type Claim,
  ClaimedByAnother,
  consumerOf,
  jetStreamErrorText,
  lastSequence,
  openConsumer,
  openStream,
  resetConsumer,
  storedBatches,
} from "./stream.ts";

/** Size of one pull, which may be limited by messages or by bytes, not both. */
const PULL_BATCHES = 16;
const PULL_MS = 1000;
/** Empty pulls until the stream is asked what it holds. */
const STALLED_PULLS = 3;
/** How long a batch that found no room waits. */
const BUSY_MS = 1000;
/** A cluster elects a leader within ten seconds, and batches wait for it. */
const MAX_RETRY_MS = 500;
/** How long a collector that is let go is waited for, to send again what receipts name. */
const MAX_RESEND_MS = 30_000;
/** How often is looked whether all is committed. */
const COMMITTED_MS = 100;

const log = logger("archiver", "nats");

/** The consumer delivers nothing though batches wait. */
class Stalled extends Error {}

export interface PullerOptions extends Claim {
  readonly maxBatches: number;
  readonly replicas: number;
  /** Of a collector that the config no longer names: take what is there, then let it go. */
  readonly isLeaving: boolean;
  /** Pullers that share the intake's room. */
  readonly count: number;
}

export interface PullerDependencies {
  readonly intake: Intake;
  readonly acks: OrderedAcks;
  readonly clock: Clock;
  readonly servers: readonly string[];
  readonly claims: Claims;
  /** Whether receipts name what a collector has to send again. */
  readonly isWanting: (collector: string) => Promise<boolean>;
}

/** Pulls from one consumer, over one connection after the other. */
export class Puller {
  /** Why no batches come; null while all is well. */
  problem: string | null = "not connected yet";
  /** A leaving one has let go. */
  hasLeft = false;
  readonly #options: PullerOptions;
  readonly #dependencies: PullerDependencies;
  readonly #live: Live;
  #pull: ConsumerMessages | null = null;
  /** Until a pull brings batches again. */
  #isStalled = false;
  /** Batches that waited at the last look while none was delivered. */
  #waited = 0;
  /** Batches submitted and not committed yet. */
  #underWay = 0;

  constructor(options: PullerOptions, dependencies: PullerDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    const { collector, stream } = options;
    const subject = collector === null ? BATCHES : batchSubject(collector);
    this.#live = new Live(stream, subject, dependencies.intake);
  }

  /** Pulls until the connection closes or the signal aborts. A new connection begins with all that is unacknowledged. */
  async run(connection: NatsConnection, signal: AbortSignal): Promise<void> {
    const opened = new AbortController();
    const { clock } = this.#dependencies;
    const reading = this.#live.resume(connection, clock, AbortSignal.any([signal, opened.signal]));
    await this.#run(connection, signal, () => opened.abort());
    opened.abort();
    await reading;
  }

  async #run(
    connection: NatsConnection,
    signal: AbortSignal,
    onOpened: () => void,
  ): Promise<void> {
    const { stream, maxBatches, replicas, collector } = this.#options;
    const { clock, claims } = this.#dependencies;
    let isFresh = true;
    for (let attempt = 0; !signal.aborted && !connection.isClosed(); attempt++) {
      try {
        await openStream(connection, stream, maxBatches, replicas);
        await (collector === null ? claims.learn(connection) : claims.claim(connection, collector));
        if (isFresh) await resetConsumer(connection, this.#options);
        isFresh = false;
        const consumer = await openConsumer(connection, this.#options);
        onOpened();
        attempt = 0;
        if (!this.#isStalled) this.#settle();
        await this.#pullFrom(connection, consumer, signal);
        if (this.hasLeft) return;
      } catch (error) {
        if (error instanceof Stalled) this.#isStalled = isFresh = true;
        if (error instanceof ClaimedByAnother) {
          // It was let go, and only the server's answer to that was lost.
          if (this.#options.isLeaving) return this.#letGo();
          this.#live.stop();
          isFresh = true;
        }
        if (!signal.aborted) this.complain(jetStreamErrorText(error, replicas));
      }
      if (connection.isClosed()) return;
      await pause(clock, Math.min(retryDelayMs(attempt), MAX_RETRY_MS), signal);
    }
  }

  /** Ends the pull under way. */
  async stop(): Promise<void> {
    await this.#pull?.close();
  }

  complain(problem: string): void {
    const { stream, collector } = this.#options;
    const { servers } = this.#dependencies;
    if (problem !== this.problem) {
      log.warning("Cannot pull {what} from stream {stream} at {servers}, retrying: {problem}", {
        what: whose(collector),
        servers: servers.join(", "),
        stream,
        problem,
      });
    }
    this.problem = problem;
  }

  /** @throws {Stalled} when the stream has batches and the consumer delivers none. */
  async #pullFrom(
    connection: NatsConnection,
    consumer: Consumer,
    signal: AbortSignal,
  ): Promise<void> {
    const { isLeaving, count, replicas } = this.#options;
    const { intake, acks, clock } = this.#dependencies;
    const size = Math.max(1, Math.floor(PULL_BATCHES / count));
    const began = clock.now();
    // What was sent by now is taken here; what comes later may be the next archive's.
    const last = isLeaving ? await lastSequence(connection, this.#options.stream) : 0;
    let [emptyPulls, reached, pending] = [0, 0, 0];
    while (!signal.aborted) {
      await intake.room(size, size * MAX_BATCH_BYTES);
      if (signal.aborted) return;
      this.#pull = await consumer.fetch({ max_messages: size, expires: PULL_MS });
      let pulled = 0;
      for await (const message of this.#pull) {
        pulled++;
        reached = Math.max(reached, message.seq);
        pending = message.info.pending;
        void this.#take(message, connection, signal);
      }
      this.#pull = null;
      if (pulled > 0) this.#settle();
      if (replicas > 1 && !isLeaving && pending <= size) this.#live.start(connection);
      emptyPulls = pulled > 0 || acks.size > 0 ? 0 : emptyPulls + 1;
      const isThrough = pulled === 0 || reached >= last;
      if (isLeaving && isThrough && await this.#leave(connection, began, signal)) return;
      if (emptyPulls < STALLED_PULLS || signal.aborted) continue;
      await this.#look(connection);
      emptyPulls = 0;
    }
  }

  /** Those of the last pulls may just have come; what waited through all of them is not delivered. */
  async #look(connection: NatsConnection): Promise<void> {
    const waiting = await storedBatches(connection, this.#options);
    const isStalled = waiting > 0 && this.#waited > 0;
    this.#waited = isStalled ? 0 : waiting;
    if (!isStalled) return;
    throw new Stalled(
      `${waiting} batches wait and consumer ${
        consumerOf(this.#options)
      } delivers none (paused, or changed by another ` +
        "client); making it anew",
    );
  }

  /**
   * Lets go once all that the consumer brought is committed. What the server has no acknowledgement of comes to the next
   * archive, which knows by the claim that it is here. @returns whether it did.
   */
  async #leave(
    connection: NatsConnection,
    began: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { isWanting, clock, claims } = this.#dependencies;
    const { collector } = this.#options;
    const waited = (clock.now() - began) / 1000;
    if (waited < MAX_RESEND_MS && await isWanting(collector!)) return false;
    while (this.#underWay > 0) {
      if (!await pause(clock, COMMITTED_MS, signal)) return false;
    }
    await resetConsumer(connection, this.#options);
    await claims.handOver(connection, collector!);
    this.#letGo();
    return true;
  }

  #letGo(): void {
    this.hasLeft = true;
    const { collector } = this.#options;
    log.info("{collector} is another archive's from now on: all that it sent is here", {
      collector,
    });
  }

  async #take(message: JsMsg, connection: NatsConnection, signal: AbortSignal): Promise<void> {
    // Read after its connection was lost: it comes again, and its place among the acknowledgements would never be free.
    if (connection.isClosed()) return;
    const { acks, clock } = this.#dependencies;
    const given = acks.take(message);
    this.#underWay++;
    while (!signal.aborted && !connection.isClosed()) {
      const outcome = await this.#live.submit(message);
      if (outcome.status !== "busy") {
        acks.done(given);
        break;
      }
      await pause(clock, BUSY_MS, signal);
    }
    this.#underWay--;
  }

  #settle(): void {
    if (this.problem !== null) {
      const { stream, collector } = this.#options;
      log.info("Pulling {what} from stream {stream}", { what: whose(collector), stream });
    }
    this.problem = null;
    this.#isStalled = false;
  }
}

function whose(collector: string | null): string {
  return collector === null ? "batches" : `batches of ${collector}`;
}
