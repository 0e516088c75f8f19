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
  type StreamConfig,
} from "nats";
import { findStream, OVERLAPPING_STREAM } from "../../shared/nats/streams.ts";
import { printable } from "../../shared/text.ts";
import { BATCHES } from "../../shared/subjects.ts";

export const CONSUMER = "archiver";
/** The server delivers a batch again after this long without an acknowledgement or extension. */
export const ACK_WAIT_MS = 10_000;
const MAX_ACK_PENDING = 512;
/** Without a leader a cluster does not answer at all; the next question may come just after the election. */
const API = { timeout: 2000 };

/**
 * Makes or updates the stream. A full stream refuses new batches, which wait in the collectors' spools; none is dropped.
 *
 * The limit counts batches: at a limit in bytes nats-server before 2.10.5 drops the oldest instead of refusing the newest
 * (nats-server issue 4775).
 *
 * @param maxBatches what may wait in the stream. @param replicas servers of a cluster that keep it.
 * @throws {NatsError} when the server does not answer, has no JetStream, or cannot change its stream like this.
 */
export async function openStream(
  connection: NatsConnection,
  stream: string,
  maxBatches: number,
  replicas = 1,
): Promise<void> {
  const manager = await connection.jetstreamManager(API);
  const config = {
    subjects: [BATCHES],
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    max_msgs: maxBatches,
    max_bytes: -1,
    num_replicas: replicas,
  };
  try {
    const { state, config: found } = await manager.streams.info(stream);
    // Before 2.10.5 a server drops the oldest when the limit is set below what it holds, or will hold by then.
    if (state.messages > maxBatches / 2 && !(found.max_msgs > 0 && found.max_msgs < maxBatches)) {
      config.max_msgs = found.max_msgs;
    }
    await manager.streams.update(stream, config);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await addStream(connection, stream, config);
  }
}

async function addStream(
  connection: NatsConnection,
  name: string,
  config: Partial<StreamConfig>,
): Promise<void> {
  try {
    await (await connection.jetstreamManager(API)).streams.add({ name, ...config });
  } catch (error) {
    const overlaps = error instanceof NatsError && error.api_error?.err_code === OVERLAPPING_STREAM;
    if (!overlaps) throw error;
    const other = await findStream(connection, BATCHES) ?? "another stream";
    const problem = `${
      printable(other)
    } takes ${BATCHES} already: delete it or narrow its subjects`;
    throw new Error(`Cannot make stream ${name}: ${problem}`, { cause: error });
  }
}

/**
 * Deletes the consumer, so that all that an earlier connection left unacknowledged is delivered again at once and in
 * order, not one by one after ack_wait. Acknowledged batches that a killed server restored come again, too; else they
 * would stay for ever.
 * @throws {NatsError} when the server does not answer.
 */
export async function resetConsumer(connection: NatsConnection, stream: string): Promise<void> {
  const manager = await connection.jetstreamManager(API);
  try {
    await manager.consumers.delete(stream, CONSUMER);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/**
 * Makes or updates the durable consumer.
 * @throws {NatsError} when the server does not answer, or cannot change its consumer like this.
 */
export async function openConsumer(connection: NatsConnection, stream: string): Promise<Consumer> {
  const manager = await connection.jetstreamManager(API);
  await manager.consumers.add(stream, {
    durable_name: CONSUMER,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    ack_wait: nanos(ACK_WAIT_MS),
    max_ack_pending: MAX_ACK_PENDING,
    max_deliver: -1,
  });
  return await connection.jetstream(API).consumers.get(stream, CONSUMER);
}

/** Batches in the stream, delivered or not: an acknowledged one leaves it. */
export async function storedBatches(connection: NatsConnection, stream: string): Promise<number> {
  const manager = await connection.jetstreamManager(API);
  return (await manager.streams.info(stream)).state.messages;
}

function isNotFound(error: unknown): boolean {
  return error instanceof NatsError && error.code === ErrorCode.JetStream404NoMessages;
}
