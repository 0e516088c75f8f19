import {
  FRAME_OVERHEAD_BYTES,
  HEADER_BYTES,
  MAX_MESSAGE_BYTES,
  type ReceivingCipher,
} from "./cipher.ts";
import { TAG_BYTES } from "./aead.ts";
import { NoiseFault } from "./fault.ts";

/** Room for the longest frame, so that a buffer of this size is never full without a whole one: about 64 KiB. */
const MOST_BYTES = MAX_MESSAGE_BYTES + FRAME_OVERHEAD_BYTES;
/** What a buffer takes as long as no frame is longer: room for 50 messages of gossip. */
const LEAST_BYTES = 16 * 1024;

/** Bytes read and not used yet, all in one piece. It grows for a frame that it cannot hold, and shrinks after it. */
export class ReadBuffer {
  start = 0;
  end = 0;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(LEAST_BYTES);

  /** Unread bytes stand from `start` to `end`. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  get length(): number {
    return this.end - this.start;
  }

  /** Where to write, then call `filled`; never empty once every whole frame was taken. */
  room(): Uint8Array<ArrayBuffer> {
    if (this.start > 0) { // at most one frame's beginning is left to move
      this.#bytes.copyWithin(0, this.start, this.end);
      this.end -= this.start;
      this.start = 0;
    }
    const { length } = this.#bytes;
    if (this.end === length) this.#resize(MOST_BYTES);
    else if (length > LEAST_BYTES && this.end < LEAST_BYTES) this.#resize(LEAST_BYTES);
    return this.#bytes.subarray(this.end);
  }

  filled(count: number): void {
    this.end += count;
  }

  /** Copies; there must be as many. */
  take(count: number): Uint8Array {
    this.start += count;
    return this.#bytes.slice(this.start - count, this.start);
  }

  #resize(size: number): void {
    const bytes = new Uint8Array(size);
    bytes.set(this.#bytes.subarray(0, this.end));
    this.#bytes = bytes;
  }
}

/** Takes the whole messages out of a {@link ReadBuffer}. */
export class FrameReader {
  readonly #buffer: ReadBuffer;
  readonly #cipher: ReceivingCipher;
  /** −1 before a header. */
  #messageBytes = -1;
  #fault: NoiseFault | null = null;

  /** `buffer` may already hold bytes that followed the handshake's last act. */
  constructor(cipher: ReceivingCipher, buffer: ReadBuffer) {
    this.#cipher = cipher;
    this.#buffer = buffer;
  }

  /** Here the stream's end would be wrong. */
  get insideFrame(): boolean {
    return this.#messageBytes >= 0 || this.#buffer.length > 0;
  }

  /** After a fault the stream gives no further message. */
  get fault(): NoiseFault | null {
    return this.#fault;
  }

  /** All whole messages before any fault, in order; valid until the buffer is asked for room. */
  messages(): Uint8Array[] {
    const messages: Uint8Array[] = [];
    if (this.#fault !== null) return messages;
    try {
      this.#takeInto(messages);
    } catch (error) {
      if (!(error instanceof NoiseFault)) throw error;
      this.#fault = error;
    }
    return messages;
  }

  #takeInto(messages: Uint8Array[]): void {
    const buffer = this.#buffer, cipher = this.#cipher;
    for (;;) {
      // BOLT 8, receiving and decrypting messages, steps 1 to 3
      if (this.#messageBytes < 0) {
        if (buffer.length < HEADER_BYTES) return;
        this.#messageBytes = cipher.openLength(buffer.bytes, buffer.start);
        buffer.start += HEADER_BYTES;
      }
      // Steps 4 and 5
      const end = buffer.start + this.#messageBytes + TAG_BYTES;
      if (end > buffer.end) return;
      messages.push(cipher.openMessage(buffer.bytes, buffer.start, end));
      buffer.start = end;
      this.#messageBytes = -1;
    }
  }
}
