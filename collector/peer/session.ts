import type { SessionClosed, SessionFigures } from "../../shared/batch/batch.ts";
import { chainHash, type Network } from "../../shared/bolt/chains.ts";
import { initFeatures } from "../../shared/bolt/init.ts";
import { encodeMessage } from "../../shared/bolt/message.ts";
import { messageType } from "../../shared/bolt/message_types.ts";
import type { Clock } from "../../shared/clock.ts";
import type { Random } from "../../shared/random.ts";
import { pause } from "../../shared/waiting.ts";
import { formatEndpoint, formatNodeAddress, type NodeAddress } from "../addresses/endpoint.ts";
import type { Answerer } from "../gossip/queries/answerer.ts";
import type { BadMessage } from "../gossip/verifier.ts";
import { NoiseFault } from "../noise/fault.ts";
import type { ReceiptSink } from "../receipt/recorder.ts";
import { Answering } from "./answering.ts";
import type { Cause } from "./backoff.ts";
import { type Misbehaviour, type Objection, PeerLimits } from "./peer_limits.ts";
import { Control, type ControlCounts } from "./control.ts";
import type { Dialled } from "./dialer.ts";
import { Pings } from "./pings.ts";
import { ourInit, readInit } from "./init.ts";
import { SessionCounts } from "./session_counts.ts";
import { nextTurn } from "./turns.ts";

export interface SessionEnd {
  readonly by: SessionClosed["by"];
  /** One printable line. */
  readonly reason: string;
  readonly cause: Cause;
  readonly what?: Misbehaviour;
}

export interface SessionOptions {
  readonly network: Network;
  /** Seconds since the Unix epoch. */
  readonly filterFirst: number;
  readonly initTimeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly sink: ReceiptSink;
  readonly counts: ControlCounts;
  readonly answerer: Answerer;
  /** After init and filter, before the first receipt. */
  readonly onOpen: (features: Uint8Array) => void;
  /** Every message after init; valid only during the call. */
  readonly onMessage?: (raw: Uint8Array) => void;
}

/** BOLT 7: everything from `first_timestamp` on. Safe with every implementation. */
const FILTER_RANGE = 0xffffffff;
/** The time between pings. LND and CLN ping every 60 s, LDK every 10. */
const PING_INTERVAL_MS = 30_000;
/** Bytes read before other sessions have their turn: 1 to 2 ms of work. */
const BYTES_IN_TURN = 32 * 1024;
const READS_IN_TURN = 16;
/** Types recorded as gossip beside 256 to 258: gossip v1.75, as proposed. */
const PROPOSED_GOSSIP = new Set([260, 267, 269, 271]);

/** One connection to one peer, from our init to its end. Gossip goes to the recorder, the rest to {@link Control}. */
export class Session {
  readonly #limits = new PeerLimits();
  readonly #control: Control;
  readonly #pings: Pings;
  readonly #answering: Answering;
  readonly #stop = new AbortController();
  #number = -1;
  #end: SessionEnd | undefined;
  /** Since the session last gave way. */
  #readsInTurn = 0;
  #turnBeganAt = 0;
  readonly #counts = new SessionCounts();

