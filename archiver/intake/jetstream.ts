// Batches from NATS JetStream: pulled while there is room, acknowledged after their commit. An unreachable server is
// retried until the archiver stops.

import type { Consumer, ConsumerMessages, JsMsg, NatsConnection } from "nats";
import type { ResendRequest } from "../../shared/batch/batch.ts";
import { MAX_BATCH_BYTES } from "../../shared/batch/codec.ts";
import { encodeResendRequest } from "../../shared/batch/resend_request.ts";
import type { Clock } from "../../shared/clock.ts";
import { logger } from "../../shared/log.ts";
import type { NatsAccess } from "../../shared/nats/access.ts";
import { connectNats, natsErrorText } from "../../shared/nats/connect.ts";
import { resendSubject, senderOf } from "../../shared/subjects.ts";
import { atMost, every, pause } from "../../shared/waiting.ts";
import { retryDelayMs } from "./failure.ts";
import type { Intake } from "./intake.ts";
import { OrderedAcks } from "./ordered_acks.ts";
import {
  ACK_WAIT_MS,
  CONSUMER,
  openConsumer,
  openStream,
  resetConsumer,
  storedBatches,
} from "./stream.ts";

/** Size of one pull, which may be limited by messages or by bytes, not both. */
const PULL_BATCHES = 16;
const PULL_BYTES: number = PULL_BATCHES * MAX_BATCH_BYTES;
const PULL_MS = 1000;
/** Empty pulls until the stream is asked what it holds. */
const STALLED_PULLS = 3;
/** How long a batch that found no room waits. */
const BUSY_MS = 1000;
/** A third of the server's ack_wait: in time even if one extension is lost. */
const EXTEND_EVERY_MS: number = ACK_WAIT_MS / 3;
/** How soon, and how often again, a collector is asked to send again what the archive lacks. */
const RESEND_CHECK_MS = 1000;
const RESEND_AGAIN_MS = 5000;
/** A cluster elects a leader within ten seconds, and batches wait for it. */
const MAX_RETRY_MS = 1000;
/** For the last acknowledgements to reach the server. */
const CLOSE_MS = 2000;

const log = logger("archiver", "nats");

/** The consumer delivers nothing though batches wait. */
class Stalled extends Error {}

export interface JetStreamOptions {
  readonly servers: readonly string[];
  /** Called for each connection: secrets may be rotated. */
  readonly readAccess: () => Promise<NatsAccess>;
  readonly stream: string;
  readonly maxBatches: number;
  readonly replicas: number;
}

export interface JetStreamDependencies {
  readonly intake: Intake;
  readonly resendRequests: () => { collector: string; resend: ResendRequest }[];
  readonly onConnect?: (connection: NatsConnection) => void;
  readonly clock: Clock;
}

export interface JetStreamStatus {
  /** Null while not connected. */
  readonly server: string | null;
  /** Why no batches come; null while all is well. */
  readonly problem: string | null;
  readonly unacknowledged: number;
}

/** Batches from JetStream. Disposing stops reading and waits for the acknowledgements that are due. */
export class JetStreamIntake implements AsyncDisposable {
  readonly #options: JetStreamOptions;
  readonly #dependencies: JetStreamDependencies;
  readonly #stopping = new AbortController();
  readonly #acks = new OrderedAcks();
  /** When each collector was last asked to send again, µs. */
  readonly #asked = new Map<string, number>();
  #server: string | null = null;
  #problem: string | null = "not connected yet";
  #pull: ConsumerMessages | null = null;
  #connection: NatsConnection | null = null;
  #isFresh = true;
  /** Until a pull brings batches again. */
  #isStalled = false;
  /** Batches that waited at the last look while none was delivered. */
  #waited = 0;
  readonly #loop: Promise<void>;

  constructor(options: JetStreamOptions, dependencies: JetStreamDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#loop = this.#run();
  }

