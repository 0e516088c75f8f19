import { Fault } from "../../shared/errors.ts";
import {
  type ConnectCode,
  ConnectFault,
  type ConnectOptions,
  connectTo,
  type DialPolicy,
} from "../dial/connect.ts";
import type { NodeAddress } from "../addresses/endpoint.ts";
import { dialNoise, type NoiseConnection } from "../noise/connection.ts";
import { type NoiseCode, NoiseFault } from "../noise/fault.ts";
import type { Cause } from "./backoff.ts";

/** A connection whose handshake is done. Instants are µs since the Unix epoch. */
export interface Dialled {
  readonly peer: NodeAddress;
  readonly connection: NoiseConnection;
  readonly dialledAt: number;
  readonly handshakeAt: number;
}

/** When `signal` aborts, `dial` throws its reason. */
export interface DialOptions
  extends DialPolicy, Pick<ConnectOptions, "clock" | "random" | "signal" | "timeoutMs"> {
  readonly privateKey: Uint8Array;
  readonly handshakeTimeoutMs: number;
}

/** Its code says how long to leave the peer alone. */
export class DialFault extends Fault<Cause> {
  override readonly name = "DialFault";
}

/**
 * Encrypted bytes that may wait for a slow reader: one answer and a minute's pongs. A thousand such peers hold half a
 * gigabyte.
 */
const MAX_PENDING_BYTES = 512 * 1024;

const HANDSHAKE_CAUSES: Partial<Record<NoiseCode, Cause>> = {
  // What answered does not speak BOLT 8, or not under this key.
  bad_version: "wrong_key",
  bad_key: "wrong_key",
  bad_mac: "wrong_key",
  unanswered: "unanswered",
};

const CONNECT_CAUSES: Record<ConnectCode, Cause> = {
  special: "not_allowed",
  denied: "not_allowed",
  not_allowed: "not_allowed",
  kind_off: "not_allowed",
  not_permitted: "not_allowed",
  no_address: "unreachable",
  unreachable: "unreachable",
  timeout: "unreachable",
  exhausted: "our_side",
  no_network: "our_side",
  no_proxy: "our_side",
  proxy: "our_side",
  dns_failed: "our_side",
  dns_not_permitted: "our_side",
};

/** Dials a peer and shakes hands. @throws {DialFault} with one line; or the signal's reason. */
export async function dial(peer: NodeAddress, options: DialOptions): Promise<Dialled> {
  const { privateKey, clock, signal } = options;
  const dialledAt = clock.now();
  const conn = await connect(peer, options);
  try {
    const connection = await dialNoise(conn, {
      privateKey,
      remotePublicKey: Uint8Array.fromHex(peer.nodeId),
      clock,
      signal,
      handshakeTimeoutMs: options.handshakeTimeoutMs,
      maxPendingBytes: MAX_PENDING_BYTES,
    });
    return { peer, connection, dialledAt, handshakeAt: clock.now() };
  } catch (error) {
    if (!(error instanceof NoiseFault)) throw error;
    const cause = HANDSHAKE_CAUSES[error.code] ?? "handshake";
    throw new DialFault(cause, `handshake: ${error.message}`, { cause: error });
  }
}

async function connect(peer: NodeAddress, options: DialOptions): Promise<Deno.TcpConn> {
  try {
    return (await connectTo(peer, options)).conn;
  } catch (error) {
    if (!(error instanceof ConnectFault)) throw error;
    const isIpv6 = error.code === "no_network" && peer.end.kind === "ipv6";
    const cause = isIpv6 ? "no_ipv6" : CONNECT_CAUSES[error.code];
    throw new DialFault(cause, error.message, { cause: error });
  }
}
