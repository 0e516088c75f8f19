// One connection to a simulated node: init, pings and queries answered, and the gossip that is due, once asked for.

import type { NoiseConnection } from "../../collector/noise/connection.ts";
import { featureBitmap } from "../../shared/bolt/features.ts";
import type { Init } from "../../shared/bolt/init.ts";
import { decodeMessage, encodeMessage, type MessageFields } from "../../shared/bolt/message.ts";
import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import { type Random, randomInteger, seededRandom } from "../../shared/random.ts";
import type { TestKey } from "../support/fixtures/signed_gossip.ts";
import { type Behaviour, heedsFilter, refusal } from "./behaviour.ts";
import type { Implementation } from "./flush.ts";
import type { Tally } from "./tally.ts";

/** What a peer is made of. */
export interface PeerOptions {
  /** Its index in the plan. */
  readonly index: number;
  /** Its node key. */
  readonly key: TestKey;
  /** Whose manners it has. */
  readonly implementation: Implementation;
  /** The chain it follows. */
  readonly chainHash: Uint8Array;
  /** Network time runs so many times as fast as the clock; its pings come more often in the same way. */
  readonly compression: number;
  /** Waits. */
  readonly clock: Clock;
  /** Counts. */
  readonly tally: Tally;
  /** Called when the system took a message's bytes. */
  readonly wrote: (peer: number, message: number) => void;
}

/** Messages in one burst and so in one write: about 300 KB. */
const MAX_BURST_MESSAGES = 1000;
/** However much time is squeezed, pings stay at least this far apart. */
const LEAST_PING_MILLISECONDS = 1000;
/** What a pong may take before the peer leaves, as LND does. */
const PONG_MILLISECONDS = 30_000;
/** Pongs asked for are of 0 up to this many bytes: a wrong size makes the peer leave, as LND does. */
const MAX_PONG_BYTES = 64;
/** BOLT 1: from this length on a ping wants no answer. */
const NO_PONG_FROM = 65_532;

const PING = 18;
const PONG = 19;

/** One connection. */
export class Session {
  readonly #random: Random;
  readonly #closed = new AbortController();
  #init: Init | null = null;
  #subscribed = false;
  #numbers: number[] = [];
  #raws: Uint8Array[] = [];
  #sending = false;
  /** How many of the queued messages the write now under way holds. */
  #inFlight = 0;
  #sinceLastPong = 0;
  /** The size of the pong that is awaited; null when none is. */
  #awaitedPong: number | null = null;
  /** When it was asked for, µs. */
  #pingedAt = 0;

  /** Takes over after the handshake. */
  constructor(
    private readonly connection: NoiseConnection,
    private readonly options: PeerOptions,
    private readonly behaviour: Behaviour,
  ) {
    this.#random = seededRandom(`${options.key.id} pings`);
  }

