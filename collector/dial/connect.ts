// A TCP stream to a node's endpoint, straight or through Tor, and only where the rules allow.

import type { Clock } from "../../shared/clock.ts";
import { errorText, Fault } from "../../shared/errors.ts";
import type { Random } from "../../shared/random.ts";
import { startDeadline } from "../../shared/waiting.ts";
import { type Endpoint, formatEndpoint, type NodeAddress } from "../addresses/endpoint.ts";
import { type ResolveCode, resolveEndpoint, ResolveFault, type ResolveOptions } from "./resolve.ts";
import { type DnsCode, DnsFault } from "./resolver.ts";
import { isolation, type Socks5Code, Socks5Fault } from "./socks5.ts";
import { speakSocks5 } from "./socks5_client.ts";

export type ConnectCode =
  | ResolveCode
  | DnsCode
  | "no_proxy" // an onion service, and no proxy is configured
  | "proxy" // it is out of order or does not do what it should, whoever the peer
  | "exhausted" // our own descriptors, ports or memory
  | "no_network" // this host has no way to such addresses
  | "unreachable" // nothing accepts connections there, as far as we or the proxy can see
  | "timeout"
  | "not_permitted"; // to this process

/** No stream. Its message is one line, without the peer's name. */
export class ConnectFault extends Fault<ConnectCode> {
  override readonly name = "ConnectFault";
}

export interface ConnectOptions extends ResolveOptions {
  readonly clock: Clock;
  /** For the proxy's credentials. */
  readonly random: Random;
  /** SOCKS5, for onion services; it must isolate streams of different users, as Tor does. */
  readonly proxy?: Endpoint;
  /** For name lookup, TCP and the proxy together. */
  readonly timeoutMs: number;
}

/** Where we may connect to, and by which means. */
export type DialPolicy = Pick<ConnectOptions, "rules" | "kinds" | "resolver" | "proxy">;

export interface Connected {
  /** Nothing of it was read. */
  readonly conn: Deno.TcpConn;
  /** An IP address for a name; the onion service for a proxied stream. */
  readonly end: Endpoint;
}

/** What the system says when the fault lies with this host. */
const OUR_FAULTS: Record<string, "exhausted" | "no_network"> = {
  EMFILE: "exhausted",
  ENFILE: "exhausted",
  ENOBUFS: "exhausted",
  ENOMEM: "exhausted",
  ENETUNREACH: "no_network",
  ENETDOWN: "no_network",
  EADDRNOTAVAIL: "no_network",
};
/** Addresses of one name that are tried in turn. */
const MAX_TRIES = 3;
/** Replies about the target, not about the proxy. */
const TARGET_CODES: ReadonlySet<Socks5Code> = new Set([
  "general_failure",
  "network_unreachable",
  "host_unreachable",
  "connection_refused",
  "ttl_expired",
  "onion_unreachable",
]);

/** Connects to a node. @throws {ConnectFault}; or the signal's reason. */
export async function connectTo(address: NodeAddress, options: ConnectOptions): Promise<Connected> {
  const { clock, signal, timeoutMs: limit } = options;
  signal.throwIfAborted();
  await using deadline = startDeadline(clock, limit, signal);
  // Until the peer itself is dialled, lateness is not its own.
  let late: ConnectCode = address.end.kind === "dns" ? "dns_failed" : "timeout";
  try {
    const inTime = { ...options, signal: deadline.signal };
    const ends = await resolveEndpoint(address, inTime);
    late = "timeout";
    return ends[0].kind === "onion"
      ? await connectThroughProxy(ends[0], inTime)
      : await connectToFirst(ends.slice(0, MAX_TRIES), deadline.signal);
  } catch (error) {
    signal.throwIfAborted();
    if (deadline.passed) {
      const what = late === "timeout" ? "connection" : "answer from DNS";
      throw new ConnectFault(late, `no ${what} within ${limit} ms`, { cause: error });
    }
    throw asConnectFault(error);
  }
}

/** The first that accepts; else the last failure. */
async function connectToFirst(ends: readonly Endpoint[], signal: AbortSignal): Promise<Connected> {
  let failure: unknown;
  for (const end of ends) {
    try {
      return { conn: await open(end, signal), end };
    } catch (error) {
      signal.throwIfAborted();
      // Where the host has no IPv6, the IPv4 address's error says more.
      const isOurs = error instanceof ConnectFault && error.code === "no_network";
      if (failure === undefined || !isOurs) failure = error;
    }
  }
  throw failure;
}

async function connectThroughProxy(end: Endpoint, options: ConnectOptions): Promise<Connected> {
  const { proxy, random, signal } = options;
  if (!proxy) throw new ConnectFault("no_proxy", "no SOCKS5 proxy is configured for Tor");
  let conn: Deno.TcpConn;
  try {
    conn = await open(proxy, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new ConnectFault("proxy", `proxy ${formatEndpoint(proxy)}: ${errorText(error)}`, {
      cause: error,
    });
  }
  await speakSocks5(conn, end, isolation(random), signal);
  return { conn, end };
}

async function open({ host, port }: Endpoint, signal: AbortSignal): Promise<Deno.TcpConn> {
  let conn: Deno.TcpConn;
  try {
    conn = await Deno.connect({ hostname: host, port, signal });
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      const why = "this process is not permitted to connect there";
      throw new ConnectFault("not_permitted", why, { cause: error });
    }
    const { code = "" } = error as { code?: string };
    throw new ConnectFault(OUR_FAULTS[code] ?? "unreachable", errorText(error), { cause: error });
  }
  if (!signal.aborted) return conn;
  conn.close();
  throw signal.reason;
}

/** A bug stays what it is. */
function asConnectFault(error: unknown): ConnectFault {
  if (error instanceof ConnectFault) return error;
  if (error instanceof Socks5Fault) {
    const code = TARGET_CODES.has(error.code) ? "unreachable" : "proxy";
    return new ConnectFault(code, error.message, { cause: error });
  }
  if (error instanceof ResolveFault || error instanceof DnsFault) {
    return new ConnectFault(error.code, error.message, { cause: error });
  }
  throw error;
}
