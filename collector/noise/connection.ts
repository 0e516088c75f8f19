/**
 * From an open socket to an encrypted connection: BOLT 8's handshake, driven from either side.
 *
 * @module
 */
import type { Clock } from "../../shared/clock.ts";
import { generatePrivateKey } from "../../shared/secp256k1.ts";
import { ActSocket } from "./acts.ts";
import { ReadBuffer } from "./frames.ts";
import {
  ACT_ONE_BYTES,
  ACT_THREE_BYTES,
  ACT_TWO_BYTES,
  initiate,
  respond,
  type TransportKeys,
} from "./handshake.ts";
import { closeQuietly } from "./socket.ts";
import { type NoiseConnection, Transport } from "./transport.ts";

export type { NoiseConnection, ReadBatch } from "./transport.ts";

/** How long the other side may take for an act, unless told otherwise. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;
/** How many encrypted bytes may wait for a slow reader, unless told otherwise. */
const MAX_PENDING_BYTES: number = 4 * 1024 * 1024;

/** How to answer a handshake. */
export interface AcceptOptions {
  /** Our static private key. */
  readonly privateKey: Uint8Array;
  /** Stamps reads and waits for deadlines. */
  readonly clock: Clock;
  /** Gives the handshake up; afterwards it is not looked at. */
  readonly signal?: AbortSignal;
  /** How long each act of the other side may take. */
  readonly handshakeTimeoutMs?: number;
  /** How many encrypted bytes may wait to be written before {@link NoiseConnection.send} refuses. */
  readonly maxPendingBytes?: number;
}

/** How to begin a handshake. */
export interface DialOptions extends AcceptOptions {
  /** The static key that the other side must prove. */
  readonly remotePublicKey: Uint8Array;
}

/**
 * Shakes hands as the side that dialled. Takes the socket over: closes it when the handshake fails.
 *
 * @throws {NoiseFault} `bad_version`, `bad_key`, `bad_mac`, `unanswered`, `truncated`, `timeout` or `network`; or the
 * signal's reason.
 */
export function dialNoise(conn: Deno.Conn, options: DialOptions): Promise<NoiseConnection> {
  return shakeHands(conn, options, async (acts) => {
    const { privateKey, remotePublicKey } = options;
    const ephemeralKey = generatePrivateKey();
    const initiation = initiate({ privateKey, ephemeralKey, remotePublicKey });
    await acts.write("act one", initiation.actOne);
    const { actThree, keys } = initiation.finish(await acts.read("act two", ACT_TWO_BYTES));
    await acts.write("act three", actThree);
    return keys;
  });
}

/**
 * Shakes hands as the side that was dialled. Takes the socket over: closes it when the handshake fails.
 *
 * @throws as {@link dialNoise}.
 */
export function acceptNoise(conn: Deno.Conn, options: AcceptOptions): Promise<NoiseConnection> {
  return shakeHands(conn, options, async (acts) => {
    const own = { privateKey: options.privateKey, ephemeralKey: generatePrivateKey() };
    const response = respond(own, await acts.read("act one", ACT_ONE_BYTES));
    await acts.write("act two", response.actTwo);
    return response.finish(await acts.read("act three", ACT_THREE_BYTES));
  });
}

async function shakeHands(
  conn: Deno.Conn,
  options: AcceptOptions,
  acts: (socket: ActSocket) => Promise<TransportKeys>,
): Promise<NoiseConnection> {
  const buffer = new ReadBuffer();
  try {
    // Nagle's algorithm is on by default and holds a pong back for 40 ms.
    if ("setNoDelay" in conn) (conn as Deno.TcpConn).setNoDelay(true);
    const socket = new ActSocket(conn, buffer, {
      clock: options.clock,
      signal: options.signal,
      timeoutMs: options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS,
    });
    const keys = await acts(socket);
    return new Transport(conn, buffer, keys, {
      clock: options.clock,
      maxPendingBytes: options.maxPendingBytes ?? MAX_PENDING_BYTES,
      handshake: socket,
    });
  } catch (error) {
    closeQuietly(conn); // silently: nothing is written
    throw error;
  }
}
