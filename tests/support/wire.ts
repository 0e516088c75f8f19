/**
 * One side of a Lightning connection played by a test: messages one by one, nothing answered unasked.
 *
 * @module
 */
import { chainHash } from "../../shared/bolt/chains.ts";
import { featureBitmap } from "../../shared/bolt/features.ts";
import { encodeMessage, type MessageFields } from "../../shared/bolt/message.ts";
import { messageType } from "../../shared/bolt/message_types.ts";
import { systemClock } from "../../shared/clock.ts";
import { fromHex } from "../../shared/text.ts";
import { acceptNoise, dialNoise, type NoiseConnection } from "../../collector/noise/connection.ts";
import { NoiseFault } from "../../collector/noise/fault.ts";
import type { TestKey } from "./signed_gossip.ts";

/** The features without which LDK closes, and gossip queries: all offered, none demanded. */
export const OFFERED_FEATURES: readonly number[] = [1, 7, 9, 11, 13, 15, 45];

/** The longest silence that a test waits through. */
const MAX_SILENCE_MILLISECONDS = 20_000;

/** An encrypted connection, read message by message. Disposing closes it. */
export class Wire implements Disposable {
  /** The connection below. */
  readonly connection: NoiseConnection;
  #waiting: Uint8Array[] = [];

  /** Reads and writes `connection`, which it owns from now on. */
  constructor(connection: NoiseConnection) {
    this.connection = connection;
  }

  /** Dials a node on loopback as `key`. */
  static async dial(key: TestKey, nodeId: string, port: number): Promise<Wire> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    const remotePublicKey = fromHex(nodeId);
    const own = { privateKey: key.privateKey, clock: systemClock };
    return new Wire(await dialNoise(conn, { ...own, remotePublicKey }));
  }

  /** Answers whoever dialled `conn`, as `key`. */
  static async accept(key: TestKey, conn: Deno.Conn): Promise<Wire> {
    const own = { privateKey: key.privateKey, clock: systemClock };
    return new Wire(await acceptNoise(conn, own));
  }

  /**
   * The next message as it came; null when the other side has closed.
   *
   * @throws {Error} after a long silence, with the connection closed.
   */
  async next(): Promise<Uint8Array | null> {
    let silent = false;
    const timer = setTimeout(() => {
      silent = true;
      this.connection.close();
    }, MAX_SILENCE_MILLISECONDS);
    try {
      while (this.#waiting.length === 0) {
        const batch = await this.connection.readBatch();
        if (silent) throw new Error(`The other side was silent for ${MAX_SILENCE_MILLISECONDS} ms`);
        if (batch === null) return null;
        this.#waiting = batch.messages.map((message) => message.slice());
      }
    } finally {
      clearTimeout(timer);
    }
    return this.#waiting.shift()!;
  }

  /** Reads on until the other side has closed, in order or not. */
  async untilClosed(): Promise<void> {
    try {
      while (await this.next() !== null);
    } catch (error) {
      if (!(error instanceof NoiseFault)) throw error;
    }
  }

  /** The next message of a type; those before it are skipped. @throws {Error} when the other side closes first. */
  async nextOf(type: number): Promise<Uint8Array> {
    for (;;) {
      const message = await this.next();
      if (message === null) {
        throw new Error(`The other side closed before a message of type ${type}`);
      }
      if (messageType(message) === type) return message;
    }
  }

  /** Sends messages, in order, in one write. */
  send(...messages: readonly (MessageFields | Uint8Array)[]): Promise<void> {
    return this.connection.send(
      ...messages.map((message) =>
        message instanceof Uint8Array ? message : encodeMessage(message)
      ),
    );
  }

  /** Closes the connection; twice is harmless. */
  [Symbol.dispose](): void {
    this.connection.close();
  }
}

/** An init on regtest; with {@link OFFERED_FEATURES} when no bits are given. */
export function initMessage(bits: readonly number[] = OFFERED_FEATURES): MessageFields {
  return { type: 16, features: featureBitmap(bits), networks: [chainHash("regtest")] };
}

/** A gossip_timestamp_filter on regtest that asks for all from `firstTimestamp` (seconds) on. */
export function filterMessage(firstTimestamp: number): MessageFields {
  const timestampRange = 0xffff_ffff;
  return { type: 265, chainHash: chainHash("regtest"), firstTimestamp, timestampRange };
}
