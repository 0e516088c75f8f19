// IP addresses and networks: text to bytes and back. Bytes are 4 for IPv4 and 16 for IPv6, in network order; networks are
// in CIDR notation (RFC 4632, RFC 4291 section 2.3).

import { printable } from "../../shared/text.ts";
import { AddressFault } from "./fault.ts";

export const IPV4_BYTES = 4;
export const IPV6_BYTES = 16;

/** `::ffff:0:0/96`, IPv4-mapped (RFC 4291, section 2.5.5.2). */
const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff] as const;

const OCTET = /^(0|[1-9]\d{0,2})$/;
const GROUP = /^[0-9a-fA-F]{1,4}$/;

/**
 * The bytes of an IP address, or null. Zone ids, and octets with leading zeros, which some take for octal, are
 * refused.
 */
export function parseIp(text: string): Uint8Array | null {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/** Dotted decimal; IPv6 in lower case with its longest run of zero groups as `::` (RFC 5952). */
export function formatIp(ip: Uint8Array): string {
  if (ip.length === IPV4_BYTES) return ip.join(".");
  const groups: number[] = [];
  for (let i = 0; i < IPV6_BYTES; i += 2) groups.push(ip[i] << 8 | ip[i + 1]);
  const { start, length } = longestZeros(groups);
  const hex = (part: number[]) => part.map((group) => group.toString(16)).join(":");
  // RFC 5952, section 4.2.2: a single zero group is not shortened.
  if (length < 2) return hex(groups);
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

/** An IPv4-mapped IPv6 address as IPv4; any other as it is. */
export function unmapped(ip: Uint8Array): Uint8Array {
  const mapped = ip.length === IPV6_BYTES && MAPPED_PREFIX.every((byte, i) => ip[i] === byte);
  return mapped ? ip.subarray(MAPPED_PREFIX.length) : ip;
}

function parseIpv4(text: string): Uint8Array | null {
  const octets = text.split(".");
  if (octets.length !== IPV4_BYTES) return null;
  const ip = new Uint8Array(IPV4_BYTES);
  for (const [i, octet] of octets.entries()) {
    if (!OCTET.test(octet) || Number(octet) > 255) return null;
    ip[i] = Number(octet);
  }
  return ip;
}

function parseIpv6(text: string): Uint8Array | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [head, tail] = halves.map((half, i) => parseGroups(half, i === halves.length - 1));
  if (head === null || tail === null) return null;
  const ip = new Uint8Array(IPV6_BYTES);
  if (tail === undefined) {
    if (head.length !== IPV6_BYTES) return null;
  } else {
    // "::" stands for at least one group (RFC 4291, section 2.2).
    if (head.length + tail.length > IPV6_BYTES - 2) return null;
    ip.set(tail, IPV6_BYTES - tail.length);
  }
  ip.set(head);
  return ip;
}

/** The last group may be an IPv4 address when it ends the text. */
function parseGroups(text: string, isEnd: boolean): number[] | null {
  const bytes: number[] = [];
  const groups = text === "" ? [] : text.split(":");
  for (const [i, group] of groups.entries()) {
    if (GROUP.test(group)) {
      const value = parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
      continue;
    }
    const ipv4 = isEnd && i === groups.length - 1 ? parseIpv4(group) : null;
    if (!ipv4) return null;
    bytes.push(...ipv4);
  }
  return bytes.length <= IPV6_BYTES ? bytes : null;
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

/** A network: all addresses of one family that begin with the same bits. */
export interface Cidr {
  /** 4 or 16 bytes. */
  readonly base: Uint8Array;
  readonly bits: number;
}

/**
 * Reads `192.0.2.0/24` or a single address.
 * @throws {AddressFault} `bad_cidr`, also for bits set after the prefix: a slip could open too much.
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
      }" has bits set after its first ${bits}; clear them, or write a longer prefix`,
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
