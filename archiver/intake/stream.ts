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
/**
 * After this long without an acknowledgement or a word of patience the server gives a batch out again. Short, so that
 * the batches a killed archiver held come soon after its restart.
 */
export const ACK_WAIT_MILLISECONDS = 10_000;
/** Batches given out and not acknowledged, at most. */
const MAX_ACK_PENDING = 512;

/**
 * Makes the stream and its consumer, or brings them up to date, and gives the consumer.
 *
 * A full stream refuses new batches: they wait in the collectors' spools, and none is ever dropped for another.
 *
 * @param maxBytes what may wait in the stream.
 * @throws {NatsError} when the server does not answer, has no JetStream, or holds a stream that cannot be changed so.
 */
export async function openConsumer(
  connection: NatsConnection,
  stream: string,
  maxBytes: number,
): Promise<Consumer> {
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
    if (!(error instanceof NatsError && error.code === ErrorCode.JetStream404NoMessages)) {
      throw error;
    }
    await manager.streams.add({ name: stream, ...config });
  }
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
