/**
 * Batches as a collector would make them, for tests of what comes after it.
 *
 * @module
 */
import {
  type Batch,
  type CollectorEvent,
  type Verdict,
  VERDICTS,
} from "../../shared/batch/batch.ts";

/** One collector's epoch: numbers messages, sessions and batches, and closes a batch when told. */
export class BatchMaker {
  /** The collector's name. */
  readonly collector: string;
  /** µs since the Unix epoch. */
  readonly epoch: number;
  /** The number of the next batch. */
  number = 0;
  /** Receipts stamped in the batches closed so far. */
  stamped = 0;
  #sessions = 0;
  #messages = 0;
  #told: { number: number; raw: Uint8Array }[] = [];
  #receipts: { at: number; message: number; session: number; flags: number }[] = [];
  #verdicts: { number: number; verdict: Verdict }[] = [];
  #events: CollectorEvent[] = [];

  /** Nothing is told yet. @param epoch µs since the Unix epoch. */
  constructor(collector = "alpha", epoch = 1_758_844_800_000_000) {
    this.collector = collector;
    this.epoch = epoch;
  }

  /** Tells of a session with the node `03…` + `peer`; returns its number. */
  session(peer: number, at: number = this.epoch): number {
    const session = this.#sessions++;
    this.event({
      kind: "session_opened",
      session,
      node_id: nodeId(peer),
      address: `127.0.0.1:${10_000 + peer}`,
      dialled_at: at,
      handshake_at: at + 1000,
      filter_at: at + 2000,
      filter_first: Math.floor(at / 1_000_000),
      features: "8aa8",
    });
    return session;
  }

  /** Tells a message; returns its number. */
  message(raw: Uint8Array): number {
    const number = this.#messages++;
    this.tell(number, raw);
    return number;
  }

  /** Tells a message under a number of one's own. */
  tell(number: number, raw: Uint8Array): void {
    this.#told.push({ number, raw });
  }

  /** Adds a receipt. */
  receipt(at: number, message: number, session: number, flags = 0): void {
    this.#receipts.push({ at, message, session, flags });
  }

  /** Adds a verdict. */
  verdict(number: number, verdict: Verdict): void {
    this.#verdicts.push({ number, verdict });
  }

  /** Adds an event. */
  event(event: CollectorEvent): void {
    this.#events.push(event);
  }

  /** The batch of all that was added since the last one. */
  close(): Batch {
    const told = this.#told.sort((a, b) => a.number - b.number);
    const receipts = this.#receipts.sort((a, b) => a.at - b.at);
    const verdicts = this.#verdicts;
    const batch: Batch = {
      collector: this.collector,
      epoch: this.epoch,
      number: this.number++,
      receiptsBefore: this.stamped,
      messages: {
        numbers: Uint32Array.from(told, ({ number }) => number),
        raws: told.map(({ raw }) => raw),
      },
      verdicts: {
        numbers: Uint32Array.from(verdicts, ({ number }) => number),
        codes: Uint8Array.from(verdicts, ({ verdict }) => VERDICTS.indexOf(verdict)),
      },
      receipts: {
        receivedAt: Float64Array.from(receipts, ({ at }) => at),
        messages: Uint32Array.from(receipts, ({ message }) => message),
        sessions: Uint32Array.from(receipts, ({ session }) => session),
        flags: Uint8Array.from(receipts, ({ flags }) => flags),
      },
      events: this.#events,
    };
    this.stamped += receipts.length;
    this.#told = [];
    this.#receipts = [];
    this.#verdicts = [];
    this.#events = [];
    return batch;
  }
}

/** A node id that no test mistakes for another's. */
export function nodeId(peer: number): string {
  return `03${peer.toString(16).padStart(64, "0")}`;
}

/** A message of a type no BOLT defines, with `seed` in its bytes. */
export function plainMessage(seed: number, size = 40): Uint8Array {
  const raw = new Uint8Array(size);
  const view = new DataView(raw.buffer);
  view.setUint16(0, 32_768 + 1);
  view.setUint32(2, seed);
  return raw;
}
