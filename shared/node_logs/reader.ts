// What the readers of other nodes' logs share. A reader is pure: bytes of the log go in, what is found goes to a sink. Only
// gossip messages and what sessions need leave it; HTLCs, revocations and RPC calls in the same log never do.

import { Buffer } from "node:buffer";

/** Names a message whose bytes a log does not have. */
export interface MessageName {
  /** Of a channel_announcement or channel_update; unsigned. */
  readonly scid?: bigint;
  /** Of a channel_update. */
  readonly direction?: 0 | 1;
  /** Of a node_announcement: 66 lower-case hex digits. */
  readonly nodeId?: string;
  /** Of an update or node_announcement: seconds since the Unix epoch. */
  readonly timestamp?: number;
}

/**
 * Where a reader brings what it finds, in the log's order. Peers are node ids of 66 lower-case hex digits; `at` is the
 * log's time, µs since the Unix epoch; `end` is the offset in the file at which to continue after this find.
 */
export interface LogSink {
  receipt(peer: string, raw: Uint8Array, at: number, end: number): void;
  /** A receipt of a message whose bytes the log does not have. */
  named(peer: string, name: MessageName, at: number, end: number): void;
  /** @param features the peer's, as hex; empty where the log does not say. */
  opened(peer: string, at: number, features: string): void;
  /** The peer was connected. */
  seen(peer: string, at: number): void;
  closed(peer: string, at: number, reason: string): void;
  /** Times up to this one, µs, may be off by an hour: the hour that ends daylight-saving time comes twice. */
  doubtful(until: number): void;
}

/** What a reader counted. */
export interface ReaderCounts {
  receipts: number;
  /** Gossip messages in the log that it cannot read, cut lines among them. */
  unreadable: number;
  /** Lines or dumps past the limit of their length. */
  tooLong: number;
}

const NEWLINE = 0x0a;

/** Reads a log as it grows. Characters stand for bytes (latin1), so places in the text are offsets. */
export abstract class LogReader {
  readonly counts: ReaderCounts = { receipts: 0, unreadable: 0, tooLong: 0 };
  #rest = "";
  #offset = 0;
  #isSkipping = false;

  /** @param longest characters of a unit, a line or a dump; what is longer is skipped up to a line's end. */
  constructor(private readonly longest: number) {}

  /** Reads the whole units of a text that starts at `offset`, and returns the characters read. */
  protected abstract take(text: string, offset: number): number;

  push(chunk: Uint8Array): void {
    const { buffer, byteOffset, length } = chunk;
    let text = Buffer.from(buffer, byteOffset, length).toString("latin1");
    if (this.#isSkipping) {
      const end = text.indexOf("\n");
      if (end < 0) return void (this.#offset += length);
      this.#isSkipping = false;
      text = text.slice(end + 1);
      this.#offset += end + 1;
    }
    text = this.#rest + text;
    const used = this.take(text, this.#offset);
    this.#offset += used;
    this.#rest = text.slice(used);
    if (this.#rest.length > this.longest) {
      this.counts.tooLong++;
      this.#isSkipping = true;
      this.#drop();
    }
  }

  /** The next chunk comes from this offset of another file; what is unfinished continues in it. */
  rebase(offset: number): void {
    this.#offset = offset - this.#rest.length;
  }

  /** The log ends, and goes on in another file, which begins with `head`: reads of it what is unfinished, no more. */
  finish(head: Uint8Array): void {
    for (
      let at = 0, end;
      this.#rest !== "" && (end = head.indexOf(NEWLINE, at)) >= 0;
      at = end + 1
    ) {
      this.push(head.subarray(at, end + 1));
    }
  }

  /** The next chunk does not continue what is unfinished. */
  skip(): void {
    this.#isSkipping = false;
    this.#drop();
  }

  #drop(): void {
    this.#offset += this.#rest.length;
    this.#rest = "";
  }
}
