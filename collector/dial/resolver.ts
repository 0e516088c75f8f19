import { errorText, Fault } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";

/** No resolver answered, or with an error; or this process may not ask. */
export type DnsCode = "dns_failed" | "dns_not_permitted";

/** A question that got no answer. A name that does not exist is an answer. */
export class DnsFault extends Fault<DnsCode> {
  override readonly name = "DnsFault";
}

/** RFC 2782, less priority and weight. */
export interface Service {
  readonly target: string;
  readonly port: number;
}

/**
 * Names are absolute. A name without such records gives an empty list; answers are unchecked. Throws {@link DnsFault}
 * or the signal's reason.
 */
export interface Resolver {
  addresses(
    name: string,
    family: "ipv4" | "ipv6",
    signal: AbortSignal,
  ): Promise<readonly string[]>;
  services(name: string, signal: AbortSignal): Promise<readonly Service[]>;
}

export interface NameServer {
  readonly ip: string;
  readonly port: number;
}

/** The runtime's resolver. @param nameServer those of `/etc/resolv.conf` by default. */
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
