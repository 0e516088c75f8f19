/**
 * One connection to one peer, from our init to its end. Gossip goes to the recorder, everything else to `Control`.
 *
 * @module
 */
import type { SessionClosed, SessionFigures } from "../../shared/batch/batch.ts";
import { chainHash, type Network } from "../../shared/bolt/chains.ts";
import { initFeatures } from "../../shared/bolt/init.ts";
import { encodeMessage } from "../../shared/bolt/message.ts";
import { messageType } from "../../shared/bolt/message_types.ts";
import type { Clock } from "../../shared/clock.ts";
import type { Random } from "../../shared/random.ts";
import { toHex } from "../../shared/text.ts";
import { formatEndpoint, formatNodeAddress } from "../addresses/endpoint.ts";
import type { Answerer } from "../gossip/queries/answerer.ts";
import type { PeerAnswers } from "../gossip/queries/peer_answers.ts";
import type { Question, Taken } from "../gossip/queries/question.ts";
import type { BadMessage } from "../gossip/verifier.ts";
import { NoiseFault } from "../noise/fault.ts";
import type { ReceiptSink } from "../receipt/recorder.ts";
import type { Cause } from "./backoff.ts";
import { type Misbehaviour, type Objection, PeerLimits } from "./peer_limits.ts";
import { Control, type ControlCounts } from "./control.ts";
import type { Dialled } from "./dialer.ts";
import { ourInit, readInit } from "./init.ts";
import { SessionCounts } from "./session_counts.ts";
import { nextTurn } from "./turns.ts";

/** How a session ended. */
export interface SessionEnd {
  /** Who ended it. */
  readonly by: SessionClosed["by"];
  /** Why, in one printable line. */
  readonly reason: string;
  /** How long to leave the peer alone. */
  readonly cause: Cause;
  /** What it did, when it misbehaved. */
  readonly what?: Misbehaviour;
}

/** What a session works with. */
export interface SessionOptions {
  /** Whose gossip is wanted. */
  readonly network: Network;
  /** `first_timestamp` of our filter, seconds since the Unix epoch. */
  readonly filterFirst: number;
  /** How long the peer's init may take. */
  readonly initTimeoutMs: number;
  /** Stamps, pings and deadlines. */
  readonly clock: Clock;
  /** Spreads pings, and says how long their pongs should be. */
  readonly random: Random;
  /** Gets every receipt. */
  readonly sink: ReceiptSink;
  /** Counts what is not gossip, and misbehaviour; shared by all sessions. */
  readonly counts: ControlCounts;
  /** Answers questions about gossip. */
  readonly answerer: Answerer;
  /** Is called when init is done and the filter sent, before the first receipt, with the features of that init. */
  readonly onOpen: (features: Uint8Array) => void;
  /** Gets every message after init; it holds only during the call. */
  readonly onMessage?: (raw: Uint8Array) => void;
}

/** BOLT 7: everything from `first_timestamp` on. Safe with every implementation. */
const FILTER_RANGE = 0xffffffff;
/** The time between pings. LND and CLN ping every 60 s, LDK every 10. */
const PING_INTERVAL_MS = 30_000;
/** What one session may read before the others have their turn: a millisecond or two of work. */
const BYTES_IN_TURN = 32 * 1024;
const READS_IN_TURN = 16;
/** Types recorded as gossip beside 256 to 258: gossip v1.75, as proposed. */
const PROPOSED_GOSSIP = new Set([260, 267, 269, 271]);

/** One connection to one peer; see the module. */
export class Session {
  readonly #link: Dialled;
  readonly #options: SessionOptions;
  readonly #limits = new PeerLimits();
  readonly #control: Control;
  readonly #answers: PeerAnswers;
  readonly #stop = new AbortController();
  /** The last writing of answers, and whether it goes on. */
  #answering = Promise.resolve();
  #isAnswering = false;
  #number = -1;
  #end: SessionEnd | undefined;
  /** Reads since the session last gave way, and its bytes then. */
  #readsInTurn = 0;
  #turnBeganAt = 0;
  readonly #counts = new SessionCounts();

