// The body of a batch, before compression.
//
// It begins with u32 counts: messages, verdicts, receipts, runs, and bytes of events. Then come the columns (see
// `columns.ts`): message numbers (deltas), message lengths, the messages' bytes; verdict numbers (deltas) and codes;
// a u64, the time of the first receipt; of each run its µs since the run before, its session (deltas), its number of
// receipts; of each receipt its message (deltas) and its flags; and last the events as a JSON array.
//
// A **run** is the receipts of one socket read: they share time and session.

import {
  type Batch,
  type NewMessages,
  type NewVerdicts,
  RECEIPT_REPEAT,
  RECEIPT_WARMUP,
  type Receipts,
  VERDICTS,
} from "./batch.ts";
import { ColumnReader, ColumnWriter } from "./columns.ts";
import { decodeEvents, MAX_BATCH_EVENTS } from "./events.ts";
import { BatchFault } from "./fault.ts";

/** Receipts in one batch, at most. */
export const MAX_BATCH_RECEIPTS = 262_144;
/** New messages in one batch, and verdicts, at most. */
export const MAX_BATCH_MESSAGES = 65_536;
/** The longest message: BOLT 8 gives it 16 bits of length. */
export const MAX_MESSAGE_BYTES = 65_535;

/** Bytes that a body takes apart from its items, at most. */
export const BODY_OVERHEAD_BYTES = 64;
/** Bytes that a receipt takes, at most: its run's time 7, session 4 and length 3, its message 4, its flags 1. */
export const RECEIPT_BYTES = 19;
/** Bytes that a new message takes apart from its own, at most: number 4, length 2. */
export const MESSAGE_OVERHEAD_BYTES = 6;
/** Bytes that a verdict takes, at most: number 4, code 1. */
export const VERDICT_BYTES = 5;

const KNOWN_FLAGS = RECEIPT_REPEAT | RECEIPT_WARMUP;

/** A batch without what its header says. */
export type BatchBody = Pick<Batch, "messages" | "verdicts" | "receipts" | "events">;

/** The bytes of a body. @throws {BatchFault} `too_large` or `bad_value`, as `encodeBatch` says. */
export function encodeBody(body: BatchBody): Uint8Array<ArrayBuffer> {
  const { messages, verdicts, receipts } = body;
  const messageCount = commonLength("messages", messages.numbers, messages.raws);
  const verdictCount = commonLength("verdicts", verdicts.numbers, verdicts.codes);
  const { receivedAt, sessions, flags } = receipts;
  const receiptCount = commonLength("receipts", receivedAt, receipts.messages, sessions, flags);
  checkCounts(messageCount, verdictCount, receiptCount);
  if (body.events.length > MAX_BATCH_EVENTS) throw tooMany("events", body.events.length);
  checkMessages(messages);
  checkVerdicts(verdicts);
  checkFlags(flags);

  const runs = findRuns(receipts);
  const events = new TextEncoder().encode(JSON.stringify(body.events));
  const text = messages.raws.reduce((sum, raw) => sum + raw.length, 0);
  const writer = new ColumnWriter(text + events.length + 8 * receiptCount + 4096);
  for (const count of [messageCount, verdictCount, receiptCount, runs.count, events.length]) {
    writer.u32(count);
  }
  writer.deltas(messages.numbers, messageCount);
  writer.column(messages.raws.map((raw) => raw.length), messageCount);
  for (const raw of messages.raws) writer.raw(raw);
  writer.deltas(verdicts.numbers, verdictCount);
  writer.column(verdicts.codes, verdictCount);
  writer.u53(receiptCount > 0 ? receivedAt[0] : 0);
  writer.column(runs.delays, runs.count);
  writer.deltas(runs.sessions, runs.count);
  writer.column(runs.lengths, runs.count);
  writer.deltas(receipts.messages, receiptCount);
  writer.column(flags, receiptCount);
  writer.raw(events);
  return writer.bytes;
}

