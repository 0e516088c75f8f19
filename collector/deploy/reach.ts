// What a collector's sandbox may reach and see, worked out for one build.

import { formatIp, IPV4_BYTES, parseCidr, parseIp } from "../addresses/ip.ts";
import { UserError } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";

/** The broker in the collector's permission set; those of a build replace it. */
export const DEFAULT_NATS = "127.0.0.1:4222";

export interface Reach {
  /** `host:port`; any of them closes {@link DEFAULT_NATS}. */
  readonly nats: readonly string[];
  /** CIDR notation, each for all ports or for one (`:port`). */
  readonly cidrs: readonly string[];
}

/** IPv6 stands in brackets. */
const WITH_PORT = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d+)$/;
/** RFC 1123, section 2.1; the underscore is for what local resolvers allow. */
const NAME = /^(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*$/;
const IPV6_BITS = 128;
const MAX_PORT = 65_535;

/**
 * The values of `--allow-net`.
 * @param set of the permission set.
 * @throws {UserError} for an entry that is malformed or that Deno cannot open.
 */
export function allowedNet(set: readonly string[], { nats, cidrs }: Reach): string[] {
  const own = nats.length > 0 ? set.filter((entry) => entry !== DEFAULT_NATS) : set;
  return [...new Set([...own, ...nats.map(natsEntry), ...cidrs.map(networkEntry)])];
}

function natsEntry(text: string): string {
  const [, ipv6, host, port] = WITH_PORT.exec(text) ?? [];
  const ip = parseIp(ipv6 ?? host ?? "");
  const isHost = ipv6 !== undefined ? ip !== null : ip !== null || isName(host ?? "");
  if (!isHost || !isPort(port)) {
    throw new UserError(
      `Cannot open --nats "${
        printable(text)
      }": it should be host:port, such as 100.64.0.7:4222 or [fd7a::7]:4222`,
    );
  }
  return `${ip ? hostOf(ip) : host.toLowerCase()}:${Number(port)}`;
}

function networkEntry(text: string): string {
  const [, ipv6, ipv4, port] = WITH_PORT.exec(text) ?? [];
  const network = ipv6 ?? ipv4 ?? text;
  const cannot = `Cannot open --allow-cidr "${printable(text)}"`;
  if (port !== undefined && !isPort(port)) {
    throw new UserError(`${cannot}: a port is a number from 1 to ${MAX_PORT}`);
  }
  const { base, bits } = cidrOf(network, cannot);
  const suffix = port === undefined ? "" : `:${Number(port)}`;
  if (base.length === IPV4_BYTES) return `${formatIp(base)}/${bits}${suffix}`;
  if (bits < IPV6_BITS) {
    throw new UserError(
      `${cannot}: Deno opens single IPv6 addresses only, no IPv6 networks; name each one, such as 2001:db8::7`,
    );
  }
  return hostOf(base) + suffix;
}

function cidrOf(text: string, cannot: string) {
  try {
    return parseCidr(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(`${cannot}: ${reason}`, { cause: error });
  }
}

function hostOf(ip: Uint8Array): string {
  return ip.length === IPV4_BYTES ? formatIp(ip) : `[${formatIp(ip)}]`;
}

/** Digits and dots alone are a mistyped address. */
function isName(host: string): boolean {
  return NAME.test(host) && host.length <= 253 && !/^[\d.]+$/.test(host);
}

function isPort(text: string | undefined): boolean {
  const port = Number(text);
  return port >= 1 && port <= MAX_PORT;
}

/** POSIX, Base Definitions, 3.216. No pattern, which Deno would accept. */
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The values of `--allow-env`, each once. @throws {UserError} for what is no variable's name. */
export function allowedEnv(names: readonly string[]): string[] {
  for (const name of names) {
    if (VARIABLE.test(name)) continue;
    throw new UserError(
      `Cannot open --allow-env "${
        printable(name)
      }": it should be a variable's name, such as NATS_PASSWORD`,
    );
  }
  return [...new Set(names)];
}
