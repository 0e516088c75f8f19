// The least that can listen to a simulated peer: init, a gossip filter, pongs; it keeps all gossip it gets.

import { dialNoise, type NoiseConnection } from "../../collector/noise/connection.ts";
import { chainHash, type Network } from "../../shared/bolt/chains.ts";
import { featureBitmap } from "../../shared/bolt/features.ts";
import { decodeMessage, encodeMessage, type MessageFields } from "../../shared/bolt/message.ts";
import { systemClock } from "../../shared/clock.ts";
import { testKey } from "../support/fixtures/signed_gossip.ts";

/** How the client behaves; good manners unless told otherwise. */
export interface TestClientOptions {
  /** Feature bits of its init. */
  readonly features?: readonly number[];
  /** Chains its init names. */
  readonly networks?: readonly Network[];
  /** Whether it answers pings, and with how many bytes more than asked. */
  readonly pongExtra?: number | null;
}

/** Odd bits that all implementations are content with. */
const GOOD_FEATURES = [1, 7, 9, 11, 13, 15, 45];

/** A connection to one simulated peer. */
export class TestClient implements AsyncDisposable {
  /** Gossip in the order it came, with the number of the socket read that brought it. */
  readonly gossip: { readonly raw: Uint8Array; readonly read: number }[] = [];
  /** All else that came, by type. */
  readonly others: number[] = [];
  /** Resolves when the connection has ended. */
  readonly ended: Promise<void>;

  private constructor(
    private readonly connection: NoiseConnection,
    private readonly options: TestClientOptions,
  ) {
    this.ended = this.#read();
  }

  /** Connects to `node id@host:port` and says init. */
  static async dial(address: string, options: TestClientOptions = {}): Promise<TestClient> {
    const [, id, hostname, port] = address.match(/^(\w+)@(.+):(\d+)$/)!;
    const conn = await Deno.connect({ hostname, port: Number(port) });
    const connection = await dialNoise(conn, {
      privateKey: testKey("test client").privateKey,
      remotePublicKey: Uint8Array.fromHex(id),
      clock: systemClock,
    });
    const client = new TestClient(connection, options);
    await client.send({
      type: 16,
      features: featureBitmap(options.features ?? GOOD_FEATURES),
      networks: (options.networks ?? ["bitcoin"]).map(chainHash),
    });
    return client;
  }

  /** Asks for gossip. */
  subscribe(): Promise<void> {
    return this.send({
      type: 265,
      chainHash: chainHash("bitcoin"),
      firstTimestamp: 0,
      timestampRange: 0xffffffff,
    });
  }

  /** Sends one message. */
  send(message: MessageFields): Promise<void> {
    return this.connection.send(encodeMessage(message));
  }

  async #read(): Promise<void> {
    for (let read = 0;; read++) {
      const batch = await this.connection.readBatch().catch(() => null);
      if (batch === null) return this.connection.close();
      for (const raw of batch.messages) await this.#take(raw.slice(), read);
    }
  }

  async #take(raw: Uint8Array, read: number): Promise<void> {
    const message = decodeMessage(raw);
    if (message.type >= 256 && message.type <= 258) {
      this.gossip.push({ raw, read });
      return;
    }
    this.others.push(message.type);
    const { pongExtra = 0 } = this.options;
    if (message.known && message.type === 18 && pongExtra !== null) {
      const ignored = new Uint8Array(message.numPongBytes + pongExtra);
      await this.send({ type: 19, ignored }).catch(() => {});
    }
  }

  /** Hangs up. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.connection.close();
    await this.ended;
  }
}
