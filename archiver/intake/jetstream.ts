// Batches from NATS JetStream, over one connection: a consumer brings those of all collectors, or one each brings those
// that the config names. An unreachable server is retried until the archiver stops.

import type { NatsConnection } from "nats";
import type { ResendRequest } from "../../shared/batch/batch.ts";
import { encodeResendRequest } from "../../shared/batch/resend_request.ts";
import type { Clock } from "../../shared/clock.ts";
import { logger } from "../../shared/log.ts";
import type { NatsAccess } from "../../shared/nats/access.ts";
import { connectNats } from "../../shared/nats/connect.ts";
import { resendSubject } from "../../shared/subjects.ts";
import { atMost, every, pause, unlessAborted } from "../../shared/waiting.ts";
import type { Claims } from "./claims.ts";
import { retryDelayMs } from "./failure.ts";
import type { Intake } from "./intake.ts";
import { OrderedAcks } from "./ordered_acks.ts";
import { Puller } from "./puller.ts";
import { ACK_WAIT_MS, jetStreamErrorText, openStream, resetConsumer } from "./stream.ts";

/** A third of the server's ack_wait: in time even if one extension is lost. */
const EXTEND_EVERY_MS: number = ACK_WAIT_MS / 3;
/** How soon, and how often again, a collector is asked to send again what the archive lacks. */
const RESEND_CHECK_MS = 1000;
const RESEND_AGAIN_MS = 5000;
/** A cluster elects a leader within ten seconds, and batches wait for it. */
const MAX_RETRY_MS = 500;
/** For the last acknowledgements to reach the server. */
const CLOSE_MS = 2000;

const log = logger("archiver", "nats");

export interface JetStreamOptions {
  readonly servers: readonly string[];
  /** Called for each connection: secrets may be rotated. */
  readonly readAccess: () => Promise<NatsAccess>;
  readonly stream: string;
  readonly maxBatches: number;
  readonly replicas: number;
  /** Those that this archive takes, where several archivers share a stream; null: all. */
  readonly collectors: readonly string[] | null;
  /** See `archiveIdentity`. */
  readonly archive: string;
}

export interface JetStreamDependencies {
  readonly intake: Intake;
  readonly resendRequests: () => { collector: string; resend: ResendRequest }[];
  /** Whether receipts of a collector name what the archive lacks. */
  readonly isWanting: (collector: string) => Promise<boolean>;
  readonly onConnect?: (connection: NatsConnection) => void;
  readonly claims: Claims;
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
  #pullers: readonly Puller[] = [];
  #connection: NatsConnection | null = null;
  readonly #loop: Promise<void>;

  constructor(options: JetStreamOptions, dependencies: JetStreamDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#loop = this.#run();
  }

  status(): JetStreamStatus {
    return {
      server: this.#server,
      problem: this.#problem ?? this.#pullers.find(({ problem }) => problem !== null)?.problem ??
        null,
      unacknowledged: this.#acks.size,
    };
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    if (this.#server === null) await this.#connection?.close();
    await Promise.all(this.#pullers.map((puller) => puller.stop()));
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
        this.#pullers = await this.#makePullers(connection);
        this.#problem = null;
        attempt = 0;
        await Promise.all(this.#pullers.map((puller) => puller.run(connection, signal)));
        // It has let go of all, and takes none.
        if (!connection.isClosed()) await unlessAborted(connection.closed(), signal);
      } catch (error) {
        this.#complain(jetStreamErrorText(error, this.#options.replicas));
      }
      if (this.#connection?.isClosed()) this.#connection = null;
      const delayMs = Math.min(retryDelayMs(attempt), MAX_RETRY_MS);
      await pause(this.#dependencies.clock, delayMs, signal);
    }
  }

  /** Made once, when the first connection says what this archive has claimed so far. */
  async #makePullers(connection: NatsConnection): Promise<readonly Puller[]> {
    if (this.#pullers.length > 0) return this.#pullers.filter(({ hasLeft }) => !hasLeft);
    const { servers, stream, maxBatches, replicas, collectors, archive } = this.#options;
    const { intake, clock, isWanting, claims } = this.#dependencies;
    await openStream(connection, stream, maxBatches, replicas);
    const held = await claims.held(connection);
    const claim = (collector: string | null) => ({ stream, archive, collector });
    if (collectors === null) {
      // One for all brings their batches from now on.
      for (const collector of held) await resetConsumer(connection, claim(collector));
    } else {
      await claims.tell(connection, [...collectors, ...held]);
      // Another archive that takes all says first what it has.
      await resetConsumer(connection, claim(null), false);
    }
    const named = collectors ?? [null];
    const leaving = collectors === null ? [] : held.filter((name) => !collectors.includes(name));
    return [...named, ...leaving].map((collector) =>
      new Puller({
        ...claim(collector),
        maxBatches,
        replicas,
        isLeaving: collector !== null && leaving.includes(collector),
        count: named.length + leaving.length,
      }, {
        intake,
        acks: this.#acks,
        clock,
        servers,
        claims,
        isWanting,
      })
    );
  }

  async #connect(): Promise<NatsConnection> {
    const { signal } = this.#stopping;
    const name = "gossip archiver";
    const access = await this.#options.readAccess();
    const connection = await connectNats({ ...access, name, signal });
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
    for (const puller of this.#pullers) void puller.stop();
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
}
