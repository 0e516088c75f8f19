/**
 * The stream and the durable consumer that batches come from.
 *
 * @module
 */
import {
  AckPolicy,
  type Consumer,
  DeliverPolicy,
  DiscardPolicy,
  ErrorCode,
  nanos,
  type NatsConnection,
  NatsError,
  RetentionPolicy,
  StorageType,
} from "nats";
import { BATCHES } from "../../shared/subjects.ts";

/** The durable consumer's name. */
const CONSUMER = "archiver";
/** After this long without an acknowledgement or a word of patience the server gives a batch out again. */
export const ACK_WAIT_MILLISECONDS = 10_000;
/** Batches given out and not acknowledged, at most. */
const MAX_ACK_PENDING = 512;

/**
 * Makes the stream, or brings it up to date. A full stream refuses new batches: they wait in the collectors' spools, and
 * none is ever dropped for another.
 *
 * @param maxBytes what may wait in the stream.
 * @throws {NatsError} when the server does not answer, has no JetStream, or holds a stream that cannot be changed so.
 */
export async function openStream(
  connection: NatsConnection,
  stream: string,
  maxBytes: number,
): Promise<void> {
  const manager = await connection.jetstreamManager();
  const config = {
    subjects: [BATCHES],
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    max_bytes: maxBytes,
  };
  try {
    await manager.streams.update(stream, config);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await manager.streams.add({ name: stream, ...config });
  }
}

/**
 * Forgets what an archiver before this one was given and did not acknowledge, so that all of it comes again at once and
 * in order, rather than one by one as the server's patience ends. The stream keeps what is not acknowledged.
 *
 * @throws {NatsError} when the server does not answer.
 */
export async function resetConsumer(connection: NatsConnection, stream: string): Promise<void> {
  const manager = await connection.jetstreamManager();
  try {
    await manager.consumers.delete(stream, CONSUMER);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/**
 * Makes the durable consumer, or brings it up to date, and gives it.
 *
 * @throws {NatsError} when the server does not answer, or holds a consumer that cannot be changed so.
 */
export async function openConsumer(connection: NatsConnection, stream: string): Promise<Consumer> {
  const manager = await connection.jetstreamManager();
  await manager.consumers.add(stream, {
    durable_name: CONSUMER,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    ack_wait: nanos(ACK_WAIT_MILLISECONDS),
    max_ack_pending: MAX_ACK_PENDING,
    max_deliver: -1,
  });
  return await connection.jetstream().consumers.get(stream, CONSUMER);
}

function isNotFound(error: unknown): boolean {
  return error instanceof NatsError && error.code === ErrorCode.JetStream404NoMessages;
}
