// Many short byte strings in a few large buffers: no object for each, and little that is not theirs. Strings are
// appended to segments; a segment that is a quarter dead is emptied into the newest one and used again, so that what
// is allocated stays below 4/3 of what is held, however the lengths change.

export const SEGMENT_BYTES = 1024 * 1024;
/** The longest string: its length has two bytes. */
export const MAX_STRING_BYTES = 65_535;
/** Before each string: its handle (u32), which is {@link DEAD} when it was freed, and its length (u16). */
const HEADER_BYTES = 6;
/** Strings begin at multiples of this, so that headers can be read through typed arrays. */
const ALIGNMENT = 4;
const DEAD = 0xffff_ffff;
/** A segment is emptied when less than this share of what was written to it is alive. */
const LEAST_ALIVE = 0.75;
/** Emptied segments kept for use again. */
const MAX_SPARE_SEGMENTS = 2;

interface Segment {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Uint32Array;
  readonly halves: Uint16Array;
  used: number;
  alive: number;
}

/** Strings by handle. Handles are small integers from 0 on, and are dealt out again after {@link Slab.free}. */
export class Slab {
  /** By number; undefined where a segment was emptied. */
  readonly #segments: (Segment | undefined)[] = [];
  readonly #holes: number[] = [];
  readonly #spare: Segment[] = [];
  /** The number of the segment that is written to; -1 before the first. */
  #head = -1;
  /** By handle: where it is, in units of {@link ALIGNMENT}; of a free handle the next free one plus one. */
  #places = new Uint32Array(1024);
  #handles = 0;
  /** The first free handle plus one; 0 when none is free. */
  #free = 0;
  #count = 0;
  #bytes = 0;

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get allocatedBytes(): number {
    const segments = this.#segments.length - this.#holes.length + this.#spare.length;
    return segments * SEGMENT_BYTES;
  }

  /** Keeps a copy. @throws {RangeError} above {@link MAX_STRING_BYTES}. @returns its handle. */
  put(string: Uint8Array): number {
    if (string.length > MAX_STRING_BYTES) throw new RangeError("a string of a slab is too long");
    const handle = this.#newHandle();
    this.#append(handle, string);
    this.#count++;
    this.#bytes += string.length;
    return handle;
  }

  /** The string as a view that holds until the next {@link put} or {@link free}. */
  get(handle: number): Uint8Array {
    const [segment, at] = this.#locate(handle);
    const start = at + HEADER_BYTES;
    return segment.bytes.subarray(start, start + segment.halves[(at >> 1) + 2]);
  }

  /** Lets go of a string. Its handle must not be used any more. */
  free(handle: number): void {
    const [segment, at] = this.#locate(handle);
    const length = segment.halves[(at >> 1) + 2];
    segment.words[at >> 2] = DEAD;
    segment.alive -= footprint(length);
    this.#count--;
    this.#bytes -= length;
    const number = Math.floor(this.#places[handle] * ALIGNMENT / SEGMENT_BYTES);
    this.#places[handle] = this.#free;
    this.#free = handle + 1;
    if (number !== this.#head && this.#isWasteful(segment)) this.#empty(number);
  }

  #locate(handle: number): [segment: Segment, at: number] {
    const place = this.#places[handle] * ALIGNMENT;
    const number = Math.floor(place / SEGMENT_BYTES);
    return [this.#segments[number]!, place % SEGMENT_BYTES];
  }

  #newHandle(): number {
    if (this.#free > 0) {
      const handle = this.#free - 1;
      this.#free = this.#places[handle];
      return handle;
    }
    if (this.#handles === this.#places.length) {
      const longer = new Uint32Array(2 * this.#places.length);
      longer.set(this.#places);
      this.#places = longer;
    }
    return this.#handles++;
  }

  #append(handle: number, string: Uint8Array): void {
    const size = footprint(string.length);
    let segment = this.#segments[this.#head];
    if (!segment || segment.used + size > SEGMENT_BYTES) segment = this.#begin();
    const at = segment.used;
    segment.words[at >> 2] = handle;
    segment.halves[(at >> 1) + 2] = string.length;
    segment.bytes.set(string, at + HEADER_BYTES);
    segment.used += size;
    segment.alive += size;
    this.#places[handle] = (this.#head * SEGMENT_BYTES + at) / ALIGNMENT;
  }

  #begin(): Segment {
    const last = this.#head;
    const segment = this.#spare.pop() ?? newSegment();
    this.#head = this.#holes.pop() ?? this.#segments.length;
    this.#segments[this.#head] = segment;
    // What died in the last one while it was written to; what lives in it fits the new one.
    if (last >= 0 && this.#isWasteful(this.#segments[last]!)) this.#empty(last);
    return segment;
  }

  #isWasteful(segment: Segment): boolean {
    return segment.alive < LEAST_ALIVE * segment.used;
  }

  #empty(number: number): void {
    const segment = this.#segments[number]!;
    for (let at = 0; at < segment.used;) {
      const handle = segment.words[at >> 2];
      const length = segment.halves[(at >> 1) + 2];
      if (handle !== DEAD) {
        const start = at + HEADER_BYTES;
        this.#append(handle, segment.bytes.subarray(start, start + length));
      }
      at += footprint(length);
    }
    segment.used = 0;
    segment.alive = 0;
    this.#segments[number] = undefined;
    this.#holes.push(number);
    if (this.#spare.length < MAX_SPARE_SEGMENTS) this.#spare.push(segment);
  }
}

function newSegment(): Segment {
  const bytes = new Uint8Array(SEGMENT_BYTES);
  const words = new Uint32Array(bytes.buffer);
  const halves = new Uint16Array(bytes.buffer);
  return { bytes, words, halves, used: 0, alive: 0 };
}

/** What a string of this length takes up. */
function footprint(length: number): number {
  return Math.ceil((HEADER_BYTES + length) / ALIGNMENT) * ALIGNMENT;
}