  /** Takes the connection over; {@link Session.run} uses and ends it. */
  constructor(link: Dialled, options: SessionOptions) {
    this.#link = link;
    this.#options = options;
    this.#answers = options.answerer.open();
    this.#control = new Control({
      name: formatNodeAddress(link.peer),
      clock: options.clock,
      random: options.random,
      limits: this.#limits,
      counts: options.counts,
      own: this.#counts,
      send: (...messages) => this.#send(...messages),
      onQuestion: (question) => this.#ask(question),
      onMisbehaved: (objection) => this.#misbehaved(objection),
      onError: (reason) => this.end({ by: "peer", reason, cause: "lost" }),
    });
  }

  /** Its number in this epoch; −1 until init is done. */
  get number(): number {
    return this.#number;
  }

  /** Runs until the end. */
  async run(): Promise<SessionEnd> {
    this.#send(ourInit(this.#options.network));
    const timers = [this.#watchInit(), this.#pingLoop()];
    try {
      while (this.#end === undefined) {
        const batch = await this.#link.connection.readBatch();
        if (batch === null) this.#peerClosed();
        else {
          this.#take(batch.messages, batch.receivedAt);
          // This function holds on to it as long as it waits for the next one: 100 MB over a thousand peers.
          batch.messages.length = 0;
        }
        if (this.#isGreedy()) await nextTurn();
      }
    } catch (error) {
      if (!(error instanceof NoiseFault)) throw error;
      this.#failed(error);
    } finally {
      this.end({ by: "us", reason: "internal error", cause: "lost" });
      this.#answers[Symbol.dispose]();
      await Promise.all([...timers, this.#answering]);
      this.#reportEnd(this.#end!);
    }
    return this.#end!;
  }

  /** Ends the session; the first end that is told counts. */
  end(end: SessionEnd): void {
    if (this.#end === undefined) {
      this.#end = end;
      if (end.what !== undefined) this.#options.counts.misbehaved[end.what]++;
    }
    this.#stop.abort();
    this.#link.connection.close();
  }

  /** Sends a message of ours that is no answer, if init is done. */
  say(raw: Uint8Array): void {
    if (this.#number >= 0 && this.#end === undefined) this.#send(raw);
  }

  /** Holds a gossip message that proved bad against the peer. */
  blame(bad: BadMessage): void {
    const objection = this.#limits.badGossip(bad, this.#options.clock.now());
    if (objection) this.#misbehaved(objection);
  }

  /** Works on the messages of one read. Does not wait, so receipts stay in the order of their times. */
  #take(messages: readonly Uint8Array[], receivedAt: number): void {
    let first = 0;
    this.#counts.messagesIn += messages.length;
    if (this.#number < 0) {
      if (messages.length === 0 || !this.#open(messages[0].slice())) return;
      first = 1;
    }
    this.#control.answerPings(messages, first);
    // Once the session has ended the rest of the read is still recorded: it came whole.
    for (let i = first; i < messages.length; i++) {
      const raw = messages[i];
      if (isGossip(raw)) this.#receive(raw, receivedAt);
      // A copy, for questions wait longer than the read holds.
      else if (this.#end === undefined) this.#control.take(raw.slice(), receivedAt);
      this.#options.onMessage?.(raw);
    }
  }

  /** Whether it has read so much that the others should have their turn; one that never stops is ended. */
  #isGreedy(): boolean {
    const bytes = this.#link.connection.bytesIn();
    if (++this.#readsInTurn < READS_IN_TURN && bytes - this.#turnBeganAt < BYTES_IN_TURN) {
      return false;
    }
    const objection = this.#limits.read(bytes - this.#turnBeganAt, this.#options.clock.now());
    if (objection) this.#misbehaved(objection);
    this.#readsInTurn = 0;
    this.#turnBeganAt = bytes;
    return true;
  }

  #receive(raw: Uint8Array, receivedAt: number): void {
    this.#counts.receipt(receivedAt);
    this.#options.sink.receive(this.#number, raw, receivedAt);
  }

  /** Reads the peer's init, sends our filter and opens the session; false when it ends instead. */
  #open(raw: Uint8Array): boolean {
    const { network, clock, filterFirst } = this.#options;
    const init = readInit(raw, network);
    if (typeof init === "string") {
      this.end({ by: "us", reason: init, cause: "incompatible" });
      return false;
    }
    const filter = encodeMessage({
      type: 265,
      chainHash: chainHash(network),
      firstTimestamp: filterFirst,
      timestampRange: FILTER_RANGE,
    });
    this.#options.answerer.ledger.record("own_filter", filter);
    this.#send(filter);
    const features = initFeatures(init);
    const { peer, dialledAt, handshakeAt } = this.#link;
    const now = clock.now();
    this.#counts.opened(now);
    this.#number = this.#options.sink.openSession({
      node_id: peer.nodeId,
      address: formatEndpoint(peer.end),
      dialled_at: dialledAt,
      handshake_at: handshakeAt,
      filter_at: now,
      filter_first: filterFirst,
      features: toHex(features),
    });
    this.#options.onOpen(features);
    return true;
  }

  /** Encrypts and begins to write at once; a failure ends the session. */
  #send(...messages: Uint8Array[]): Promise<void> {
    this.#counts.messagesOut += messages.length;
    for (const raw of messages) if (isGossip(raw)) this.#counts.gossipOut++;
    return this.#link.connection.send(...messages).catch((error) => {
      if (!(error instanceof NoiseFault)) throw error;
      if (error.code !== "closed") this.#failed(error);
    });
  }

  #ask(question: Question): Taken {
    const taken = this.#answers.take(question);
    if (!this.#isAnswering) {
      this.#isAnswering = true;
      this.#answering = this.#answer();
    }
    return taken;
  }

  /** Writes answers as fast as the peer reads them and its limits allow, until there are none left. */
  async #answer(): Promise<void> {
    while (this.#end === undefined) {
      const now = this.#options.clock.now();
      const { messages, again } = this.#answers.pull(now);
      if (messages.length > 0) await this.#send(...messages);
      else if (again === null) break;
      else await this.#sleep(Math.ceil((again - now) / 1000));
    }
    this.#isAnswering = false;
  }

  #misbehaved(objection: Objection): void {
    this.end({ by: "us", cause: "misbehaved", ...objection });
  }

  #peerClosed(): void {
    const open = this.#number >= 0;
    const reason = open ? "it closed the connection" : "it closed the connection before init";
    this.end({ by: "peer", reason, cause: open ? "lost" : "full" });
  }

  #failed({ code, message }: NoiseFault): void {
    const cause = this.#number >= 0 ? "lost" : "full";
    if (code === "network") this.end({ by: "network", reason: message, cause });
    else if (code === "truncated") this.end({ by: "peer", reason: message, cause });
    else if (code === "bad_mac") {
      this.#misbehaved({ what: "broken_frame", reason: `it sent a broken frame: ${message}` });
    } else if (code === "backlog") this.#misbehaved({ what: "not_reading", reason: message });
    else this.end({ by: "us", reason: message, cause });
  }

  async #watchInit(): Promise<void> {
    const { initTimeoutMs: limit } = this.#options;
    if (!await this.#sleep(limit) || this.#number >= 0) return;
    this.end({ by: "us", reason: `no init within ${limit} ms`, cause: "handshake" });
  }

  async #pingLoop(): Promise<void> {
    // At a phase of its own, for a thousand pings at once are a burst.
    let wait = PING_INTERVAL_MS * (0.5 + this.#options.random.next() / 2);
    while (await this.#sleep(wait)) {
      wait = PING_INTERVAL_MS;
      if (this.#number >= 0 && !this.#control.ping()) {
        this.end({ by: "us", reason: "it does not answer pings", cause: "lost" });
      }
      this.#reportState();
    }
  }

  /** True after the time, false as soon as the session ends. */
  #sleep(milliseconds: number): Promise<boolean> {
    return this.#options.clock.sleep(milliseconds, this.#stop.signal)
      .then(() => this.#end === undefined, () => false);
  }

  /** Tells how the session is doing, when that is due. */
  #reportState(): void {
    const now = this.#options.clock.now();
    if (this.#number < 0 || this.#end !== undefined || !this.#counts.isDue(now)) return;
    this.#options.sink.sessionState({ session: this.#number, at: now, ...this.#figures() });
  }

  #reportEnd({ by, reason }: SessionEnd): void {
    if (this.#number < 0) return;
    const at = this.#options.clock.now();
    const session = this.#number;
    this.#options.sink.closeSession({ session, at, by, reason, ...this.#figures() });
  }

  #figures(): SessionFigures {
    const { connection } = this.#link;
    return this.#counts.figures(connection.bytesIn(), connection.bytesOut());
  }
}

function isGossip(raw: Uint8Array): boolean {
  if (raw[0] !== 1 || raw.length < 2) return false;
  return raw[1] <= 2 || PROPOSED_GOSSIP.has(messageType(raw));
}
