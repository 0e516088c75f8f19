// Connections to NATS, as both programs make them. The client reads no environment, no files and nothing of the system: network access to the listed servers is all that
// it needs.

import type { NatsConnection } from "nats";
import {
  NatsConnectionImpl,
  NatsError,
  setTransportFactory,
} from "nats/lib/nats-base-client/internal_mod.js";
import { firstLine } from "../errors.ts";
import { printable } from "../text.ts";
import { shuffled, systemRandom } from "../random.ts";
import type { NatsAccess } from "./access.ts";
import { DenoTransport, type TransportOptions } from "./transport.ts";

export { NatsError };

const CONNECT_TIMEOUT_MS = 5000;
/** A connection without a sign of life is given up after two of these. */
const PING_MS = 20_000;

/** Where to connect, and with which credentials. */
export interface NatsOptions extends NatsAccess {
  readonly name: string;
  /** The first part of subjects on which answers come; `_INBOX` by default. */
  readonly inboxPrefix?: string;
  readonly signal?: AbortSignal;
}

/**
 * Connects once, to the first server that answers, in random order. A connection that is lost is closed, and all that
 * waits on it fails at once: whoever wants another calls again, after a back-off. (The client's own way to reconnect
 * cannot be stopped while it waits, and holds back what is published meanwhile in memory.)
 * @throws {NatsError} when no server takes it: of the servers' reasons always the same one, a refusal before a server
 * that is not there, so that whoever logs each new reason logs it once.
 */
export async function connectNats(options: NatsOptions): Promise<NatsConnection> {
  const errors: (readonly [number, unknown])[] = [];
  for (const at of shuffled([...options.servers.keys()], systemRandom)) {
    try {
      return await connectTo(options.servers[at], options);
    } catch (error) {
      errors.push([at, error]);
    }
    if (options.signal?.aborted) break;
  }
  errors.sort(([a, one], [b, other]) => Number(isAway(one)) - Number(isAway(other)) || a - b);
  throw errors[0][1];
}

async function connectTo(server: string, options: NatsOptions): Promise<NatsConnection> {
  const { name, authenticator, tls, inboxPrefix, signal } = options;
  setTransportFactory({ factory: () => new DenoTransport() });
  const own: TransportOptions = { caCerts: tls?.caCerts ?? [], needsTls: !!tls, signal };
  return await NatsConnectionImpl.connect({
    servers: [server],
    name,
    authenticator,
    inboxPrefix,
    timeout: CONNECT_TIMEOUT_MS,
    pingInterval: PING_MS,
    reconnect: false,
    // Other servers of a cluster are beyond the permissions unless the config names them.
    ignoreClusterUpdates: true,
    // The client hands on what it does not know.
    ...{ transport: own },
  });
}

function isAway(error: unknown): boolean {
  return !(error instanceof NatsError) ||
    ["CONNECTION_REFUSED", "CONNECTION_CLOSED", "TIMEOUT"].includes(error.code);
}

/** The client's own errors whose message is but a code. */
const WORDS: Readonly<Record<string, string>> = {
  "503": "no JetStream answers: the account or the server has none, or most of its cluster is away",
  "400": "the server could not make sense of the request",
  "404": "the server found nothing of that name",
  "408": "the server gave up waiting",
  CONNECTION_CLOSED: "the connection is closed",
  CONNECTION_DRAINING: "the connection is closing",
  CONNECTION_REFUSED: "the server refused the connection",
  CONNECTION_TIMEOUT: "the server did not answer in time",
  DISCONNECT: "the connection was lost",
  TIMEOUT: "the server did not answer in time",
  AUTHORIZATION_VIOLATION: "the server refuses these credentials",
  AUTHENTICATION_EXPIRED: "these credentials have expired",
  ACCOUNT_EXPIRED: "the account has expired",
};
const NOT_PERMITTED = /^'?Permissions Violation for (Publish|Subscription) to "(.*?)"/i;

/** Why a connection or a request failed, in words: the client's own errors say little but a code. */
export function natsErrorText(error: unknown): string {
  const isRefused = error instanceof NatsError && error.code === "CONNECTION_REFUSED";
  if (error instanceof NatsError && !(isRefused && error.chainedError)) {
    const [, what, subject] = NOT_PERMITTED.exec(error.message) ?? [];
    if (subject) {
      return `these credentials may not ${what === "Publish" ? "publish" : "subscribe"} to ${
        printable(subject)
      }`;
    }
    if (error.api_error) return printable(error.api_error.description);
    if (Object.hasOwn(WORDS, error.code)) return WORDS[error.code];
  }
  return firstLine(isRefused && error.chainedError || error);
}
