// Traffic in order of time: cut into slices of equal length, each slice sorted. Streaming: it holds what is in flight
// and no more. Pure.

import type { PlannedMessage } from "./traffic.ts";

/** The deliveries of one stretch of time. The object and its arrays are used again for the next one. */
export interface Slice {
  /** Begin and end (not included), µs since the run's begin. */
  from: number;
  /** See {@link from}. */
  until: number;
  /** How many deliveries there are: the first ones of each array count. */
  count: number;
  /** When, µs, never descending. */
  times: Float64Array;
  /** By whom: peer indices. */
  peers: Uint16Array;
  /** What: message numbers. */
  messages: Uint32Array;
}

const FIRST_CAPACITY = 256;

/** Unsorted deliveries of one slice to come. */
class Bucket {
  count = 0;
  times = new Float64Array(FIRST_CAPACITY);
  peers = new Uint16Array(FIRST_CAPACITY);
  messages = new Uint32Array(FIRST_CAPACITY);

  push(time: number, peer: number, message: number): void {
    if (this.count === this.times.length) this.#grow();
    this.times[this.count] = time;
    this.peers[this.count] = peer;
    this.messages[this.count++] = message;
  }

  #grow(): void {
    const { times, peers, messages } = this;
    this.times = new Float64Array(2 * this.count);
    this.peers = new Uint16Array(2 * this.count);
    this.messages = new Uint32Array(2 * this.count);
    this.times.set(times);
    this.peers.set(peers);
    this.messages.set(messages);
  }
}

/**
 * Sorts `plan` by time of delivery. Slices without deliveries are left out.
 *
 * @param sliceMicros the length of a slice in µs.
 * @param onMessage called once a message, in order of creation and before the slice of its first delivery; it must
 * not keep the object.
 */
export function* timeline(
  plan: Iterable<PlannedMessage>,
  sliceMicros: number,
  onMessage: (message: PlannedMessage) => void = () => {},
): Generator<Slice, void, void> {
  const buckets = new Map<number, Bucket>();
  const slice = { from: 0, until: 0, count: 0 } as Slice;
  const sorter = new Sorter();
  let next = 0;

  const emit = (index: number): boolean => {
    const bucket = buckets.get(index);
    if (!bucket) return false;
    buckets.delete(index);
    slice.from = index * sliceMicros;
    slice.until = slice.from + sliceMicros;
    sorter.sort(bucket, slice);
    return true;
  };

  for (const message of plan) {
    // No later message is delivered before this one's creation.
    for (const ready = Math.floor(message.createdAt / sliceMicros); next < ready; next++) {
      if (emit(next)) yield slice;
    }
    onMessage(message);
    for (let i = 0; i < message.deliveries; i++) {
      const index = Math.floor(message.times[i] / sliceMicros);
      let bucket = buckets.get(index);
      if (!bucket) buckets.set(index, bucket = new Bucket());
      bucket.push(message.times[i], message.peers[i], message.number);
    }
  }
  for (const index of [...buckets.keys()].sort((a, b) => a - b)) {
    if (emit(index)) yield slice;
  }
}

/** Sorts a bucket into a slice, by time and, at one instant, in the order of creation. */
class Sorter {
  #keys = new Float64Array(0);

  sort(bucket: Bucket, slice: Slice): void {
    const { count } = bucket;
    if (this.#keys.length < count) {
      const capacity = bucket.times.length;
      this.#keys = new Float64Array(capacity);
      slice.times = new Float64Array(capacity);
      slice.peers = new Uint16Array(capacity);
      slice.messages = new Uint32Array(capacity);
    }
    // One number holds time and place: a slice of an hour with a million deliveries still fits in 2^53.
    const keys = this.#keys.subarray(0, count);
    for (let i = 0; i < count; i++) keys[i] = (bucket.times[i] - slice.from) * count + i;
    keys.sort();
    for (let place = 0; place < count; place++) {
      const i = keys[place] % count;
      slice.times[place] = bucket.times[i];
      slice.peers[place] = bucket.peers[i];
      slice.messages[place] = bucket.messages[i];
    }
    slice.count = count;
  }
}
