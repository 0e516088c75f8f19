// Collector events as JSON, checked on their way in. See `batch.ts` for what they mean.

import * as v from "valibot";
import { errorText } from "../errors.ts";
import {
  ADDRESS_KINDS,
  COLLECTOR_NAME,
  type CollectorEvent,
  DIAL_OUTCOMES,
  SOURCE_KINDS,
} from "./batch.ts";
import { BatchFault } from "./fault.ts";

/** Events in one batch, at most. */
export const MAX_BATCH_EVENTS = 16_384;
/** The longest `reason`, `version` or `address`, in UTF-16 units. */
export const MAX_EVENT_TEXT = 1024;
/** The longest `features`: an init message holds less than 64 KiB of them, two hex digits each. */
const MAX_FEATURES_DIGITS = 131_072;

/** A count, a number or an instant. */
const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const difference = v.pipe(v.number(), v.safeInteger());
/** Sessions are numbered in 32 bits. */
const session = v.pipe(whole, v.maxValue(0xffff_ffff));
const shortText = v.pipe(v.string(), v.maxLength(MAX_EVENT_TEXT));
/** A figure that the first collectors did not send. */
const later = v.optional(v.nullable(whole), null);

const nodeId = v.pipe(v.string(), v.regex(/^0[23][0-9a-f]{64}$/));

const figures = {
  receipts: whole,
  bytes_in: whole,
  bytes_out: whole,
  first_gossip_at: v.nullable(whole),
  last_gossip_at: v.nullable(whole),
  messages_in: later,
  messages_out: later,
  gossip_out: later,
  pings_sent: later,
  pings_answered: later,
  rtt_min: later,
  rtt_median: later,
  rtt_max: later,
  pings_received: later,
  pongs_sent: later,
};

const source = v.strictObject({
  name: v.pipe(v.string(), v.regex(COLLECTOR_NAME)),
  kind: v.picklist(SOURCE_KINDS),
  uncertainty: whole,
  node_id: v.optional(nodeId),
});

const eventSchema: v.GenericSchema<unknown, CollectorEvent> = v.variant("kind", [
  v.strictObject({
    kind: v.literal("run_started"),
    at: whole,
    version: shortText,
    target_peers: whole,
  }),
  v.strictObject({
    kind: v.literal("session_opened"),
    session,
    node_id: nodeId,
    address: shortText,
    dialled_at: whole,
    handshake_at: whole,
    filter_at: whole,
    filter_first: session,
    features: v.pipe(v.string(), v.maxLength(MAX_FEATURES_DIGITS), v.regex(/^([0-9a-f]{2})*$/)),
    source: v.optional(v.nullable(source)),
  }),
  v.strictObject({
    kind: v.literal("session_closed"),
    session,
    at: whole,
    by: v.picklist(["us", "peer", "network", "unknown"]),
    reason: shortText,
    ...figures,
  }),
  v.strictObject({ kind: v.literal("session_state"), session, at: whole, ...figures }),
  v.strictObject({
    kind: v.literal("dial_outcomes"),
    since: whole,
    at: whole,
    dials: v.pipe(
      v.array(v.strictObject({
        outcome: v.picklist(DIAL_OUTCOMES),
        address: v.picklist(ADDRESS_KINDS),
        count: whole,
      })),
      v.maxLength(DIAL_OUTCOMES.length * ADDRESS_KINDS.length),
    ),
  }),
  v.strictObject({
    kind: v.literal("batches_dropped"),
    at: whole,
    epoch: whole,
    first: whole,
    last: whole,
  }),
  v.strictObject({ kind: v.literal("clock_step"), at: whole, step: difference }),
  v.strictObject({
    kind: v.literal("clock_sample"),
    at: whole,
    offset: difference,
    uncertainty: whole,
  }),
  v.strictObject({ kind: v.literal("stalled"), since: whole, at: whole }),
  v.strictObject({
    kind: v.literal("log_gap"),
    source,
    since: whole,
    at: whole,
    reason: shortText,
  }),
  v.strictObject({ kind: v.literal("run_ended"), at: whole, receipts: whole }),
]);

const eventsSchema = v.pipe(v.array(eventSchema), v.maxLength(MAX_BATCH_EVENTS));

/**
 * Reads the JSON array of events of a batch.
 * @throws {BatchFault} `bad_event` when the bytes are not UTF-8, not JSON, or not a list of events.
 */
export function decodeEvents(bytes: Uint8Array): CollectorEvent[] {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new BatchFault("bad_event", `events: ${errorText(error)}`, { cause: error });
  }
  const result = v.safeParse(eventsSchema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue) ?? "the list";
  throw new BatchFault("bad_event", `events: ${path}: ${issue.message}`);
}
