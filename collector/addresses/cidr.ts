/**
 * Networks in CIDR notation (RFC 4632, RFC 4291 section 2.3).
 *
 * @module
 */
import { printable } from "../../shared/text.ts";
import { AddressFault } from "./fault.ts";
import { parseIp } from "./ip.ts";

/** A network: all addresses of one family that begin with the same bits. */
export interface Cidr {
  /** Its first address: 4 or 16 bytes. */
  readonly base: Uint8Array;
  /** How many of the leading bits are fixed. */
  readonly bits: number;
}

/**
 * Reads `192.0.2.0/24`, `2001:db8::/32`, or an address alone, which is a network of one.
 *
 * @throws {AddressFault} `bad_cidr`, also when bits behind the prefix are set: it may be a slip that opens too much.
 */
export function parseCidr(text: string): Cidr {
  const [address, length, ...more] = text.split("/");
  const base = parseIp(address);
  const most = base ? base.length * 8 : 0;
  const bits = length === undefined ? most : /^\d{1,3}$/.test(length) ? Number(length) : NaN;
  if (!base || more.length > 0 || !(bits <= most)) {
    throw new AddressFault(
      "bad_cidr",
      `"${printable(text)}" should be a network such as 192.168.1.0/24 or fd00:1::/32`,
    );
  }
  const cidr = { base, bits };
  if (!isFirstAddress(cidr)) {
    throw new AddressFault(
      "bad_cidr",
      `"${
        printable(text)
      }" has bits set behind its first ${bits}; clear them, or write a longer prefix`,
    );
  }
  return cidr;
}

/** Whether `ip` lies in the network; an address of the other family never does. */
export function contains({ base, bits }: Cidr, ip: Uint8Array): boolean {
  if (ip.length !== base.length) return false;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (ip[i] !== base[i]) return false;
  const rest = bits & 7;
  return rest === 0 || (ip[whole] ^ base[whole]) >> (8 - rest) === 0;
}

/** Whether `ip` lies in one of the networks. */
export function containsAny(networks: readonly Cidr[], ip: Uint8Array): boolean {
  return networks.some((network) => contains(network, ip));
}

function isFirstAddress({ base, bits }: Cidr): boolean {
  return base.every((byte, i) => {
    const fixed = Math.min(Math.max(bits - 8 * i, 0), 8);
    return (byte & (0xff >> fixed)) === 0;
  });
}