  status(): JetStreamStatus {
    return {
      server: this.#server,
      problem: this.#problem,
      unacknowledged: this.#acks.size,
    };
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    if (this.#server === null) await this.#connection?.close();
    await this.#pull?.close();
    await this.#loop;
  }

  /** {@link stop}, then sends what acknowledgements are left and closes; twice is harmless. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    const connection = this.#connection;
    this.#connection = null;
    if (!connection || connection.isClosed()) return;
    // The server may deliver what was not committed again at once, not only after ack_wait.
    this.#acks.giveBack();
    const { clock } = this.#dependencies;
    await atMost(clock, CLOSE_MS, connection.flush().catch(() => {}));
    await connection.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const connection = this.#connection ??= await this.#connect();
        const { stream, maxBatches, replicas } = this.#options;
        await openStream(connection, stream, maxBatches, replicas);
        if (this.#isFresh) await resetConsumer(connection, stream);
        this.#isFresh = false;
        const consumer = await openConsumer(connection, stream);
        attempt = 0;
        if (!this.#isStalled) this.#settle(`Pulling batches from stream ${stream}`);
        await this.#pullFrom(connection, consumer);
      } catch (error) {
        if (error instanceof Stalled) this.#isStalled = this.#isFresh = true;
        this.#complain(natsErrorText(error));
      }
      if (this.#connection?.isClosed()) this.#connection = null;
      const delayMs = Math.min(retryDelayMs(attempt), MAX_RETRY_MS);
      await pause(this.#dependencies.clock, delayMs, signal);
    }
  }

  async #connect(): Promise<NatsConnection> {
    const { signal } = this.#stopping;
    const name = "gossip archiver";
    const access = await this.#options.readAccess();
    const connection = await connectNats({ ...access, name, signal });
    this.#isFresh = true;
    this.#server = connection.getServer();
    log.info("Connected to {server}", { server: this.#server });
    void connection.closed().then(() => this.#disconnected());
    this.#dependencies.onConnect?.(connection);
    this.#tick(connection, EXTEND_EVERY_MS, () => this.#acks.working());
    this.#tick(connection, RESEND_CHECK_MS, () => this.#requestResends(connection));
    return connection;
  }

  #disconnected(): void {
    this.#server = null;
    this.#complain("disconnected");
    // The server delivers them again.
    this.#acks.forget();
    void this.#pull?.close();
  }

  #requestResends(connection: NatsConnection): void {
    const now = this.#dependencies.clock.now();
    for (const { collector, resend } of this.#dependencies.resendRequests()) {
      const last = this.#asked.get(collector) ?? -Infinity;
      if (now - last < RESEND_AGAIN_MS * 1000) continue;
      this.#asked.set(collector, now);
      connection.publish(resendSubject(collector), encodeResendRequest(resend));
    }
  }

  /** Repeats `work` until the connection is closed. */
  async #tick(connection: NatsConnection, everyMs: number, work: () => void): Promise<void> {
    const ended = new AbortController();
    connection.closed().finally(() => ended.abort());
    await every(this.#dependencies.clock, everyMs, ended.signal, () => {
      if (!connection.isClosed()) work();
    });
  }

  /** Pulls until the archiver stops. @throws {Stalled} when the stream has batches and the consumer delivers none. */
  async #pullFrom(connection: NatsConnection, consumer: Consumer): Promise<void> {
    const { signal } = this.#stopping;
    let emptyPulls = 0;
    while (!signal.aborted) {
      await this.#dependencies.intake.room(PULL_BATCHES, PULL_BYTES);
      if (signal.aborted) return;
      this.#pull = await consumer.fetch({ max_messages: PULL_BATCHES, expires: PULL_MS });
      let pulled = 0;
      for await (const message of this.#pull) {
        pulled++;
        void this.#take(message);
      }
      this.#pull = null;
      if (pulled > 0) this.#settle(`Pulling batches from stream ${this.#options.stream}`);
      emptyPulls = pulled > 0 || this.#acks.size > 0 ? 0 : emptyPulls + 1;
      if (emptyPulls < STALLED_PULLS || signal.aborted) continue;
      // Those of the last pulls may just have come; what waited through all of them is not delivered.
      const waiting = await storedBatches(connection, this.#options.stream);
      if (waiting > 0 && this.#waited > 0) {
        this.#waited = 0;
        throw new Stalled(
          `${waiting} batches wait and consumer ${CONSUMER} delivers none (paused, or changed by another client); ` +
            "making it anew",
        );
      }
      this.#waited = waiting;
      emptyPulls = 0;
    }
  }

  async #take(message: JsMsg): Promise<void> {
    const { intake, clock } = this.#dependencies;
    const { signal } = this.#stopping;
    const given = this.#acks.take(message);
    while (true) {
      const outcome = await intake.submit(message.data, message.subject, senderOf(message.subject));
      if (outcome.status !== "busy") return this.#acks.done(given);
      if (signal.aborted || this.#server === null) return;
      await pause(clock, BUSY_MS, signal);
    }
  }

  #complain(problem: string): void {
    if (this.#stopping.signal.aborted) return;
    const { servers, stream } = this.#options;
    if (problem !== this.#problem) {
      log.warning("Cannot pull batches from stream {stream} at {servers}, retrying: {problem}", {
        servers: servers.join(", "),
        stream,
        problem,
      });
    }
    this.#problem = problem;
  }

  #settle(line: string): void {
    if (this.#problem !== null) log.info(line);
    this.#problem = null;
    this.#isStalled = false;
  }
}
