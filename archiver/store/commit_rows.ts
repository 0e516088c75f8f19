// The rows of one group of batches. Nothing here awaits: what must be read was loaded before, what is written is gathered
// for later.

import {
  type Batch,
  type CollectorEvent,
  type SessionOpened,
  type SessionSource,
  type Verdict,
  VERDICTS,
} from "../../shared/batch/batch.ts";
import type { Digest } from "../../shared/batch/digest.ts";
import type { GossipFacts } from "../../shared/bolt/facts.ts";
import { DAY_US } from "../../shared/time.ts";
import { type Claimed, covers } from "./claimed.ts";
import type { Epoch } from "./epoch.ts";
import type { GapReason } from "./high_water_mark.ts";
import { bigintOrNull, instant, messageRow, type MessageToAdd, RowBuffer } from "./rows.ts";
import { NO_PAGE, PAGE_BITS, PAGE_MASK } from "./number_map.ts";
import type { ReceiptAppender } from "./receipt_appender.ts";
import { laterVerdict, StagedChanges } from "./staged.ts";
import type { ArchiveState } from "./state.ts";

/** The columns of `sessions` from `closed_at` on, before the session's first report. */
const NOT_KNOWN_YET = Array(19).fill(null);

/** A message of a batch, looked up in the archive. */
export interface HashedMessage {
  readonly sha256: Uint8Array;
  /** Its message_id; 0 when it is new. */
  id: number;
  /** Set when its bytes are not stored. */
  readonly digest: Digest | null;
}

/** Days are summarised hours after their end, so sooner it is not late. */
const LATE_SAMPLE_US = 3_600_000_000;

/** Stands for a first_seen that is not known yet: later than any receipt. */
export const UNSETTLED: number = Number.MAX_SAFE_INTEGER;

interface NewMessage extends MessageToAdd {
  raw: Uint8Array | null;
  facts?: GossipFacts;
  verdict: Verdict;
  firstSeen: number;
}

/** Takes the batches of one transaction, one after another. */
export class Group {
  readonly rows = {
    collectors: new RowBuffer("collectors"),
    sources: new RowBuffer("sources"),
    peers: new RowBuffer("peers"),
    sessions: new RowBuffer("sessions"),
    message_numbers: new RowBuffer("message_numbers"),
    unresolved_receipts: new RowBuffer("unresolved_receipts"),
    unresolved_events: new RowBuffer("unresolved_events"),
    clock_samples: new RowBuffer("clock_samples"),
    clock_steps: new RowBuffer("clock_steps"),
    stalls: new RowBuffer("stalls"),
    log_gaps: new RowBuffer("log_gaps"),
    dial_outcomes: new RowBuffer("dial_outcomes"),
  };
  readonly changes: StagedChanges = new StagedChanges();
  readonly touched: Set<Epoch> = new Set();
  readonly toResolve: Set<Epoch> = new Set();
  /** Ids of new messages of which no receipt was found yet. */
  readonly unsettled: number[] = [];
  receipts = 0;
  #earliest = Infinity;

  readonly #receipts: ReceiptAppender;
  readonly #newMessages: NewMessage[] = [];
  /** Their ids by their SHA-256 in hex: the index may forget them before the group ends. */
  readonly #newIds = new Map<string, number>();
  readonly #firstNewId: number;

  /** An empty group. @param receipts begun already. @param now µs since the Unix epoch. @param claimed see the writer's. */
  constructor(
    private readonly state: ArchiveState,
    receipts: ReceiptAppender,
    private readonly now: number,
    private readonly claimed: ReadonlyMap<string, Claimed>,
  ) {
    this.#receipts = receipts;
    this.#firstNewId = state.ids.message.next;
  }

