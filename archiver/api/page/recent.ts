// What commits brought in the last minutes, for the live page: rates and spreading messages. Everything here has a fixed
// size, and a receipt costs a few additions.

import { type Batch, RECEIPT_REPEAT, RECEIPT_WARMUP } from "../../../shared/batch/batch.ts";
import { decodeDigest } from "../../../shared/batch/digest.ts";
import { FOLLOWED, MessageTypes } from "./message_types.ts";
import { Rates, typeCode } from "./rates.ts";
import { type Followed, Spreads } from "./spreads.ts";

/** Runs of collectors remembered; the one longest unheard makes way. */
const MAX_EPOCHS = 32;
/** Sessions whose node is remembered per run; others are known by their number. */
const MAX_SESSIONS = 4096;
const NO_NEWS = RECEIPT_REPEAT | RECEIPT_WARMUP;
const US_PER_SECOND = 1_000_000;

interface Run {
  readonly types: MessageTypes;
  readonly nodes: Map<number, string>;
  readonly followed: Map<number, Followed>;
  /** Added to the collector's time it gives the archiver's, µs. */
  offset: number;
}

/** Commits of the last minutes. */
export class Recent {
  readonly rates: Rates = new Rates();
  readonly spreads: Spreads = new Spreads();
  readonly #runs = new Map<string, Run>();
  /** Runs that began before this process, by collector and epoch. */
  #earlier: (readonly [string, number])[] = [];

  /** Takes note of a committed batch. @param now µs since the Unix epoch. */
  add(batch: Batch, now: number): void {
    const run = this.#run(batch);
    for (const event of batch.events) {
      if (event.kind === "clock_sample") run.offset = event.offset;
      else if (event.kind === "session_opened" && run.nodes.size < MAX_SESSIONS) {
        run.nodes.set(event.session, event.node_id);
      }
    }
    this.#addMessages(run, batch, now);
    this.#addReceipts(run, batch, now);
    for (const event of batch.events) {
      if (event.kind === "session_closed") run.nodes.delete(event.session);
    }
  }

  /** A message's type, from the archive: its run began before this process. */
  learn(collector: string, epoch: number, number: number, type: number): void {
    const types = this.#runs.get(`${collector}/${epoch}`)?.types;
    if (types?.get(number) === 0) types.set(number, typeCode(type));
  }

  /** Runs of whose earlier messages {@link learn} should hear, each once. */
  takeEarlier(): (readonly [collector: string, epoch: number])[] {
    const earlier = this.#earlier;
    this.#earlier = [];
    return earlier;
  }

  #run({ collector, epoch, number }: Batch): Run {
    const key = `${collector}/${epoch}`;
    let run = this.#runs.get(key);
    if (run === undefined) {
      run = { types: new MessageTypes(), nodes: new Map(), followed: new Map(), offset: 0 };
      if (number > 0) this.#earlier = [...this.#earlier.slice(1 - MAX_EPOCHS), [collector, epoch]];
    }
    this.#runs.delete(key);
    this.#runs.set(key, run);
    if (this.#runs.size > MAX_EPOCHS) this.#runs.delete(this.#runs.keys().next().value!);
    return run;
  }

  #addMessages({ types, followed }: Run, { messages, receipts }: Batch, now: number): void {
    const { numbers, raws } = messages;
    let mayBegin = this.spreads.isDue(now);
    const news = mayBegin ? newsOf(receipts) : null;
    for (let i = 0; i < numbers.length; i++) {
      const raw = raws[i];
      const type = raw.length < 2 ? 0 : raw[0] << 8 | raw[1];
      const code = typeCode(decodeDigest(raw)?.facts.type ?? type);
      // A digest's type is none of these.
      const isGossip = typeCode(type) !== 0;
      let message = isGossip ? this.spreads.get(raw) : undefined;
      if (isGossip && mayBegin && message === undefined && news!.has(numbers[i])) {
        message = this.spreads.begin(raw, now);
        mayBegin = false;
      }
      if (message !== undefined) follow(followed, numbers[i], message);
      types.set(numbers[i], message === undefined ? code : code | FOLLOWED);
    }
  }

  #addReceipts(run: Run, { collector, epoch, receipts }: Batch, now: number): void {
    const { receivedAt, messages, sessions, flags } = receipts;
    const { types, nodes, followed, offset } = run;
    this.rates.advance(Math.floor(now / US_PER_SECOND));
    const codes = types.of(messages);
    this.rates.add(collector, receivedAt, offset, codes);
    if (followed.size === 0) return;
    for (let i = 0; i < codes.length; i++) {
      if (codes[i] < FOLLOWED || (flags[i] & NO_NEWS) !== 0) continue;
      const peer = nodes.get(sessions[i]) ?? `${collector}/${epoch}/${sessions[i]}`;
      followed.get(messages[i])?.arrived(peer, receivedAt[i] + offset);
    }
  }
}

/** Messages that a receipt of the batch brings as news. */
function newsOf({ messages, flags }: Batch["receipts"]): Set<number> {
  return new Set(messages.filter((_, i) => (flags[i] & NO_NEWS) === 0));
}

/** Remembers as many as are followed at a time; the oldest ones are over. */
function follow(followed: Map<number, Followed>, number: number, message: Followed): void {
  followed.set(number, message);
  if (followed.size > 16) followed.delete(followed.keys().next().value!);
}