  /** Takes over the connection; {@link Session.run} ends it. */
  constructor(private readonly link: Dialled, private readonly options: SessionOptions) {
    const { clock, random } = options;
    this.#pings = new Pings({ clock, random, own: this.#counts, send: (ping) => this.#send(ping) });
    this.#answering = new Answering({
      answers: options.answerer.open(),
      pings: this.#pings,
      clock,
      send: (...messages) => this.#send(...messages),
      signal: this.#stop.signal,
    });
    this.#control = new Control({
      name: formatNodeAddress(link.peer),
      clock,
      limits: this.#limits,
      counts: options.counts,
      own: this.#counts,
      send: (...messages) => this.#send(...messages),
      onPong: (bytes, receivedAt) => this.#pings.ponged(bytes, receivedAt),
      onQuestion: (question) => this.#answering.ask(question),
      onMisbehaved: (objection) => this.#misbehaved(objection),
      onError: (reason) => this.end({ by: "peer", reason, cause: "lost" }),
    });
  }

  get peer(): NodeAddress {
    return this.link.peer;
  }

  /** In this epoch; −1 until init is done. */
  get number(): number {
    return this.#number;
  }

  /** When the last answer to a question about gossip was sent, µs; −Infinity before. */
  get answeredAt(): number {
    return this.#answering.answeredAt;
  }

  async run(): Promise<SessionEnd> {
    this.#send(ourInit(this.options.network));
    const timers = [this.#watchInit(), this.#pingLoop()];
    try {
      while (this.#end === undefined) {
        const batch = await this.link.connection.readBatch();
        if (batch === null) this.#peerClosed();
        else {
          this.#take(batch.messages, batch.receivedAt);
          // Waiting for the next read, this function would hold it: 100 MB over a thousand peers.
          batch.messages.length = 0;
        }
        if (this.#isGreedy()) await nextTurn();
      }
    } catch (error) {
      if (!(error instanceof NoiseFault)) throw error;
      this.#failed(error);
    } finally {
      this.end({ by: "us", reason: "internal error", cause: "lost" });
      await Promise.all([...timers, this.#answering.end()]);
      this.#reportEnd(this.#end!);
    }
    return this.#end!;
  }

  /** The first reason counts. */
  end(end: SessionEnd): void {
    if (this.#end === undefined) {
      this.#end = end;
      if (end.what !== undefined) this.options.counts.misbehaved[end.what]++;
    }
    this.#stop.abort();
    this.#pings[Symbol.dispose]();
    this.link.connection.close();
  }

  /** Sends a query of ours, if init is done. */
  say(raw: Uint8Array): void {
    if (this.#number >= 0 && this.#end === undefined) this.#send(raw);
  }

  blame(bad: BadMessage): void {
    const objection = this.#limits.badGossip(bad, this.options.clock.now());
    if (objection) this.#misbehaved(objection);
  }

  /** Does not wait, so receipts stay in the order of their times. */
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
      // A copy: questions outlive the read.
      else if (this.#end === undefined) this.#control.take(raw.slice(), receivedAt);
      this.options.onMessage?.(raw);
    }
  }

  /** Whether it is the others' turn; a peer that never stops is cut off. */
  #isGreedy(): boolean {
    const bytes = this.link.connection.bytesIn();
    if (++this.#readsInTurn < READS_IN_TURN && bytes - this.#turnBeganAt < BYTES_IN_TURN) {
      return false;
    }
    const objection = this.#limits.read(bytes - this.#turnBeganAt, this.options.clock.now());
    if (objection) this.#misbehaved(objection);
    this.#readsInTurn = 0;
    this.#turnBeganAt = bytes;
    return true;
  }

  #receive(raw: Uint8Array, receivedAt: number): void {
    this.#counts.receipt(receivedAt);
    this.options.sink.receive(this.#number, raw, receivedAt);
  }

  /** False when it ends the session instead. */
  #open(raw: Uint8Array): boolean {
    const { network, clock, filterFirst } = this.options;
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
    this.options.answerer.ledger.record("own_filter", filter);
    this.#send(filter);
    const features = initFeatures(init);
    const { peer, dialledAt, handshakeAt } = this.link;
    const now = clock.now();
    this.#counts.opened(now);
    this.#number = this.options.sink.openSession({
      node_id: peer.nodeId,
      address: formatEndpoint(peer.end),
      dialled_at: dialledAt,
      handshake_at: handshakeAt,
      filter_at: now,
      filter_first: filterFirst,
      features: features.toHex(),
    });
    this.options.onOpen(features);
    return true;
  }

  /** Writing begins at once; a failure ends the session. */
  #send(...messages: Uint8Array[]): Promise<void> {
    this.#counts.messagesOut += messages.length;
    for (const raw of messages) if (isGossip(raw)) this.#counts.gossipOut++;
    return this.link.connection.send(...messages).catch((error) => {
      if (!(error instanceof NoiseFault)) throw error;
      if (error.code !== "closed") this.#failed(error);
    });
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
    const { initTimeoutMs: limit } = this.options;
    if (!await this.#sleep(limit) || this.#number >= 0) return;
    this.end({ by: "us", reason: `no init within ${limit} ms`, cause: "handshake" });
  }

  async #pingLoop(): Promise<void> {
    // At a random phase: a thousand pings at once are a burst.
    let wait = PING_INTERVAL_MS * (0.5 + this.options.random.next() / 2);
    while (await this.#sleep(wait)) {
      wait = PING_INTERVAL_MS;
      const { connection } = this.link;
      if (
        this.#number >= 0 && !this.#pings.beat(connection.bytesIn(), this.#answering.isCaughtUp)
      ) {
        this.end({ by: "us", reason: "it has fallen silent", cause: "lost" });
      }
      this.#reportState();
    }
  }

  /** False as soon as the session ends. */
  #sleep(milliseconds: number): Promise<boolean> {
    return pause(this.options.clock, milliseconds, this.#stop.signal);
  }

  #reportState(): void {
    const now = this.options.clock.now();
    if (this.#number < 0 || this.#end !== undefined || !this.#counts.isDue(now)) return;
    this.options.sink.sessionState({ session: this.#number, at: now, ...this.#figures() });
  }

  #reportEnd({ by, reason }: SessionEnd): void {
    if (this.#number < 0) return;
    const at = this.options.clock.now();
    const session = this.#number;
    this.options.sink.closeSession({ session, at, by, reason, ...this.#figures() });
  }

  #figures(): SessionFigures {
    const { connection } = this.link;
    const now = this.options.clock.now();
    return this.#counts.figures(connection.bytesIn(), connection.bytesOut(), now);
  }
}

function isGossip(raw: Uint8Array): boolean {
  if (raw[0] !== 1 || raw.length < 2) return false;
  return raw[1] <= 2 || PROPOSED_GOSSIP.has(messageType(raw));
}
