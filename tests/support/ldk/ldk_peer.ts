// The real LDK as a peer: its WebAssembly build with its own ChannelManager, NetworkGraph, gossip sync and
// PeerManager, joined to TCP sockets of Deno's by {@link LdkSocket}. It verifies signatures and speaks the protocol by
// somebody else's reading of the BOLTs.
//
// LDK works when bytes come and, as its own background processor has it, ten times a second; that its longer timers
// passed only {@link LdkNode.tick} says.

import * as ldk from "lightningdevkit";
import { newChannelManager, newLogger } from "./ldk_parts.ts";
import { LdkSocket } from "./ldk_socket.ts";

/** An LDK node. Disposing closes its sockets and its listener. */
export interface LdkNode extends AsyncDisposable {
  /** Its node id, hex. */
  readonly nodeId: string;
  /** Where it listens: 127.0.0.1 and this port. */
  readonly port: number;
  /** What it logged, at info and above; for the message of a failing assertion. */
  readonly log: readonly string[];
  /**
   * Takes one gossip message (type included) into its graph, with all of its checks but the look-up of the funding
   * output.
   *
   * @throws {Error} with LDK's reason when it refuses the message.
   */
  learn(raw: Uint8Array): void;
  /** Dials a node. */
  connect(nodeId: string, port: number): Promise<void>;
  /** Node ids of the peers whose init it has taken, hex. */
  peers(): string[];
  /** Ends the connection to a peer. */
  disconnect(nodeId: string): void;
  /** Ten seconds pass as LDK sees it: pings go out, and peers that owe too many pongs are dropped. */
  tick(): void;
  /** Short channel ids of its graph, ascending. */
  channels(): bigint[];
  /** Node ids of its graph, hex, ascending. */
  nodes(): string[];
}

/** How an LDK node is set up. */
export interface LdkOptions {
  /** 32 bytes from which its keys come. */
  readonly seed: Uint8Array;
  /** Its chain; regtest when absent. */
  readonly network?: "bitcoin" | "testnet" | "signet" | "regtest";
}

const NETWORKS = {
  bitcoin: ldk.Network.LDKNetwork_Bitcoin,
  testnet: ldk.Network.LDKNetwork_Testnet,
  signet: ldk.Network.LDKNetwork_Signet,
  regtest: ldk.Network.LDKNetwork_Regtest,
};

/** Starts an LDK node that listens on a loopback port of the system's choice. */
export async function startLdk(options: LdkOptions): Promise<LdkNode> {
  await loadLdk();
  return new Node(options);
}

const PROCESS_INTERVAL_MILLISECONDS = 100;

let loaded: Promise<void> | undefined;

function loadLdk(): Promise<void> {
  loaded ??= (async () => {
    const url = import.meta.resolve("lightningdevkit/liblightningjs.wasm");
    await ldk.initializeWasmFromBinary(await Deno.readFile(new URL(url)));
  })();
  return loaded;
}

class Node implements LdkNode {
  readonly nodeId: string;
  readonly port: number;
  readonly log: string[] = [];
  readonly #graph: ldk.NetworkGraph;
  readonly #manager: ldk.PeerManager;
  readonly #listener: Deno.TcpListener;
  readonly #accepting: Promise<void>;
  readonly #processing: ReturnType<typeof setInterval>;
  readonly #sockets = new Set<LdkSocket>();

