import type { Clock } from "../../shared/clock.ts";
import {
  FRAME_OVERHEAD_BYTES,
  MAX_MESSAGE_BYTES,
  ReceivingCipher,
  SendingCipher,
} from "./cipher.ts";
import { NoiseFault } from "./fault.ts";
import { FrameReader, type ReadBuffer } from "./frames.ts";
import type { TransportKeys } from "./handshake.ts";
import { closeQuietly, networkFault, writeAll } from "./socket.ts";

export interface ReadBatch {
  /** In order; may be empty. Valid until the next {@link NoiseConnection.readBatch}. */
  readonly messages: Uint8Array[];
  /** µs since the Unix epoch. */
  readonly receivedAt: number;
}

/** An encrypted connection with a proven peer. */
export interface NoiseConnection {
  readonly remotePublicKey: Uint8Array;
  /**
   * One read of the socket: every message that is whole by then; null at the end of the stream and after close. One
   * call at a time.
   * @throws {NoiseFault} `bad_mac`, `truncated` or `network`, after all whole messages before it; the connection is
   * then closed.
   */
  readBatch(): Promise<ReadBatch | null>;
  /**
   * Encrypts at once, in order; all messages go in one write, which begins at once when none is under way. Resolves
   * when the system took the bytes.
   * @throws {NoiseFault} `oversized` (nothing sent, the connection stays open), or `backlog`, `network`, `closed`
   * (the connection is closed).
   */
  send(...messages: Uint8Array[]): Promise<void>;
  /** Handshake and framing included. */
  bytesIn(): number;
  /** Handshake and framing included. */
  bytesOut(): number;
  /** Twice is harmless. */
  close(): void;
}

export interface TransportOptions {
  readonly clock: Clock;
  readonly maxPendingBytes: number;
  readonly handshake: {
    readonly receivedAt: number;
    readonly bytesIn: number;
    readonly bytesOut: number;
  };
}

/** {@link NoiseConnection} over a socket; made by `dialNoise` and `acceptNoise`. */
export class Transport implements NoiseConnection {
  readonly remotePublicKey: Uint8Array;
  readonly #conn: Deno.Conn;
  readonly #clock: Clock;
  readonly #buffer: ReadBuffer;
  readonly #frames: FrameReader;
  readonly #cipher: SendingCipher;
  readonly #maxPendingBytes: number;
  #receivedAt: number;
  #bytesIn: number;
  #bytesOut: number;
  #pendingBytes = 0;
  #lastWrite: Promise<void> = Promise.resolve();
  #closed = false;

  /** `buffer` holds what followed the handshake. */
  constructor(conn: Deno.Conn, buffer: ReadBuffer, keys: TransportKeys, options: TransportOptions) {
    this.remotePublicKey = keys.remotePublicKey;
    this.#conn = conn;
    this.#clock = options.clock;
    this.#buffer = buffer;
    const receiving = new ReceivingCipher(keys.receivingKey, keys.chainingKey);
    this.#frames = new FrameReader(receiving, buffer);
    this.#cipher = new SendingCipher(keys.sendingKey, keys.chainingKey);
    this.#maxPendingBytes = options.maxPendingBytes;
    this.#receivedAt = options.handshake.receivedAt;
    this.#bytesIn = options.handshake.bytesIn;
    this.#bytesOut = options.handshake.bytesOut;
  }

  async readBatch(): Promise<ReadBatch | null> {
    if (this.#closed) return null;
    // Bytes that came in one segment with the last act.
    let messages = this.#frames.messages();
    if (messages.length === 0 && this.#frames.fault === null) {
      if (!(await this.#read())) return null;
      messages = this.#frames.messages();
    }
    const { fault } = this.#frames;
    if (messages.length === 0 && fault !== null) {
      this.close();
      throw fault;
    }
    return { messages, receivedAt: this.#receivedAt };
  }

  /** False at the end of the stream. */
  async #read(): Promise<boolean> {
    try {
      const count = await this.#conn.read(this.#buffer.room());
      this.#receivedAt = this.#clock.now();
      if (count !== null) {
        this.#bytesIn += count;
        this.#buffer.filled(count);
        return true;
      }
      if (!this.#frames.insideFrame) return false;
      throw new NoiseFault("truncated", "the peer closed inside a frame");
    } catch (error) {
      if (this.#closed) return false;
      this.close();
      throw networkFault("read", error);
    }
  }

  async send(...messages: Uint8Array[]): Promise<void> {
    const bytes = this.#encrypt(messages);
    const idle = this.#pendingBytes === 0;
    this.#pendingBytes += bytes.length;
    // With nothing ahead of it a write begins before this call returns, so a pong does not wait for its caller's
    // work.
    const write = idle ? this.#write(bytes) : this.#lastWrite.then(() => this.#write(bytes));
    this.#lastWrite = write.catch(() => {}); // the failed send reports; later ones fail by themselves
    await write;
  }

  #encrypt(messages: readonly Uint8Array[]): Uint8Array {
    if (this.#closed) throw closedFault();
    let total = 0;
    for (const message of messages) {
      if (message.length > MAX_MESSAGE_BYTES) {
        const limit = `${message.length} bytes; ${MAX_MESSAGE_BYTES} are the most`;
        throw new NoiseFault("oversized", `send: a message has ${limit}`);
      }
      total += message.length + FRAME_OVERHEAD_BYTES;
    }
    if (this.#pendingBytes + total > this.#maxPendingBytes) {
      this.close();
      const limit = `${this.#pendingBytes} bytes wait; ${this.#maxPendingBytes} are the most`;
      throw new NoiseFault("backlog", `send: the peer does not read: ${limit}`);
    }
    const bytes = new Uint8Array(total);
    let at = 0;
    for (const message of messages) at = this.#cipher.seal(message, bytes, at);
    return bytes;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      if (this.#closed) throw closedFault();
      await writeAll(this.#conn, bytes);
      this.#bytesOut += bytes.length;
    } catch (error) {
      const cause = this.#closed ? closedFault(error) : networkFault("send", error);
      this.close();
      throw cause;
    } finally {
      this.#pendingBytes -= bytes.length;
    }
  }

  bytesIn(): number {
    return this.#bytesIn;
  }

  bytesOut(): number {
    return this.#bytesOut;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeQuietly(this.#conn);
  }
}

function closedFault(cause?: unknown): NoiseFault {
  return new NoiseFault("closed", "send: the connection is closed", { cause });
}
