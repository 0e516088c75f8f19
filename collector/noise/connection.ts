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

/** Per act. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Encrypted bytes that may wait for a slow reader. */
const MAX_PENDING_BYTES: number = 4 * 1024 * 1024;

export interface AcceptOptions {
  readonly privateKey: Uint8Array;
  readonly clock: Clock;
  /** Aborts the handshake; ignored afterwards. */
  readonly signal?: AbortSignal;
  /** Per act. */
  readonly handshakeTimeoutMs?: number;
  /** Encrypted bytes that may wait before {@link NoiseConnection.send} refuses. */
  readonly maxPendingBytes?: number;
}

export interface DialOptions extends AcceptOptions {
  readonly remotePublicKey: Uint8Array;
}

/**
 * Shakes hands as initiator. Owns the socket: closes it on failure.
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

/** Shakes hands as responder; else as {@link dialNoise}. */
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