  constructor(options: LdkOptions) {
    const network = NETWORKS[options.network ?? "regtest"];
    const seconds = Math.floor(Date.now() / 1000);
    const logger = newLogger(this.log);
    const keys = ldk.KeysManager.constructor_new(options.seed, BigInt(seconds), 0);
    const channels = newChannelManager(network, keys, logger, seconds);
    const ignore = ldk.IgnoringMessageHandler.constructor_new();
    const noLookup = ldk.Option_UtxoLookupZ.constructor_none();
    this.nodeId = channels.get_our_node_id().toHex();
    this.#graph = ldk.NetworkGraph.constructor_new(network, logger);
    this.#manager = ldk.PeerManager.constructor_new(
      channels.as_ChannelMessageHandler(),
      ldk.P2PGossipSync.constructor_new(this.#graph, noLookup, logger).as_RoutingMessageHandler(),
      ignore.as_OnionMessageHandler(),
      ignore.as_CustomMessageHandler(),
      seconds,
      options.seed,
      logger,
      keys.as_NodeSigner(),
    );
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = this.#listener.addr.port;
    this.#accepting = this.#accept();
    const process = () => this.#manager.process_events();
    this.#processing = setInterval(process, PROCESS_INTERVAL_MILLISECONDS);
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) {
      const socket = this.#own(conn);
      const none = ldk.Option_SocketAddressZ.constructor_none();
      const taken = this.#manager.new_inbound_connection(socket.descriptor, none);
      if (taken.is_ok()) socket.start();
      else socket.close();
    }
  }

  async connect(nodeId: string, port: number): Promise<void> {
    const socket = this.#own(await Deno.connect({ hostname: "127.0.0.1", port }));
    const none = ldk.Option_SocketAddressZ.constructor_none();
    const id = Uint8Array.fromHex(nodeId);
    const actOne = this.#manager.new_outbound_connection(id, socket.descriptor, none);
    if (!(actOne instanceof ldk.Result_CVec_u8ZPeerHandleErrorZ_OK)) {
      socket.close();
      throw new Error(`LDK will not dial ${nodeId}`);
    }
    socket.start(actOne.res);
  }

  #own(conn: Deno.TcpConn): LdkSocket {
    const socket = new LdkSocket(conn, this.#manager);
    this.#sockets.add(socket);
    socket.ended.then(() => this.#sockets.delete(socket));
    return socket;
  }

  learn(raw: Uint8Array): void {
    const type = raw[0] * 256 + raw[1];
    const result = this.#update(type, raw.subarray(2));
    if (result instanceof ldk.Result_NoneLightningErrorZ_Err) {
      throw new Error(`LDK refuses a message of type ${type}: ${result.err.get_err()}`);
    }
  }

  #update(type: number, body: Uint8Array): ldk.Result_NoneLightningErrorZ {
    if (type === 256) {
      const read = ldk.ChannelAnnouncement.constructor_read(body);
      if (read instanceof ldk.Result_ChannelAnnouncementDecodeErrorZ_OK) {
        return this.#graph.update_channel_from_announcement_no_lookup(read.res);
      }
    } else if (type === 257) {
      const read = ldk.NodeAnnouncement.constructor_read(body);
      if (read instanceof ldk.Result_NodeAnnouncementDecodeErrorZ_OK) {
        return this.#graph.update_node_from_announcement(read.res);
      }
    } else if (type === 258) {
      const read = ldk.ChannelUpdate.constructor_read(body);
      if (read instanceof ldk.Result_ChannelUpdateDecodeErrorZ_OK) {
        return this.#graph.update_channel(read.res);
      }
    }
    throw new Error(`LDK cannot read a message of type ${type}`);
  }

  peers(): string[] {
    return this.#manager.list_peers().map((peer) => peer.get_counterparty_node_id().toHex());
  }

  disconnect(nodeId: string): void {
    this.#manager.disconnect_by_node_id(Uint8Array.fromHex(nodeId));
  }

  tick(): void {
    this.#manager.timer_tick_occurred();
    this.#manager.process_events();
  }

  channels(): bigint[] {
    const graph = this.#graph.read_only();
    const channels = graph.list_channels();
    // LDK's graph stays locked for as long as a reader lives.
    graph.free();
    return channels.sort((a, b) => (a < b ? -1 : 1));
  }

  nodes(): string[] {
    const graph = this.#graph.read_only();
    const nodes = graph.list_nodes().map((node) => node.as_array().toHex());
    graph.free();
    return nodes.sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#listener.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
    clearInterval(this.#processing);
    await this.#accepting;
    this.#manager.disconnect_all_peers();
    for (const socket of this.#sockets) socket.close();
    await Promise.all([...this.#sockets].map((socket) => socket.ended));
  }
}
