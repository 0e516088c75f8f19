/**
 * DNS as the rest of the collector sees it: an interface, and the runtime's resolver behind it.
 *
 * @module
 */
import { errorText, Fault } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";

/**
 * - `dns_failed`: no resolver answered in time, or with an error;
 * - `dns_not_permitted`: this process may not ask the resolver.
 */
export type DnsCode = "dns_failed" | "dns_not_permitted";

/** A question that got no answer. A name that does not exist is an answer. */
export class DnsFault extends Fault<DnsCode> {
  /** Tells it apart in logs. */
  override readonly name = "DnsFault";
}

/** What an SRV record says (RFC 2782), less priority and weight. */
export interface Service {
  /** The name of the host, as the record has it. */
  readonly target: string;
  /** Its port; 0 to 65535. */
  readonly port: number;
}

/**
 * Asks DNS. Names are absolute: no search domain is put behind them.
 *
 * Both throw a {@link DnsFault}, or the signal's reason; a name without such records gives an empty list. Nothing in an
 * answer is checked.
 */
export interface Resolver {
  /** The IP addresses of one family, in text. */
  addresses(
    name: string,
    family: "ipv4" | "ipv6",
    signal: AbortSignal,
  ): Promise<readonly string[]>;
  /** The SRV records. */
  services(name: string, signal: AbortSignal): Promise<readonly Service[]>;
}

/** A DNS server. */
export interface NameServer {
  /** Its IP address. */
  readonly ip: string;
  /** Its port for UDP and TCP, which is used when an answer does not fit UDP. */
  readonly port: number;
}

/** The runtime's resolver. @param nameServer whom it asks; those of the system (`/etc/resolv.conf`) when left out. */
export function dnsResolver(nameServer?: NameServer): Resolver {
  const server = nameServer && { nameServer: { ipAddr: nameServer.ip, port: nameServer.port } };
  return {
    addresses: (name, family, signal) =>
      ask(
        name,
        () =>
          Deno.resolveDns(absolute(name), family === "ipv4" ? "A" : "AAAA", { ...server, signal }),
        signal,
      ),
    services: (name, signal) =>
      ask(name, () => Deno.resolveDns(absolute(name), "SRV", { ...server, signal }), signal),
  };
}

async function ask<T>(
  name: string,
  question: () => Promise<T[]>,
  signal: AbortSignal,
): Promise<T[]> {
  signal.throwIfAborted();
  try {
    return await question();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Deno.errors.NotFound) return [];
    const refused = error instanceof Deno.errors.NotCapable;
    const why = refused ? "this process is not permitted to ask DNS" : printable(errorText(error));
    const code = refused ? "dns_not_permitted" : "dns_failed";
    throw new DnsFault(code, `${printable(name)}: ${why}`, { cause: error });
  }
}

/** RFC 1034, section 3.1: a name that ends in a dot is whole. */
function absolute(name: string): string {
  return name.endsWith(".") ? name : `${name}.`;
}
