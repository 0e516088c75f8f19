/**
 * Connections to NATS, as both programs make them.
 *
 * The client reads no environment, no files and nothing of the system: network access to the listed servers is all that
 * it needs.
 *
 * @module
 */
import type { NatsConnection } from "nats";
import {
  NatsConnectionImpl,
  NatsError,
  setTransportFactory,
} from "nats/lib/nats-base-client/internal_mod.js";
import { DenoTransport } from "./transport.ts";

export { NatsError };

const CONNECT_TIMEOUT_MILLISECONDS = 5000;
/** A connection without a sign of life is given up after two of these. */
const PING_MILLISECONDS = 20_000;

/** Whom to connect to, and as whom. */
export interface NatsOptions {
  /** `nats://host:port` of one or more servers; the first that answers, in random order, is taken. */
  readonly servers: readonly string[];
  /** What the server's own monitoring calls this connection. */
  readonly name: string;
}

/**
 * Connects once. A connection that is lost is closed, and all that waits on it fails at once: whoever wants another
 * calls again, after a back-off. (The client's own way to reconnect cannot be stopped while it waits, and holds back
 * what is published meanwhile in memory.)
 *
 * @throws {NatsError} when no server takes it.
 */
export async function connectNats(options: NatsOptions): Promise<NatsConnection> {
  setTransportFactory({ factory: () => new DenoTransport() });
  return await NatsConnectionImpl.connect({
    servers: [...options.servers],
    name: options.name,
    timeout: CONNECT_TIMEOUT_MILLISECONDS,
    pingInterval: PING_MILLISECONDS,
    reconnect: false,
    // Other servers of a cluster are beyond the permissions unless the config names them.
    ignoreClusterUpdates: true,
  });
}
