// The stream and the durable consumer that batches come from.

import {
  AckPolicy,
  type Consumer,
  DeliverPolicy,
  DiscardPolicy,
  ErrorCode,
  type Msg,
  nanos,
  type NatsConnection,
  NatsError,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "nats";
import { natsErrorText } from "../../shared/nats/connect.ts";
import { findStream, OVERLAPPING_STREAM } from "../../shared/nats/streams.ts";
import { printable } from "../../shared/text.ts";
import { BATCHES, batchSubject } from "../../shared/subjects.ts";

const CONSUMER = "archiver";
/** The server delivers a batch again after this long without an acknowledgement or extension. */
export const ACK_WAIT_MS = 10_000;
const MAX_ACK_PENDING = 512;
/**
 * Without a leader a cluster does not answer at all; the next question may come just after the election. The client would
 * ask for the account first, which takes another leader.
 */
const API = { timeout: 1500, checkAPI: false };
/** A server's own answer; one that was just killed gives none. */
const READ_TIMEOUT_MS = 500;
/** The server's error code while the cluster has no leader. */
const NO_LEADER = 10_008;
/** Its codes for a stream that it cannot keep on so many servers. */
const NOT_PLACED: ReadonlySet<number> = new Set([10_005, 10_023, 10_074]);
/** The same for a consumer of messages that another one has. */
const NOT_UNIQUE: ReadonlySet<number> = new Set([10_099, 10_100]);

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
    allow_direct: replicas > 1,
  };
  try {
    const { state, config: found } = await manager.streams.info(stream);
    // Before 2.10.5 a server drops the oldest when the limit is set below what it holds, or will hold by then.
    if (state.messages > maxBatches / 2 && !(found.max_msgs > 0 && found.max_msgs < maxBatches)) {
      config.max_msgs = found.max_msgs;
    }
    await manager.streams.update(stream, config);
  } catch (error) {
    if (!isNotFound(error)) throw refusalOf(error, stream, replicas);
    await addStream(connection, stream, config);
  }
}

/** Why a server did not do as asked, in words. */
export function jetStreamErrorText(error: unknown, replicas: number): string {
  const text = natsErrorText(error);
  if (!(error instanceof NatsError) || replicas === 1) return text;
  const isMute = error.code === ErrorCode.Timeout || error.code === ErrorCode.NoResponders;
  const lacksMajority = error.api_error ? error.api_error.err_code === NO_LEADER : isMute;
  return lacksMajority ? `${text} (of a cluster, most servers must run)` : text;
}

/** Why a server does not make or change a stream. */
function refusalOf(error: unknown, stream: string, replicas: number): unknown {
  const refusal = error instanceof NatsError ? error.api_error : undefined;
  if (!refusal || !NOT_PLACED.has(refusal.err_code ?? 0)) return error;
  return new Error(
    `stream ${stream} cannot be kept on ${replicas} servers (nats.replicas), so many of one cluster must run with ` +
      `JetStream: ${printable(refusal.description)}`,
    { cause: error },
  );
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
    if (!overlaps) throw refusalOf(error, name, config.num_replicas ?? 1);
    const other = await findStream(connection, BATCHES) ?? "another stream";
    const problem = `${
      printable(other)
    } takes ${BATCHES} already: delete it or narrow its subjects`;
    throw new Error(`Cannot make stream ${name}: ${problem}`, { cause: error });
  }
}

/** A batch as it comes over NATS. */
export type BatchMessage = Pick<Msg, "subject" | "data">;

/** Whose batches a consumer brings, and for which archive. */
export interface Claim {
  readonly stream: string;
  /** Which archive this is; see `archiveIdentity`. */
  readonly archive: string;
  /** Null: all collectors'. */
  readonly collector: string | null;
}

/**
 * The durable consumer of a claim, the same for every archive: a server that was away may keep a deleted one for ever, and
 * with it (nats-server 2.9) refuse another of the same subject, but not of the same name.
 */
export function consumerOf({ collector }: Pick<Claim, "collector">): string {
  return collector === null ? CONSUMER : `${CONSUMER}-${collector}`;
}

/**
 * The first batch from a place on, of any server that keeps the stream: it takes no leader. Null when there is none.
 * @throws {NatsError} when no server answers.
 */
export async function readNext(
  connection: NatsConnection,
  stream: string,
  subject: string,
  from: number,
): Promise<{ message: BatchMessage; seq: number } | null> {
  const query = JSON.stringify({ seq: from, next_by_subj: subject });
  const subjectOfGet = `$JS.API.DIRECT.GET.${stream}`;
  const answer = await connection.request(subjectOfGet, query, { timeout: READ_TIMEOUT_MS });
  const { headers, data } = answer;
  const found = headers?.get("Nats-Subject");
  if (!headers || !found) return null;
  return { message: { subject: found, data }, seq: Number(headers.get("Nats-Sequence")) };
}

