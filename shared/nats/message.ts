// The small JSON messages that go over core NATS beside the batches: heartbeats, and answers to clock questions.

import * as v from "valibot";
import { errorText, Fault } from "../errors.ts";

/** A collector's heartbeat interval. */
export const HEARTBEAT_MS = 10_000;
/** The longest message, in bytes. */
export const MAX_MESSAGE_BYTES = 4096;

/** The longest reason of a refused wish, in UTF-16 units. */
export const MAX_REFUSAL = 300;
/** Problems in a heartbeat. */
export const MAX_PROBLEMS = 4;
/** The longest of them, in UTF-16 units. */
export const MAX_PROBLEM = 150;

/** Bytes that are not such a message. */
export class MessageFault extends Fault<"too_large" | "bad_message"> {
  override readonly name = "MessageFault";
}

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const heartbeat = v.object({
  at: whole,
  epoch: whole,
  version: v.pipe(v.string(), v.maxLength(256)),
  peers: whole,
  receipts: whole,
  spool_bytes: whole,
  /** What collectors report since they can be steered. */
  spool_max: v.optional(whole),
  target: v.optional(whole),
  steering: v.optional(v.object({
    /** Of the wish it runs, in the bucket; null while it runs its config alone. */
    revision: v.nullable(whole),
    /** How many nodes the wish lists; null: it chooses by itself. */
    listed: v.nullable(whole),
    /** What it refused since, and why. */
    refused: v.nullable(v.object({
      revision: whole,
      reason: v.pipe(v.string(), v.maxLength(MAX_REFUSAL)),
    })),
    paused: v.boolean(),
  })),
  /** What its `/healthz` says. */
  problems: v.optional(v.pipe(
    v.array(v.pipe(v.string(), v.maxLength(MAX_PROBLEM))),
    v.maxLength(MAX_PROBLEMS),
  )),
});

const clockReply = v.object({
  at: whole,
  /** Which archive answers. */
  archive: v.optional(v.pipe(v.string(), v.maxLength(64))),
});

/**
 * How a collector is doing. Instants are µs since the Unix epoch; `spool_bytes` are those of the spool's files,
 * `spool_max` their limit.
 */
export type Heartbeat = Readonly<v.InferOutput<typeof heartbeat>>;

/** What a collector runs, as it reports it. */
export type Steering = NonNullable<Heartbeat["steering"]>;

/** What the archiver answers when it is asked for the time: its own, µs since the Unix epoch. */
export type ClockReply = Readonly<v.InferOutput<typeof clockReply>>;

/** The bytes of a message. */
export function encodeMessage(message: Heartbeat | ClockReply): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(message));
}

/** Reads a heartbeat; keys that a newer collector may add are ignored. @throws {MessageFault} when the bytes are none. */
export function decodeHeartbeat(bytes: Uint8Array): Heartbeat {
  return decode(bytes, heartbeat);
}

/** Reads the archiver's answer. @throws {MessageFault} when the bytes are none. */
export function decodeClockReply(bytes: Uint8Array): ClockReply {
  return decode(bytes, clockReply);
}

function decode<T>(bytes: Uint8Array, schema: v.GenericSchema<T>): T {
  if (bytes.length > MAX_MESSAGE_BYTES) {
    throw new MessageFault("too_large", `${bytes.length} bytes, ${MAX_MESSAGE_BYTES} at most`);
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new MessageFault("bad_message", errorText(error), { cause: error });
  }
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new MessageFault("bad_message", `${v.getDotPath(issue) ?? "it"}: ${issue.message}`);
}
