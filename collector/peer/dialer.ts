/**
 * From an address to an encrypted connection with the node that the address names.
 *
 * @module
 */
import type { Clock } from "../../shared/clock.ts";
import { errorText, Fault } from "../../shared/errors.ts";
import { fromHex } from "../../shared/text.ts";
import { dialNoise, type NoiseConnection } from "../noise/connection.ts";
import { type NoiseCode, NoiseFault } from "../noise/fault.ts";
import type { Cause } from "./backoff.ts";
import type { PeerAddress } from "./peer_file.ts";

/** A connection whose handshake is done. */
export interface Dialled {
  /** Who it is with. */
  readonly peer: PeerAddress;
  /** The encrypted connection. */
  readonly connection: NoiseConnection;
  /** When dialling began, µs since the Unix epoch. */
  readonly dialledAt: number;
  /** When the handshake was done, µs since the Unix epoch. */
  readonly handshakeAt: number;
}

/** How to dial. */
export interface DialOptions {
  /** Our static private key. */
  readonly privateKey: Uint8Array;
  /** Stamps and deadlines. */
  readonly clock: Clock;
  /** Gives up; `dial` then throws its reason. */
  readonly signal: AbortSignal;
  /** How long TCP may take. */
  readonly connectTimeoutMilliseconds: number;
  /** How long the handshake's answer may take. */
  readonly handshakeTimeoutMilliseconds: number;
}

/** A peer that could not be reached; its code says how long to leave it alone. */
export class DialFault extends Fault<Cause> {
  /** Tells it apart in a log line. */
  override readonly name = "DialFault";
}

/** What a failed handshake says of the peer. */
const HANDSHAKE_CAUSES: Partial<Record<NoiseCode, Cause>> = {
  // What answered does not speak BOLT 8, or not under this key.
  bad_version: "wrong_key",
  bad_key: "wrong_key",
  bad_mac: "wrong_key",
};

/** Dials a peer and shakes hands. @throws {DialFault} with one clear line; or the signal's reason. */
export async function dial(peer: PeerAddress, options: DialOptions): Promise<Dialled> {
  const { privateKey, clock, signal } = options;
  const dialledAt = clock.now();
  const conn = await connect(peer, options);
  try {
    const connection = await dialNoise(conn, {
      privateKey,
      remotePublicKey: fromHex(peer.nodeId),
      clock,
      signal,
      handshakeTimeoutMilliseconds: options.handshakeTimeoutMilliseconds,
    });
    return { peer, connection, dialledAt, handshakeAt: clock.now() };
  } catch (error) {
    if (!(error instanceof NoiseFault)) throw error;
    const cause = HANDSHAKE_CAUSES[error.code] ?? "handshake";
    throw new DialFault(cause, `handshake: ${error.message}`, { cause: error });
  }
}

async function connect(peer: PeerAddress, options: DialOptions): Promise<Deno.Conn> {
  const { clock, signal, connectTimeoutMilliseconds: limit } = options;
  signal.throwIfAborted();
  let late = false;
  const giveUp = new AbortController();
  const onAbort = () => giveUp.abort();
  signal.addEventListener("abort", onAbort, { once: true });
  const done = new AbortController();
  const watch = clock.sleep(limit, done.signal).then(() => {
    late = true;
    giveUp.abort();
  }, () => {}); // done in time
  try {
    const { host: hostname, port } = peer;
    const conn = await Deno.connect({ hostname, port, signal: giveUp.signal });
    if (!signal.aborted) return conn;
    conn.close();
    throw signal.reason;
  } catch (error) {
    signal.throwIfAborted();
    if (late) {
      throw new DialFault("unreachable", `no TCP connection within ${limit} ms`, { cause: error });
    }
    const refused = error instanceof Deno.errors.NotCapable;
    const why = refused ? "this process is not permitted to connect there" : errorText(error);
    throw new DialFault(refused ? "not_allowed" : "unreachable", why, { cause: error });
  } finally {
    signal.removeEventListener("abort", onAbort);
    done.abort();
    await watch;
  }
}
