/**
 * The uplink to a NATS server with JetStream. A batch is delivered when the stream has acknowledged it; its message id
 * lets the stream drop what comes twice within its window, and the archive drops what comes later.
 *
 * The client reads no environment, no files and nothing of the system: network access to the listed servers is all.
 *
 * @module
 */
import { connect, type JetStreamClient, type NatsConnection, NatsError } from "nats";
import { batchId, type Want } from "../../shared/batch/batch.ts";
import { decodeWant } from "../../shared/batch/want.ts";
import { errorText } from "../../shared/errors.ts";
import { logger } from "../../shared/log.ts";
import { batchSubject, wantSubject } from "../../shared/subjects.ts";
import { type Outcome, type OutgoingBatch, type Uplink, UplinkFault } from "./uplink.ts";

const log = logger("collector", "uplink");

const CONNECT_TIMEOUT_MILLISECONDS = 5000;
/** How long a stream may take to acknowledge a batch before it is sent again. */
const ACK_TIMEOUT_MILLISECONDS = 10_000;
/** Between two attempts to connect again; a random part of as much comes on top. */
const RECONNECT_MILLISECONDS = 500;
/** A connection without a sign of life is given up after two of these. */
const PING_MILLISECONDS = 20_000;

/** What a JetStream uplink needs. */
export interface JetStreamUplinkOptions {
  /** `nats://host:port` of one or more servers. */
  readonly servers: readonly string[];
  /** The collector's name: its subject ends in it. */
  readonly collector: string;
  /** How many batches may be under way without an acknowledgement. */
  readonly maxOutstanding: number;
  /** Hears what the archive wants told again. */
  readonly onWant: (want: Want) => void;
}

/** A connection and what belongs to it. */
interface Link {
  readonly connection: NatsConnection;
  readonly jetstream: JetStreamClient;
}

/** Batches by JetStream publish. */
export class JetStreamUplink implements Uplink {
  /** See {@link Uplink.target}. */
  readonly target: string;
  /** See {@link Uplink.maxOutstanding}. */
  readonly maxOutstanding: number;

  readonly #options: JetStreamUplinkOptions;
  #link: Promise<Link> | null = null;
  #connected = false;
  /** Ends the wait for an acknowledgement that will not come. */
  readonly #waiting = new Set<(reason: unknown) => void>();
  #closed = false;

  /** Connects with the first batch, and from then on again and again. */
  constructor(options: JetStreamUplinkOptions) {
    this.#options = options;
    this.maxOutstanding = options.maxOutstanding;
    // A server's address may carry a password.
    this.target = options.servers.map((server) => server.replace(/[^/@]*@/, "")).join(", ");
  }

  /** See {@link Uplink.send}. */
  async send(batch: OutgoingBatch, signal: AbortSignal): Promise<Outcome> {
    signal.throwIfAborted();
    const { jetstream } = await (this.#link ??= this.#open());
    signal.throwIfAborted();
    if (!this.#connected) throw new UplinkFault("unreachable", "the connection is lost");
    return await new Promise((resolve, reject) => {
      const settle = (end: () => void) => {
        this.#waiting.delete(fail);
        signal.removeEventListener("abort", onAbort);
        end();
      };
      const fail = (reason: unknown) => settle(() => reject(reason));
      const onAbort = () => fail(signal.reason);
      this.#waiting.add(fail);
      signal.addEventListener("abort", onAbort, { once: true });
      jetstream.publish(batchSubject(this.#options.collector), batch.bytes, {
        msgID: batchId({ ...batch, collector: this.#options.collector }),
        timeout: ACK_TIMEOUT_MILLISECONDS,
      }).then(
        (ack) => settle(() => resolve(ack.duplicate ? "duplicate" : "stored")),
        (error) => fail(faultOf(error)),
      );
    });
  }

  /** Closes the connection; what is under way fails. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const link = await this.#link?.catch(() => null);
    await link?.connection.close();
  }

  async #open(): Promise<Link> {
    try {
      if (this.#closed) throw new UplinkFault("unreachable", "the uplink is closed");
      const connection = await connect({
        servers: [...this.#options.servers],
        name: `gossip collector ${this.#options.collector}`,
        timeout: CONNECT_TIMEOUT_MILLISECONDS,
        maxReconnectAttempts: -1,
        reconnectTimeWait: RECONNECT_MILLISECONDS,
        reconnectJitter: RECONNECT_MILLISECONDS,
        pingInterval: PING_MILLISECONDS,
        // Other servers of a cluster are beyond the permissions unless the config names them.
        ignoreClusterUpdates: true,
      });
      this.#connected = true;
      void this.#watch(connection);
      this.#hearWants(connection);
      return { connection, jetstream: connection.jetstream() };
    } catch (error) {
      this.#link = null;
      throw error instanceof UplinkFault ? error : faultOf(error);
    }
  }

  /** Follows the connection's state to its end. */
  async #watch(connection: NatsConnection): Promise<void> {
    for await (const { type } of connection.status()) {
      if (type === "reconnect") this.#connected = true;
      else if (type === "disconnect") this.#lost();
    }
    // Closed: by us, or by the client because the server refuses us. A later batch connects anew.
    this.#lost();
    this.#link = null;
  }

  #lost(): void {
    this.#connected = false;
    const fault = new UplinkFault("unreachable", "the connection is lost");
    for (const fail of [...this.#waiting]) fail(fault);
  }

  #hearWants(connection: NatsConnection): void {
    connection.subscribe(wantSubject(this.#options.collector), {
      callback: (error, message) => {
        try {
          if (error) throw error;
          this.#options.onWant(decodeWant(message.data));
        } catch (error) {
          log.warning("Cannot read what the archive wants: {reason}", { reason: errorText(error) });
        }
      },
    });
  }
}

/** What a client's error means for a batch. */
function faultOf(error: unknown): UplinkFault {
  const options = { cause: error };
  if (!(error instanceof NatsError)) {
    return new UplinkFault("unreachable", errorText(error), options);
  }
  if (error.api_error) {
    // JetStream answers 503 with "maximum bytes exceeded" (10077) and the like when a stream takes no more.
    const code = error.api_error.code === 503 ? "full" : "refused";
    return new UplinkFault(code, `the stream says: ${error.api_error.description}`, options);
  }
  switch (error.code) {
    case "503":
      return new UplinkFault("no_stream", "no stream takes batches yet", options);
    case "TIMEOUT":
      return new UplinkFault("unreachable", "no acknowledgement in time", options);
    case "MAX_PAYLOAD_EXCEEDED":
      return new UplinkFault("refused", "the server's max_payload is below 1 MiB", options);
    case "PERMISSIONS_VIOLATION":
    case "AUTHORIZATION_VIOLATION":
    case "AUTHENTICATION_EXPIRED":
      return new UplinkFault("refused", error.message, options);
    default:
      return new UplinkFault("unreachable", error.message, options);
  }
}