  /**
   * Takes a batch.
   * @param hashed its messages.
   * @returns false when this archive or the one before it has it already; then nothing changes.
   */
  add(batch: Batch, hashed: readonly HashedMessage[]): boolean {
    const epoch = this.state.epoch(batch.collector, batch.epoch);
    const count = batch.receipts.receivedAt.length;
    const { number, receiptsBefore } = batch;
    if (this.#isElsewhere(epoch, number, number)) return false;
    const arrival = epoch.mark.note(
      number,
      receiptsBefore,
      count,
      this.now,
      this.#reasonOf(epoch, number),
    );
    if (arrival === "duplicate") return false;
    this.touched.add(epoch);
    // A batch may introduce the sessions and messages it names: take those first.
    for (const event of batch.events) {
      if (event.kind === "session_opened") this.#openSession(epoch, event);
    }
    this.#addMessages(epoch, batch, hashed);
    this.#addReceipts(epoch, batch);
    if (arrival === "late") this.#lowerFirstSeen(epoch, batch);
    this.#settleFirstSeen(epoch, batch);
    const { numbers, codes } = batch.verdicts;
    for (let i = 0; i < numbers.length; i++) this.#judge(epoch, numbers[i], VERDICTS[codes[i]]);
    for (const event of batch.events) this.#addEvent(epoch, event);
    return true;
  }

  /** Of a gap: the first batch after a collector came from another archive says nothing of what that one has. */
  #reasonOf(epoch: Epoch, number: number): GapReason {
    if (this.#isElsewhere(epoch, epoch.mark.next, number - 1)) return "elsewhere";
    const since = this.claimed.get(epoch.collector)?.since ?? -Infinity;
    const isFirst = !this.touched.has(epoch) && (epoch.lastCommitAt ?? -Infinity) < since;
    return isFirst && epoch.startedAt < since ? "elsewhere" : "missing";
  }

  #isElsewhere({ collector, startedAt }: Epoch, first: number, last: number): boolean {
    return covers(this.claimed.get(collector)?.elsewhere ?? [], [startedAt, first, last]);
  }

  /** Before what instant nothing that was added changes any figure, µs since the Unix epoch. */
  earliestFact(): number {
    return this.#earliest;
  }

  /** The rows of `hot_messages`. Call once, after the last batch. */
  messageRows(): RowBuffer {
    const rows = new RowBuffer("hot_messages");
    for (const message of this.#newMessages) rows.push(...messageRow(message));
    return rows;
  }

  /**
   * Takes the messages that a receipt of the batch, or an unresolved one, names. Others have no first receipt, so they
   * are left out; a receipt that names one later has it requested again.
   */
  #addMessages(epoch: Epoch, batch: Batch, hashed: readonly HashedMessage[]): void {
    const { numbers, raws } = batch.messages;
    const received = receivedNumbers(batch);
    for (let i = 0; i < numbers.length; i++) {
      // Sent a second time: it was requested, or the batch is late.
      if (epoch.messages.get(numbers[i]) !== 0) continue;
      const { messages, judged, overflown } = epoch.wanted;
      if (!received.has(numbers[i]) && !messages.has(numbers[i]) && !overflown) continue;
      const { id: knownId, sha256, digest } = hashed[i];
      const id = knownId !== 0 ? knownId : this.#idOfNew(sha256, raws[i], digest);
      // Only a digest of it is there: the bytes are the better witness.
      if (digest === null && this.state.digests.delete(id)) this.#fill(id, raws[i]);
      // Negative until its first receipt is found, which is the earliest of this collector.
      epoch.messages.set(numbers[i], -id);
      this.rows.message_numbers.push(epoch.id, BigInt(numbers[i]), BigInt(id));
      const isPending = messages.delete(numbers[i]);
      if (judged.delete(numbers[i]) || isPending || overflown) this.toResolve.add(epoch);
    }
  }

