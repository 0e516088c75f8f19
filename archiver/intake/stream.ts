// The stream and the durable consumer that batches come from.

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
 * The limit is a number of batches: at a limit in bytes nats-server before 2.10.5 drops the oldest although it is to
 * refuse the newest (nats-server issue 4775).
 *
 * @param maxBatches what may wait in the stream.
 * @throws {NatsError} when the server does not answer, has no JetStream, or holds a stream that cannot be changed so.
 */
export async function openStream(
  connection: NatsConnection,
  stream: string,
  maxBatches: number,
): Promise<void> {
  const manager = await connection.jetstreamManager();
  const config = {
    subjects: [BATCHES],
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    max_msgs: maxBatches,
    max_bytes: -1,
  };
  try {
    const { state, config: found } = await manager.streams.info(stream);
    // Before 2.10.5 a server that is given a limit below what it holds drops the oldest. What comes meanwhile counts too.
    if (state.messages > maxBatches / 2 && !(found.max_msgs > 0 && found.max_msgs < maxBatches)) {
      config.max_msgs = found.max_msgs;
    }
    await manager.streams.update(stream, config);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await manager.streams.add({ name: stream, ...config });
  }
}

/**
 * Forgets what was given out over an earlier connection and not acknowledged, so that all of it comes again at once and
 * in order, rather than one by one as the server's patience ends. The stream keeps what is not acknowledged. What was,
 * but is there again after the server was killed, comes again too: else it would stay for ever.
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