/** Subjects of what a stream holds; none when it is not there. @throws {NatsError} when the server does not answer. */
export async function subjectsOf(connection: NatsConnection, stream: string): Promise<string[]> {
  const manager = await connection.jetstreamManager(API);
  try {
    const { state } = await manager.streams.info(stream, { subjects_filter: ">" });
    return Object.keys(state.subjects ?? {});
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}

/** The place of the newest batch in the stream. */
export async function lastSequence(connection: NatsConnection, stream: string): Promise<number> {
  const manager = await connection.jetstreamManager(API);
  return (await manager.streams.info(stream)).state.last_seq;
}

/**
 * Deletes the consumer, so that all that an earlier connection left unacknowledged is delivered again at once and in
 * order, not one by one after ack_wait. Acknowledged batches that a killed server restored come again, too; else they
 * would stay for ever.
 * @param mayTakeOver whether one for all collectors goes that is another archive's, from which nobody pulls.
 * @throws {NatsError} when the server does not answer. @throws {ClaimedByAnother} when an archiver is at work with it.
 */
export async function resetConsumer(
  connection: NatsConnection,
  claim: Claim,
  mayTakeOver = true,
): Promise<void> {
  const manager = await connection.jetstreamManager(API);
  const { stream, archive, collector } = claim;
  const taker = collector === null ? await takerOfAll(connection, stream) : null;
  if (taker && taker.archive !== archive && (!mayTakeOver || taker.waiting > 0)) {
    throw claimedBy(consumerOf(claim));
  }
  try {
    await manager.consumers.delete(stream, consumerOf(claim));
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** The archive that takes all collectors' batches, and pulls that wait; null when none does. @throws {NatsError} */
export async function takerOfAll(
  connection: NatsConnection,
  stream: string,
): Promise<{ archive: string; waiting: number } | null> {
  try {
    const manager = await connection.jetstreamManager(API);
    const { config, num_waiting } = await manager.consumers.info(stream, CONSUMER);
    return { archive: config.description ?? "", waiting: num_waiting };
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

/**
 * Makes or updates the durable consumer.
 * @throws {NatsError} when the server does not answer, or cannot change its consumer like this. @throws {ClaimedByAnother}
 */
export async function openConsumer(connection: NatsConnection, claim: Claim): Promise<Consumer> {
  const manager = await connection.jetstreamManager(API);
  const { stream, archive, collector } = claim;
  const name = consumerOf(claim);
  const adding = manager.consumers.add(stream, {
    durable_name: name,
    description: archive,
    ...collector !== null && { filter_subject: batchSubject(collector) },
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    ack_wait: nanos(ACK_WAIT_MS),
    max_ack_pending: MAX_ACK_PENDING,
    max_deliver: -1,
  });
  try {
    await adding;
  } catch (error) {
    const code = error instanceof NatsError ? error.api_error?.err_code : undefined;
    if (code === undefined || !NOT_UNIQUE.has(code)) throw error;
    throw claimedBy(await rivalOf(connection, claim), error);
  }
  return await connection.jetstream(API).consumers.get(stream, name);
}

async function rivalOf(connection: NatsConnection, claim: Claim): Promise<string> {
  const manager = await connection.jetstreamManager(API);
  const consumers = await Array.fromAsync(manager.consumers.list(claim.stream));
  const subject = claim.collector === null ? null : batchSubject(claim.collector);
  const rival = consumers.find(({ name, config: { filter_subject: filter } }) =>
    name !== consumerOf(claim) && (subject === null || !filter || filter === subject)
  );
  return rival?.name ?? "that is not listed";
}

function claimedBy(consumer: string, cause?: unknown): ClaimedByAnother {
  return new ClaimedByAnother(
    `another archiver takes batches of this stream (consumer ${
      printable(consumer)
    }): name each collector in the ` +
      "nats.collectors of one archiver alone; if that one is gone for good, run deno task archive release, or delete it",
    { cause },
  );
}

/** Another archive takes these batches. */
export class ClaimedByAnother extends Error {}

/** Batches of a claim in the stream, delivered or not: an acknowledged one leaves it. */
export async function storedBatches(
  connection: NatsConnection,
  { stream, collector }: Claim,
): Promise<number> {
  const manager = await connection.jetstreamManager(API);
  if (collector === null) return (await manager.streams.info(stream)).state.messages;
  const subject = batchSubject(collector);
  const { state } = await manager.streams.info(stream, { subjects_filter: subject });
  return state.subjects?.[subject] ?? 0;
}

function isNotFound(error: unknown): boolean {
  return error instanceof NatsError && error.code === ErrorCode.JetStream404NoMessages;
}