/** What the bytes of a body say, its messages as views into them. @throws {BatchFault} when they are none. */
export function decodeBody(bytes: Uint8Array): BatchBody {
  const reader = new ColumnReader(bytes);
  const messageCount = reader.u32();
  const verdictCount = reader.u32();
  const receiptCount = reader.u32();
  const runCount = reader.u32();
  const eventBytes = reader.u32();
  checkCounts(messageCount, verdictCount, receiptCount);
  if (runCount > receiptCount) throw bad(`${runCount} runs of ${receiptCount} receipts`);

  const messages = {
    numbers: reader.deltas(messageCount),
    raws: Array.from(reader.column32(messageCount), (length) => reader.raw(length)),
  };
  checkMessages(messages);
  const verdicts = { numbers: reader.deltas(verdictCount), codes: reader.column8(verdictCount) };
  checkVerdicts(verdicts);
  const runs = readRuns(reader, runCount, receiptCount);
  const receipts = {
    ...runs,
    messages: reader.deltas(receiptCount),
    flags: reader.column8(receiptCount),
  };
  checkFlags(receipts.flags);
  const events = decodeEvents(reader.raw(eventBytes));
  if (reader.left > 0) {
    throw new BatchFault("trailing", `batch body: ${reader.left} bytes after its end`);
  }
  return { messages, verdicts, receipts, events };
}

interface Runs {
  readonly count: number;
  readonly delays: Float64Array;
  readonly sessions: Uint32Array;
  readonly lengths: Uint32Array;
}

function findRuns({ receivedAt, sessions }: Receipts): Runs {
  const most = receivedAt.length;
  const runs = {
    count: 0,
    delays: new Float64Array(most),
    sessions: new Uint32Array(most),
    lengths: new Uint32Array(most),
  };
  let time = receivedAt[0];
  for (let i = 0; i < most;) {
    const start = i;
    const now = receivedAt[i];
    const session = sessions[i];
    if (!(now >= time && Number.isSafeInteger(now))) throw bad(`receipt ${i} is stamped ${now}`);
    while (i < most && receivedAt[i] === now && sessions[i] === session) i++;
    runs.delays[runs.count] = now - time;
    runs.sessions[runs.count] = session;
    runs.lengths[runs.count] = i - start;
    runs.count++;
    time = now;
  }
  return runs;
}

function readRuns(
  reader: ColumnReader,
  runCount: number,
  receiptCount: number,
): Pick<Receipts, "receivedAt" | "sessions"> {
  let time = reader.u53();
  const delays = reader.column56(runCount);
  const runSessions = reader.deltas(runCount);
  const lengths = reader.column32(runCount);
  const receivedAt = new Float64Array(receiptCount);
  const sessions = new Uint32Array(receiptCount);
  let at = 0;
  for (let run = 0; run < runCount; run++) {
    time += delays[run];
    const session = runSessions[run];
    const end = at + lengths[run];
    if (end > receiptCount) throw bad(`its runs hold more than its ${receiptCount} receipts`);
    for (; at < end; at++) {
      receivedAt[at] = time;
      sessions[at] = session;
    }
  }
  if (at < receiptCount) throw bad(`its runs hold ${at} of its ${receiptCount} receipts`);
  if (time > Number.MAX_SAFE_INTEGER) throw bad("its times go past 2^53");
  return { receivedAt, sessions };
}

function checkCounts(messages: number, verdicts: number, receipts: number): void {
  if (messages > MAX_BATCH_MESSAGES) throw tooMany("messages", messages);
  if (verdicts > MAX_BATCH_MESSAGES) throw tooMany("verdicts", verdicts);
  if (receipts > MAX_BATCH_RECEIPTS) throw tooMany("receipts", receipts);
}

function checkMessages({ numbers, raws }: NewMessages): void {
  for (let i = 0; i < numbers.length; i++) {
    if (i > 0 && numbers[i] <= numbers[i - 1]) throw bad("its message numbers do not ascend");
    if (raws[i].length > MAX_MESSAGE_BYTES) throw bad(`a message has ${raws[i].length} bytes`);
  }
}

function checkVerdicts({ codes }: NewVerdicts): void {
  for (let i = 0; i < codes.length; i++) {
    if (codes[i] >= VERDICTS.length) throw bad(`unknown verdict ${codes[i]}`);
  }
}

function checkFlags(flags: Uint8Array): void {
  for (let i = 0; i < flags.length; i++) {
    if ((flags[i] & ~KNOWN_FLAGS) !== 0) throw bad(`unknown receipt flags ${flags[i]}`);
  }
}

function commonLength(what: string, ...columns: ArrayLike<unknown>[]): number {
  const [{ length }] = columns;
  if (columns.some((column) => column.length !== length)) {
    throw bad(`its columns of ${what} differ in length`);
  }
  return length;
}

function bad(why: string): BatchFault {
  return new BatchFault("bad_value", `batch: ${why}`);
}

function tooMany(what: string, count: number): BatchFault {
  return new BatchFault("too_large", `batch: ${count} ${what}`);
}
