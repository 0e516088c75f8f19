// Which IP addresses may be dialled: public ones, and those of networks that the config opens, whatever gossip or DNS
// says. Not public are the networks that the IANA special-purpose address registries call not globally reachable,
// multicast, and what clouds reserve.
//
// An IPv6 address may carry an IPv4 address that a translator or a tunnel on the way dials in its place. Such an
// address is as private as the most private one in it.

import {
  type Cidr,
  contains,
  containsAny,
  formatIp,
  IPV4_BYTES,
  parseCidr,
  unmapped,
} from "./ip.ts";

export interface SpecialNetwork {
  readonly cidr: Cidr;
  /** Completes "it is …". */
  readonly what: string;
}

/** IANA IPv4 Special-Purpose Address Registry, IANA IPv4 Address Space Registry; narrow ones first. */
const IPV4 = [
  ["169.254.169.254", "a cloud's metadata service"],
  ["100.100.100.200", "a cloud's metadata service"],
  ["168.63.129.16", "a cloud's metadata service"],
  ["0.0.0.0/8", "this host or this network (RFC 791)"],
  ["10.0.0.0/8", "private (RFC 1918)"],
  ["100.64.0.0/10", "shared behind a carrier's NAT (RFC 6598)"],
  ["127.0.0.0/8", "loopback (RFC 1122)"],
  ["169.254.0.0/16", "link-local (RFC 3927)"],
  ["172.16.0.0/12", "private (RFC 1918)"],
  ["192.0.0.0/24", "for protocol assignments (RFC 6890)"],
  ["192.0.2.0/24", "for documentation (RFC 5737)"],
  ["192.88.99.0/24", "the 6to4 relay anycast, out of use (RFC 7526)"],
  ["192.168.0.0/16", "private (RFC 1918)"],
  ["198.18.0.0/15", "for benchmarks (RFC 2544)"],
  ["198.51.100.0/24", "for documentation (RFC 5737)"],
  ["203.0.113.0/24", "for documentation (RFC 5737)"],
  ["224.0.0.0/4", "multicast (RFC 5771)"],
  ["240.0.0.0/4", "reserved (RFC 1112)"],
] as const;

/** IANA IPv6 Special-Purpose Address Registry; narrow ones first. */
const IPV6 = [
  ["fd00:ec2::254", "a cloud's metadata service"],
  ["fd20:ce::254", "a cloud's metadata service"],
  ["::/128", "unspecified (RFC 4291)"],
  ["::1/128", "loopback (RFC 4291)"],
  ["::/96", "IPv4-compatible, out of use (RFC 4291)"],
  ["64:ff9b:1::/48", "a local NAT64's (RFC 8215)"],
  ["100::/64", "discarded (RFC 6666)"],
  ["2001::/32", "Teredo (RFC 4380)"],
  ["2001::/23", "for protocol assignments (RFC 2928)"],
  ["2001:db8::/32", "for documentation (RFC 3849)"],
  ["2002::/16", "6to4 (RFC 3056)"],
  ["3fff::/20", "for documentation (RFC 9637)"],
  ["5f00::/16", "for segment routing (RFC 9602)"],
  ["fc00::/7", "unique local (RFC 4193)"],
  ["fe80::/10", "link-local (RFC 4291)"],
  ["fec0::/10", "site-local, out of use (RFC 3879)"],
  ["ff00::/8", "multicast (RFC 4291)"],
] as const;

/** All that IANA hands out of IPv6 for the public (RFC 4291, section 2.4). */
const GLOBAL_UNICAST = parseCidr("2000::/3");
/** The one public network outside: IPv4 behind a NAT64 (RFC 6052), which a DNS64 resolver puts in its answers. */
export const NAT64: Cidr = parseCidr("64:ff9b::/96");

/** Each address belongs to the first that holds it. */
export const SPECIAL_NETWORKS: readonly SpecialNetwork[] = [...IPV4, ...IPV6].map((
  [cidr, what],
) => ({ cidr: parseCidr(cidr), what }));

/** What an address is, completing "it is …"; null when it is public. Addresses carried inside are not checked. */
export function specialNetworkOf(ip: Uint8Array): string | null {
  for (const { cidr, what } of SPECIAL_NETWORKS) if (contains(cidr, ip)) return what;
  const isPublic = ip.length === 4 || contains(GLOBAL_UNICAST, ip) || contains(NAT64, ip);
  return isPublic ? null : "not assigned to anybody";
}

const TEREDO = parseCidr("2001::/32");
const SIX_TO_FOUR = parseCidr("2002::/16");
const LOCAL_NAT64 = parseCidr("64:ff9b:1::/48");
const COMPATIBLE = parseCidr("::/96");

/** Why an address must not be dialled, such as `127.0.0.1 is loopback (RFC 1122)`; null when it may be. */
export function notPublic(ip: Uint8Array, opened: readonly Cidr[] = []): string | null {
  for (const address of carriedAddresses(ip)) {
    const what = containsAny(opened, address) ? null : specialNetworkOf(address);
    if (what !== null) return `${formatIp(address)} is ${what}`;
  }
  return null;
}

/** The address and the IPv4 addresses that it carries. An IPv4-mapped one never leaves the host as IPv6. */
export function carriedAddresses(ip: Uint8Array): readonly Uint8Array[] {
  const address = unmapped(ip);
  if (address.length === IPV4_BYTES) return [address];
  const ipv4At = (offset: number) => address.subarray(offset, offset + IPV4_BYTES);
  if (contains(SIX_TO_FOUR, address)) return [address, ipv4At(2)];
  // RFC 4380, section 4: the server, then flags and port, then the client with all bits turned over.
  if (contains(TEREDO, address)) return [address, ipv4At(4), ipv4At(12).map((byte) => byte ^ 0xff)];
  // RFC 4291, section 2.5: of those that begin with 96 zero bits, the unspecified and the loopback address carry nothing.
  if (address.subarray(0, 15).every((byte) => byte === 0) && address[15] <= 1) return [address];
  const endsInIpv4 = [NAT64, LOCAL_NAT64, COMPATIBLE].some((network) => contains(network, address));
  return endsInIpv4 ? [address, ipv4At(12)] : [address];
}
