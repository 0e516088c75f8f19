/**
 * Lightning nodes on loopback that do what a test's script says, well or badly.
 *
 * @module
 */
import type { NodeAddress } from "../../collector/addresses/node_address.ts";
import { MESSAGE_TYPES } from "../../shared/bolt/message_types.ts";
import { type TestKey, testKey } from "./signed_gossip.ts";
import { initMessage, Wire } from "./wire.ts";

/** What a node does with one connection. It ends with the script, or when the other side closes. */
export type Script = (conn: Deno.Conn, key: TestKey) => Promise<void>;

/** A node that follows a script, the same on each connection; disposing ends them all. */
export class ScriptedPeer implements AsyncDisposable {
  /** Where it can be dialled, under its own key. */
  readonly address: NodeAddress;
  /** Connections accepted so far. */
  accepted = 0;
  readonly #listener: Deno.Listener;
  readonly #open = new Set<Deno.Conn>();
  readonly #done: Promise<unknown>;

  /** Listens; `label` makes its key. */
  constructor(label: string, script: Script) {
    const key = testKey(label);
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = this.#listener.addr as Deno.NetAddr;
    this.address = { nodeId: key.id, end: { kind: "ipv4", host: "127.0.0.1", port } };
    this.#done = this.#accept(script, key);
  }

  async #accept(script: Script, key: TestKey): Promise<void> {
    const running = new Set<Promise<void>>();
    try {
      for await (const conn of this.#listener) {
        this.accepted++;
        this.#open.add(conn);
        // What a script throws is the other side's closing, as tests see from that side.
        running.add(script(conn, key).catch(() => {}).finally(() => this.#hangUp(conn)));
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
    await Promise.all(running);
  }

  #hangUp(conn: Deno.Conn): void {
    this.#open.delete(conn);
    try {
      conn.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  /** Closes all connections and the port. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#open) this.#hangUp(conn);
    await this.#done;
  }
}

/** A script that shakes hands and exchanges inits on regtest, then does as told; both filters have been seen. */
export function lightning(talk: (wire: Wire) => Promise<void>): Script {
  return async (conn, key) => {
    using wire = await Wire.accept(key, conn);
    await wire.send(initMessage());
    await wire.nextOf(MESSAGE_TYPES.gossip_timestamp_filter);
    await talk(wire);
  };
}

/**
 * A script that sends `messages` and then is a good listener until the other side closes.
 *
 * @param onTaken is called when the other side has worked on all of them: pongs come in order.
 */
export function honest(messages: readonly Uint8Array[], onTaken: () => void = () => {}): Script {
  return lightning(async (wire) => {
    await wire.send(...messages, { type: 18, numPongBytes: 0, ignored: new Uint8Array(0) });
    await wire.nextOf(MESSAGE_TYPES.pong);
    onTaken();
    await wire.untilClosed();
  });
}