  /** From init to the end. Failures are counted, not thrown: a node survives its peers. */
  async run(): Promise<void> {
    const { tally } = this.options;
    tally.connected++;
    let pings: Promise<void> | null = null;
    try {
      await this.#send(this.#ownInit());
      pings = this.#keepPinging();
      for (;;) {
        const batch = await this.connection.readBatch();
        if (batch === null) break;
        for (const raw of batch.messages) await this.#handle(raw.slice(), batch.receivedAt);
      }
    } catch (error) {
      if (!this.#closed.signal.aborted) tally.failure("session", errorText(error));
    } finally {
      this.close();
      await pings;
      tally.connected--;
      if (this.#subscribed) tally.subscribed--;
      if (this.#inFlight === 0) this.#drop();
    }
  }

  /** Counts what was not sent, and what may have been. */
  #drop(): void {
    const { tally } = this.options;
    tally.uncertain += this.#inFlight;
    tally.skipped += this.#numbers.length - this.#inFlight;
    tally.queued -= this.#numbers.length;
    this.#inFlight = 0;
    this.#numbers = [];
    this.#raws = [];
  }

  /** Hangs up; twice is harmless. */
  close(): void {
    this.#closed.abort();
    this.connection.close();
  }

  /** Queues a message; false when no gossip was asked for. */
  queue(number: number, raw: Uint8Array): boolean {
    if (!this.#subscribed || this.#closed.signal.aborted) return false;
    this.#numbers.push(number);
    this.#raws.push(raw);
    this.options.tally.queued++;
    return true;
  }

  /** Sends what is queued, in one burst where it can. */
  flush(): void {
    if (!this.#sending) this.#sendQueued();
  }

  async #sendQueued(): Promise<void> {
    const { index, tally, wrote } = this.options;
    this.#sending = true;
    try {
      while (this.#numbers.length > 0) {
        const room = this.behaviour.gossipPerPong - this.#sinceLastPong;
        if (room <= 0) {
          await this.#ping();
          break; // the pong goes on
        }
        const count = Math.min(this.#numbers.length, room, MAX_BURST_MESSAGES);
        this.#inFlight = count;
        this.#sinceLastPong += count;
        await this.connection.send(...this.#raws.slice(0, count));
        this.#inFlight = 0;
        this.#raws.splice(0, count);
        for (const number of this.#numbers.splice(0, count)) wrote(index, number);
        tally.sent += count;
        tally.queued -= count;
      }
    } catch (error) {
      this.#drop();
      if (!this.#closed.signal.aborted) tally.failure("session", errorText(error));
      this.close();
    } finally {
      this.#sending = false;
    }
  }

  async #handle(raw: Uint8Array, receivedAt: number): Promise<void> {
    const { tally } = this.options;
    const message = decodeMessage(raw);
    if (this.#init === null) {
      if (!message.known || message.type !== 16) throw new Error("its first message is no init");
      const reason = refusal(this.behaviour, message, this.options.chainHash);
      if (reason !== null) throw new Error(`init refused: ${reason}`);
      this.#init = message;
      return;
    }
    if (!message.known) return;
    switch (message.type) {
      case 1:
      case 17:
        return tally.failure("complaint", new TextDecoder().decode(message.data));
      case PING:
        if (message.numPongBytes >= NO_PONG_FROM) return;
        return await this.#send({ type: PONG, ignored: new Uint8Array(message.numPongBytes) });
      case PONG:
        return this.#takePong(message.ignored.length, receivedAt);
      case 256:
      case 257:
      case 258:
        tally.forwarded++;
        return;
      case 261:
        return await this.#send({ type: 262, chainHash: message.chainHash, fullInformation: 1 });
      case 263:
        // It knows of no channel, and says so for the whole range.
        return await this.#send({
          type: 264,
          chainHash: message.chainHash,
          firstBlock: message.firstBlock,
          numberOfBlocks: message.numberOfBlocks,
          syncComplete: 1,
          scids: [],
        });
      case 265:
        if (this.#subscribed || !heedsFilter(this.behaviour, this.#init)) return;
        this.#subscribed = true;
        tally.subscribed++;
    }
  }

  #takePong(size: number, receivedAt: number): void {
    if (size !== this.#awaitedPong) {
      throw new Error(`a pong of ${size} bytes came where ${this.#awaitedPong} were awaited`);
    }
    this.#awaitedPong = null;
    this.#sinceLastPong = 0;
    this.options.tally.pong((receivedAt - this.#pingedAt) / 1000);
    this.flush();
  }

  /** One ping, unless one is still out. */
  async #ping(): Promise<void> {
    if (this.#awaitedPong !== null) return;
    this.#awaitedPong = randomInteger(this.#random, MAX_PONG_BYTES + 1);
    this.#pingedAt = this.options.clock.now();
    await this.#send({ type: PING, numPongBytes: this.#awaitedPong, ignored: new Uint8Array(0) });
  }

  async #keepPinging(): Promise<void> {
    const { clock, compression, tally } = this.options;
    const { signal } = this.#closed;
    const pause = Math.max(
      LEAST_PING_MILLISECONDS,
      1000 * this.behaviour.pingSeconds / compression,
    );
    try {
      // Their first pings are spread over the pause, as nodes are in life.
      await clock.sleep(pause * this.#random.next(), signal);
      for (let waited = 0;; waited = this.#awaitedPong === null ? 0 : waited + pause) {
        if (waited >= PONG_MILLISECONDS) {
          tally.failure("session", `no pong within ${PONG_MILLISECONDS} ms`);
          return this.close();
        }
        await this.#ping();
        await clock.sleep(pause, signal);
      }
    } catch (error) {
      if (!signal.aborted) tally.failure("session", errorText(error));
      this.close();
    }
  }

  #ownInit(): Init {
    const { chainHash } = this.options;
    return {
      type: 16,
      features: featureBitmap(this.behaviour.features),
      ...this.behaviour.namesNetwork && { networks: [chainHash] },
    };
  }

  #send(message: MessageFields): Promise<void> {
    return this.connection.send(encodeMessage(message));
  }
}
