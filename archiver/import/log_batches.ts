// Batches out of a recorded log of another node, as a collector that read it would have sent them. Equal files give equal
// batches, so a file that is imported twice changes nothing.

import { createHash } from "node:crypto";
import {
  type Batch,
  type CollectorEvent,
  RECEIPT_REPEAT,
  RECEIPT_WARMUP,
  type SessionSource,
  type Verdict,
} from "../../shared/batch/batch.ts";
import { gossipFacts } from "../../shared/bolt/facts.ts";
import { heardOpening, HeardSession } from "../../shared/node_logs/logs.ts";
import type { LogSink } from "../../shared/node_logs/reader.ts";
import { BatchRows } from "./batch_rows.ts";

/** Receipts in a batch: a second of a busy node, and little memory. */
const BATCH_RECEIPTS = 16_384;
/** What is remembered; past it all is forgotten, and a message's text is sent again. */
const MAX_MESSAGES = 500_000, MAX_DELIVERIES = 4_000_000;
/** As collectors mark backlog. */
const BACKLOG_US = 3_600_000_000;

/** What a batch is made of; see {@link LogBatches.take}. */
export interface LogBatchesOptions {
  readonly collector: string;
  readonly source: SessionSource;
  /** For the epoch's version. */
  readonly file: string;
  /** Below 1,000: keeps apart files that begin in the same millisecond. */
  readonly salt: number;
  readonly judge: (raw: Uint8Array) => Verdict;
}

/** Takes what a reader finds. */
export class LogBatches implements LogSink {
  receipts = 0;
  readonly #closed: Batch[] = [];
  #epoch = 0;
  #batches = 0;
  #receiptsBefore = 0;
  #lastAt = 0;
  #doubtfulUntil = 0;
  readonly #sessions = new Map<string, HeardSession>();
  #nextSession = 0;
  readonly #messages = new Map<string, number>();
  #nextMessage = 0;
  readonly #peers = new Map<string, number>();
  readonly #delivered = new Set<number>();
  #rows = new BatchRows();
  #events: CollectorEvent[] = [];

  constructor(private readonly options: LogBatchesOptions) {}

  receipt(peer: string, raw: Uint8Array, at: number): void {
    this.#begin(at);
    const session = this.#sessions.get(peer) ?? this.#open(peer, at, "");
    const number = this.#number(raw);
    const own = gossipFacts(raw).ownTimestamp;
    const isBacklog = own !== null && at - own * 1e6 > BACKLOG_US;
    const flags = (this.#isRepeat(peer, number) ? RECEIPT_REPEAT : 0) |
      (isBacklog || at < this.#doubtfulUntil ? RECEIPT_WARMUP : 0);
    this.#rows.receipts.push({ at, message: number, session: session.number, flags });
    this.receipts++;
    session.receipt(raw.length, at);
    this.#lastAt = Math.max(this.#lastAt, at);
    if (this.#rows.receipts.length >= BATCH_RECEIPTS) this.#close();
  }

  /** The log has no bytes, and nothing else is at hand that has them. */
  named(): void {}

  opened(peer: string, at: number, features: string): void {
    this.#begin(at);
    this.#end(peer, "the peer connected again");
    this.#open(peer, at, features);
  }

  seen(peer: string, at: number): void {
    this.#sessions.get(peer)?.seen(at);
  }

  closed(peer: string, at: number, reason: string): void {
    this.seen(peer, at);
    this.#end(peer, reason.slice(0, 200));
  }

  doubtful(until: number): void {
    this.#doubtfulUntil = until;
  }

  /** Closes all; nothing may follow. */
  finish(): void {
    if (this.#epoch === 0) return;
    for (const peer of [...this.#sessions.keys()]) this.#end(peer, "the imported log ends");
    this.#events.push({ kind: "run_ended", at: this.#lastAt, receipts: this.receipts });
    this.#close();
  }

  /** Batches that are ready to be committed. */
  take(): Batch[] {
    return this.#closed.splice(0);
  }

  #begin(at: number): void {
    if (this.#epoch !== 0) return;
    this.#epoch = at + this.options.salt;
    this.#lastAt = at;
    const version = `imported from ${this.options.file}`.slice(0, 1000);
    this.#events.push({ kind: "run_started", at: this.#epoch, version, target_peers: 0 });
  }

  #open(peer: string, at: number, features: string): HeardSession {
    const session = new HeardSession(this.#nextSession++, at);
    this.#sessions.set(peer, session);
    const opening = heardOpening(peer, at, features, this.options.source);
    this.#events.push({ kind: "session_opened", session: session.number, ...opening });
    return session;
  }

  #end(peer: string, reason: string): void {
    const session = this.#sessions.get(peer);
    if (session === undefined) return;
    this.#sessions.delete(peer);
    this.#events.push({ kind: "session_closed", ...session.end(reason) });
  }

  #number(raw: Uint8Array): number {
    const key = createHash("sha256").update(raw).digest("base64");
    const known = this.#messages.get(key);
    if (known !== undefined) return known;
    if (this.#messages.size >= MAX_MESSAGES) this.#messages.clear();
    const number = this.#nextMessage++;
    this.#messages.set(key, number);
    this.#rows.message(number, raw, this.options.judge(raw));
    return number;
  }

  #isRepeat(peer: string, message: number): boolean {
    let index = this.#peers.get(peer);
    if (index === undefined) this.#peers.set(peer, index = this.#peers.size);
    const delivery = index * 2 ** 32 + message;
    if (this.#delivered.has(delivery)) return true;
    if (this.#delivered.size >= MAX_DELIVERIES) this.#delivered.clear();
    this.#delivered.add(delivery);
    return false;
  }

  #close(): void {
    const { receipts } = this.#rows;
    receipts.sort((a, b) => a.at - b.at);
    this.#closed.push({
      collector: this.options.collector,
      epoch: this.#epoch,
      number: this.#batches++,
      receiptsBefore: this.#receiptsBefore,
      ...this.#rows.columns(),
      events: this.#events,
    });
    this.#receiptsBefore += receipts.length;
    this.#rows = new BatchRows();
    this.#events = [];
  }
}
