// The sessions of another node, as its log shows them: from a peer's first message to its last line.

import type { SessionSource } from "../../shared/batch/batch.ts";
import { heardOpening, HeardSession } from "../../shared/node_logs/logs.ts";
import type { LogSink } from "../../shared/node_logs/reader.ts";
import { printable } from "../../shared/text.ts";
import type { ReceiptSink } from "../receipt/recorder.ts";
import { fingerprint } from "./places.ts";

/** Both implementations ping an idle peer each minute, and log it. */
const SILENT_US = 600_000_000;
const SWEEP_US = 60_000_000;
/** More than a node has; a log that names more is not one. */
const MAX_PEERS = 20_000;

/** Brings what a reader finds to the recorder. */
export class LogSessions implements Omit<LogSink, "named"> {
  /** The file that is read; null for a FIFO, in which there is nothing to go back to. */
  file: number | null = null;
  /** Receipts of peers past the limit. */
  dropped = 0;
  receipts = 0;
  readonly #log: number;
  readonly #peers = new Map<string, HeardSession>();
  #sweptAt = -Infinity;
  #doubtfulUntil = -Infinity;
  #gap: { since: number; reason: string } | null = null;

  /** @param lastAt when an earlier run stopped, µs; 0 when there was none. */
  constructor(
    private readonly sink: ReceiptSink,
    private readonly source: SessionSource,
    private lastAt: number,
  ) {
    this.#log = fingerprint(source.name);
  }

  get peers(): number {
    return this.#peers.size;
  }

  receipt(peer: string, raw: Uint8Array, at: number, end: number): void {
    this.#reached(at);
    if (!this.#peers.has(peer)) this.#open(peer, at, "");
    const open = this.#peers.get(peer);
    if (open === undefined) return void this.dropped++;
    open.receipt(raw.length, at);
    this.seen(peer, at);
    const { file } = this;
    const place = file === null ? undefined : { log: this.#log, file, offset: end };
    this.receipts++;
    this.sink.receive(open.number, raw, at, place);
  }

  opened(peer: string, at: number, features: string): void {
    this.#reached(at);
    this.#close(peer, "the peer connected again");
    this.#open(peer, at, features);
  }

  seen(peer: string, at: number): void {
    this.#reached(at);
    this.#peers.get(peer)?.seen(at);
    if (at - this.#sweptAt >= SWEEP_US) this.#sweep(at);
  }

  closed(peer: string, at: number, reason: string): void {
    this.seen(peer, at);
    this.#close(peer, printable(reason));
  }

  /** Nothing in these times may count as news. */
  doubtful(until: number): void {
    if (until - this.#doubtfulUntil < SWEEP_US) return;
    this.#doubtfulUntil = until;
    for (const { number } of this.#peers.values()) this.sink.asked(number, until);
  }

  /** What the log held before what comes next is lost: ends all sessions. */
  gap(reason: string): void {
    this.#gap ??= { since: this.lastAt, reason };
    this.closeAll(`gap in the log: ${reason}`);
  }

  /** Ends all sessions. */
  closeAll(reason: string): void {
    for (const peer of [...this.#peers.keys()]) this.#close(peer, reason);
  }

  /** A line of this time was read. */
  #reached(at: number): void {
    if (this.#gap) {
      const { since, reason } = this.#gap;
      const { source } = this;
      this.sink.note({ kind: "log_gap", source, since: Math.min(since, at), at, reason });
      this.#gap = null;
    }
    if (at > this.lastAt) this.lastAt = at;
  }

  #open(peer: string, at: number, features: string): void {
    if (this.#peers.size >= MAX_PEERS) return;
    const session = this.sink.openSession(heardOpening(peer, at, features, this.source));
    if (at < this.#doubtfulUntil) this.sink.asked(session, this.#doubtfulUntil);
    this.#peers.set(peer, new HeardSession(session, at));
  }

  #close(peer: string, reason: string): void {
    const open = this.#peers.get(peer);
    if (open === undefined) return;
    this.#peers.delete(peer);
    this.sink.closeSession(open.end(reason));
  }

  #sweep(now: number): void {
    this.#sweptAt = now;
    for (const [peer, { seenAt }] of this.#peers) {
      if (now - seenAt > SILENT_US) this.#close(peer, "no line of it for 10 minutes");
    }
  }
}
