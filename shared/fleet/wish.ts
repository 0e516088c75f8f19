// A wish: what one collector of a fleet should do. It stands as JSON under the collector's name in a key-value bucket on
// the broker, whose accounts let each collector read its own key alone.

import * as v from "valibot";
import { ADDRESS_KINDS } from "../batch/batch.ts";
import { checkConfig, duration, integer, isGroup, oneOf, text } from "../config.ts";
import { errorText } from "../errors.ts";
import { printable } from "../text.ts";
import { parseTime } from "../time.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 1440 * MINUTE_MS;

/** Peers that one collector can hold. */
export const MAX_PEERS = 5000;
/** Addresses of one wish: a node may have several. */
const MAX_ADDRESSES = 6000;
/** Below the broker's `max_payload` of 1 MB; 5,000 onion addresses are 680 kB. */
export const MAX_WISH_BYTES: number = 960 * 1024;

/** A share from `min` to 1. */
export function share(min: number): v.GenericSchema<number> {
  const message = `should be a share from ${min} to 1`;
  return v.pipe(v.number(message), v.minValue(min, message), v.maxValue(1, message));
}

/** The keys of a config's group `peers` that a wish may override, without defaults. */
export const STEERED = {
  target: integer(0, MAX_PEERS),
  kinds: v.pipe(v.array(oneOf(ADDRESS_KINDS)), v.minLength(1, "should name at least one kind")),
  rotate_every: duration(MINUTE_MS, 30 * DAY_MS),
  rotate_share: share(0.01),
};

const instant = "should be an instant such as 2026-12-24T18:00:00Z";

const schema = v.strictObject({
  target: v.optional(STEERED.target),
  kinds: v.optional(STEERED.kinds),
  rotate_every: v.optional(STEERED.rotate_every),
  rotate_share: v.optional(STEERED.rotate_share),
  peers: v.optional(v.pipe(
    v.array(text(/^\S{70,400}$/, "pubkey@host:port"), "should be a list"),
    v.minLength(1, "should name a peer; to hold none, use paused: true"),
    v.maxLength(MAX_ADDRESSES, `should have at most ${MAX_ADDRESSES} entries`),
  )),
  paused: v.optional(v.boolean("should be true or false"), false),
  until: v.optional(v.pipe(
    v.string(instant),
    v.check((value) => !Number.isNaN(parseTime(value)), instant),
    v.transform(parseTime),
  )),
});

/**
 * A wish, checked. What is left out is as in the collector's own config. `peers`: these alone are dialled. `until`: from
 * then on it is paused, µs since the Unix epoch. Times in ms.
 */
export type Wish = v.InferOutput<typeof schema>;
/** A wish as it is written. */
export type WrittenWish = v.InferInput<typeof schema>;

const wishSchema = v.pipe(
  v.custom<WrittenWish>(isGroup, "should be keys with values, such as {}"),
  schema,
);

/** Reads a wish's text. @returns it, or why it is none, in one safe line. */
export function parseWish(
  text: string,
): { readonly wish: Wish; readonly written: WrittenWish } | { readonly fault: string } {
  if (text.length > MAX_WISH_BYTES) return { fault: `it has more than ${MAX_WISH_BYTES} bytes` };
  let written: unknown;
  try {
    written = JSON.parse(text);
  } catch (error) {
    return { fault: `it is not JSON: ${printable(errorText(error))}` };
  }
  const checked = checkConfig(written, wishSchema);
  if ("faults" in checked) return { fault: checked.faults.join("; ") };
  return { wish: checked.output, written: written as WrittenWish };
}

/** The bucket's name. */
export const WISHES = "GOSSIP_WISHES";

/** Where a new wish for one collector is heard (core NATS). */
export function wishSubject(collector: string): string {
  return `$KV.${WISHES}.${collector}`;
}

/** Where one collector asks for its wish: JetStream's direct get, of the last message on {@link wishSubject}. */
export function readWishSubject(collector: string): string {
  return `$JS.API.DIRECT.GET.KV_${WISHES}.${wishSubject(collector)}`;
}