  #idOfNew(sha256: Uint8Array, raw: Uint8Array, digest: Digest | null): number {
    const key = sha256.toHex();
    let id = this.#newIds.get(key);
    if (id === undefined) {
      id = this.state.ids.message.take();
      this.#newIds.set(key, id);
      this.state.messages.set(sha256, id);
      if (digest !== null) this.state.addDigest(id);
      const stored = digest === null ? { raw } : { raw: null, facts: digest.facts };
      const settled = { verdict: "unchecked", firstSeen: Infinity } as const;
      this.#newMessages.push({ id, sha256, ...stored, ...settled });
    }
    return id;
  }

  #fill(messageId: number, raw: Uint8Array): void {
    const message = this.#newMessage(messageId);
    if (message === undefined) return this.changes.raw(messageId, raw);
    message.raw = raw;
    message.facts = undefined;
  }

  #addReceipts(epoch: Epoch, batch: Batch): void {
    const { receivedAt, messages, sessions, flags } = batch.receipts;
    const { pages } = epoch.messages;
    let collectorId = epoch.collectorId;
    const receipts = this.#receipts;
    let session = -1;
    let peerId = 0;
    for (let i = 0; i < receivedAt.length; i++) {
      const number = messages[i];
      let messageId = (pages[number >>> PAGE_BITS] ?? NO_PAGE)[number & PAGE_MASK];
      if (messageId < 0) messageId = this.#firstReceipt(epoch, number, -messageId, receivedAt[i]);
      // The receipts of one socket read follow each other and share their session.
      if (sessions[i] !== session) {
        session = sessions[i];
        peerId = epoch.sessions.get(session);
        collectorId = epoch.collectorOf(session);
      }
      if (messageId !== 0 && peerId !== 0) {
        receipts.push(receivedAt[i], messageId, peerId, collectorId, flags[i]);
      } else {
        if (messageId === 0) epoch.missMessage(number);
        if (peerId === 0) epoch.missSession(session);
        this.rows.unresolved_receipts.push(
          instant(receivedAt[i]),
          epoch.id,
          BigInt(number),
          BigInt(session),
          flags[i],
        );
      }
    }
    if (receivedAt.length === 0) return;
    this.#note(receivedAt[0]);
    this.receipts += receivedAt.length;
    epoch.receipts += receivedAt.length;
    epoch.lastReceiptAt = Math.max(epoch.lastReceiptAt ?? 0, receivedAt[receivedAt.length - 1]);
  }

  #note(at: number): void {
    this.#earliest = Math.min(this.#earliest, at);
  }

  #newMessage(id: number): NewMessage | undefined {
    return id < this.#firstNewId ? undefined : this.#newMessages[id - this.#firstNewId];
  }

  #firstReceipt(epoch: Epoch, number: number, messageId: number, receivedAt: number): number {
    epoch.messages.set(number, messageId);
    const message = this.#newMessage(messageId);
    if (message === undefined) this.changes.firstSeen(messageId, receivedAt);
    else message.firstSeen = Math.min(message.firstSeen, receivedAt);
    return messageId;
  }

  #lowerFirstSeen(epoch: Epoch, batch: Batch): void {
    const { receivedAt, messages } = batch.receipts;
    for (let i = 0; i < receivedAt.length; i++) {
      const id = epoch.messages.get(messages[i]);
      if (id > 0) this.#firstReceipt(epoch, messages[i], id, receivedAt[i]);
    }
  }

  #settleFirstSeen(epoch: Epoch, batch: Batch): void {
    for (const number of batch.messages.numbers) {
      const id = epoch.messages.get(number);
      if (id >= 0) continue;
      epoch.messages.set(number, -id);
      const message = this.#newMessage(-id);
      if (message?.firstSeen !== Infinity) continue;
      // Its receipts are unresolved ones, which lower this when they are resolved.
      message.firstSeen = UNSETTLED;
      this.unsettled.push(-id);
    }
  }

  #judge(epoch: Epoch, number: number, verdict: Verdict): void {
    const id = epoch.messages.get(number);
    if (id === 0) {
      epoch.missJudged(number);
      const event = JSON.stringify({ kind: "verdict", verdict });
      this.rows.unresolved_events.push(epoch.id, BigInt(number), null, event);
      return;
    }
    const message = this.#newMessage(id);
    if (message === undefined) this.changes.verdict(id, verdict);
    else message.verdict = laterVerdict(message.verdict, verdict);
  }

  #openSession(epoch: Epoch, event: SessionOpened): void {
    if (epoch.sessions.get(event.session) !== 0) return;
    this.#note(event.filter_at);
    let peerId = this.state.peers.get(event.node_id);
    if (peerId === undefined) {
      peerId = this.state.ids.peer.take();
      this.state.peers.set(event.node_id, peerId);
      this.rows.peers.push(peerId, event.node_id);
    }
    epoch.sessions.set(event.session, peerId);
    const collectorId = event.source ? this.#sourceId(epoch, event.source) : epoch.collectorId;
    if (event.source) epoch.sources.set(event.session, collectorId);
    this.rows.sessions.push(
      BigInt(this.state.ids.session.take()),
      epoch.id,
      BigInt(event.session),
      collectorId,
      peerId,
      event.address,
      instant(event.dialled_at),
      instant(event.handshake_at),
      instant(event.filter_at),
      bigintOrNull(event.filter_first),
      event.features,
      ...NOT_KNOWN_YET,
    );
    const { sessions, overflown } = epoch.wanted;
    if (sessions.delete(event.session) || overflown) this.toResolve.add(epoch);
  }

  #sourceId(epoch: Epoch, { name, kind, uncertainty, node_id }: SessionSource): number {
    const full = `${epoch.collector}/${name}`;
    const known = this.state.collectors.get(full);
    if (known !== undefined) return known;
    const id = this.state.ids.collector.take();
    this.state.collectors.set(full, id);
    this.rows.collectors.push(id, full);
    this.rows.sources.push(id, epoch.collector, kind, BigInt(uncertainty), node_id ?? null);
    return id;
  }

  #addEvent(epoch: Epoch, event: CollectorEvent): void {
    const ids = [epoch.id, epoch.collectorId];
    if ("since" in event) this.#note(event.since);
    else if ("at" in event) this.#note(event.at);
    switch (event.kind) {
      case "session_opened":
        break;
      case "run_started":
        epoch.version = event.version;
        epoch.targetPeers = event.target_peers;
        break;
      case "run_ended":
        epoch.endedAt = event.at;
        epoch.mark.stamped = Math.max(epoch.mark.stamped, event.receipts);
        break;
      case "batches_dropped": {
        const dropped = this.state.epoch(epoch.collector, event.epoch);
        dropped.mark.noteDropped(event.first, event.last, this.now);
        this.touched.add(dropped);
        break;
      }
      case "session_state":
      case "session_closed":
        if (epoch.sessions.get(event.session) !== 0) {
          this.changes.session(epoch.id, event);
        } else {
          epoch.missSession(event.session);
          const text = JSON.stringify(event);
          this.rows.unresolved_events.push(epoch.id, null, BigInt(event.session), text);
        }
        break;
      case "clock_sample":
        // Offsets up to a day before it are drawn towards it.
        if (this.now - event.at > LATE_SAMPLE_US) this.#note(event.at - DAY_US);
        this.rows.clock_samples.push(
          ...ids,
          ...[instant(event.at), BigInt(event.offset), BigInt(event.uncertainty)],
        );
        break;
      case "clock_step":
        this.rows.clock_steps.push(...ids, instant(event.at), BigInt(event.step));
        break;
      case "stalled":
        this.rows.stalls.push(...ids, instant(event.since), instant(event.at));
        break;
      case "log_gap": {
        const span = [instant(event.since), instant(event.at)];
        this.rows.log_gaps.push(
          epoch.id,
          this.#sourceId(epoch, event.source),
          ...span,
          event.reason,
        );
        break;
      }
      case "dial_outcomes":
        for (const { outcome, address, count } of event.dials) {
          const span = [instant(event.since), instant(event.at)];
          this.rows.dial_outcomes.push(...ids, ...span, address, outcome, BigInt(count));
        }
        break;
      default:
        event satisfies never;
    }
  }
}

/** The messages that a batch brings and that a receipt of it names. */
function receivedNumbers({ messages: { numbers }, receipts: { messages } }: Batch): Set<number> {
  const received = new Set<number>();
  if (numbers.length === 0) return received;
  const brought = new Set(numbers);
  const least = numbers.reduce((least, number) => Math.min(least, number));
  for (let i = 0; i < messages.length; i++) {
    // Most receipts are of messages that earlier batches brought.
    if (messages[i] >= least && brought.has(messages[i])) received.add(messages[i]);
  }
  return received;
}
