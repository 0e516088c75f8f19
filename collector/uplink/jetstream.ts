// The uplink to a NATS server with JetStream. A batch is delivered when the stream has acknowledged it.
//
// It carries no message id, by which a stream drops what comes twice: the archive does that. Each server of a cluster drops
// by itself, and one of nats-server 2.9 that was killed takes what the others dropped. Its batches then have other places
// than theirs, and an acknowledgement, which names a place, removes another batch there (nats-server pull request 4365).

import type { NatsConnection } from "nats";
import type { ResendRequest } from "../../shared/batch/batch.ts";
import { decodeResendRequest } from "../../shared/batch/resend_request.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import { logger } from "../../shared/log.ts";
import type { NatsAccess } from "../../shared/nats/access.ts";
import { NatsError, natsErrorText } from "../../shared/nats/connect.ts";
import { findStream, WRONG_STREAM } from "../../shared/nats/streams.ts";
import { printable } from "../../shared/text.ts";
import { batchSubject, resendSubject } from "../../shared/subjects.ts";
import { unlessAborted } from "../../shared/waiting.ts";
import { NatsLink } from "./nats_link.ts";
import { type DeliveryOutcome, type OutgoingBatch, type Uplink, UplinkFault } from "./uplink.ts";

const log = logger("collector", "uplink");

/** How long a stream may take to acknowledge a batch before it is sent again, beside the time to send what is under way. */
const ACK_TIMEOUT_MS = 2000;
const SLOWEST_BYTES_PER_MS = 256;

export interface JetStreamUplinkOptions {
  /** Read again at each connect, since secrets may be rotated. @throws {UserError} when it cannot be read. */
  readonly readAccess: () => Promise<NatsAccess>;
  readonly servers: readonly string[];
  /** The archiver's: no other stream's acknowledgement is a delivery. */
  readonly stream: string;
  readonly collector: string;
  readonly maxOutstanding: number;
  readonly onResendRequest: (resend: ResendRequest) => void;
}

/** Batches by JetStream publish. */
export class JetStreamUplink implements Uplink {
  readonly target: string;
  readonly maxOutstanding: number;
  readonly link: NatsLink;

  readonly #options: JetStreamUplinkOptions;
  #bytesUnderWay = 0;

  constructor(options: JetStreamUplinkOptions) {
    this.#options = options;
    this.maxOutstanding = options.maxOutstanding;
    this.link = new NatsLink(options);
    this.target = this.link.target;
    this.link.onConnect((connection) => this.#hearResendRequests(connection));
  }

  async send(batch: OutgoingBatch, signal: AbortSignal): Promise<DeliveryOutcome> {
    signal.throwIfAborted();
    if (this.link.isClosed) throw new UplinkFault("unreachable", "the uplink is closed");
    return await unlessAborted(this.#publish(batch), signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.link[Symbol.asyncDispose]();
  }

  async #publish(batch: OutgoingBatch): Promise<DeliveryOutcome> {
    const { collector, stream } = this.#options;
    let connection: NatsConnection | undefined;
    this.#bytesUnderWay += batch.bytes.length;
    try {
      connection = await this.link.connection();
      const ack = await connection.jetstream().publish(batchSubject(collector), batch.bytes, {
        expect: { streamName: stream },
        timeout: ACK_TIMEOUT_MS + this.#bytesUnderWay / SLOWEST_BYTES_PER_MS,
      });
      if (ack.stream !== stream) throw this.#wrongStream(ack.stream);
      return "stored";
    } catch (error) {
      if (error instanceof UplinkFault) throw error;
      if (!(error instanceof NatsError) || !connection) throw faultOf(error);
      if (error.api_error?.err_code === WRONG_STREAM) {
        throw this.#wrongStream(await findStream(connection, batchSubject(collector)));
      }
      // The client knows the limit of the time when it connected.
      if (error.code === "MAX_PAYLOAD_EXCEEDED") void connection.close();
      throw faultOf(error);
    } finally {
      this.#bytesUnderWay -= batch.bytes.length;
    }
  }

  #wrongStream(found: string | null): UplinkFault {
    const { collector, stream } = this.#options;
    const other = found === null ? "another stream" : `stream ${printable(found)}`;
    return new UplinkFault(
      "refused",
      `${other} takes ${batchSubject(collector)} in place of ${stream}, the archiver's: ` +
        "delete it or narrow its subjects (or set uplink.stream)",
    );
  }

  #hearResendRequests(connection: NatsConnection): void {
    connection.subscribe(resendSubject(this.#options.collector), {
      callback: (error, message) => {
        try {
          if (error) throw error;
          this.#options.onResendRequest(decodeResendRequest(message.data));
        } catch (error) {
          log.warning("Ignoring a malformed resend request: {reason}", {
            reason: errorText(error),
          });
        }
      },
    });
  }
}

/** What a client's error means for a batch. */
function faultOf(error: unknown): UplinkFault {
  const options = { cause: error };
  if (!(error instanceof NatsError)) {
    const code = error instanceof UserError ? "refused" : "unreachable";
    return new UplinkFault(code, errorText(error), options);
  }
  if (error.api_error) {
    // JetStream answers 503 with "maximum bytes exceeded" (10077) and the like when a stream takes no more.
    const code = error.api_error.code === 503 ? "full" : "refused";
    return new UplinkFault(code, `the stream says: ${error.api_error.description}`, options);
  }
  switch (error.code) {
    case "503":
      return new UplinkFault(
        "no_stream",
        "no stream takes batches: the archiver has not made it yet, or this account has no JetStream",
        options,
      );
    case "TIMEOUT":
      return new UplinkFault("unreachable", "no acknowledgement came", options);
    case "MAX_PAYLOAD_EXCEEDED":
      return new UplinkFault("refused", "the server's max_payload is below 1 MiB", options);
    case "PERMISSIONS_VIOLATION":
    case "AUTHORIZATION_VIOLATION":
    case "AUTHENTICATION_EXPIRED":
      return new UplinkFault("refused", natsErrorText(error), options);
    default:
      return new UplinkFault("unreachable", natsErrorText(error), options);
  }
}
