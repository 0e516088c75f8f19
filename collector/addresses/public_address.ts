/**
 * Which IP addresses may be dialled: public ones, and those of networks that the config opens, whatever gossip or DNS
 * says.
 *
 * An IPv6 address may carry an IPv4 address that a translator or a tunnel on the way dials in its place. Such an
 * address is as private as the most private one in it.
 *
 * @module
 */
import { type Cidr, contains, containsAny, parseCidr } from "./cidr.ts";
import { formatIp, IPV4_BYTES, unmapped } from "./ip.ts";
import { NAT64, specialNetworkOf } from "./special_networks.ts";

const TEREDO = parseCidr("2001::/32");
const SIX_TO_FOUR = parseCidr("2002::/16");
const LOCAL_NAT64 = parseCidr("64:ff9b:1::/48");
const COMPATIBLE = parseCidr("::/96");

/**
 * Why an address must not be dialled, as a text such as `127.0.0.1 is loopback (RFC 1122)`; null when it may be.
 *
 * @param ip 4 or 16 bytes.
 * @param opened the special networks that the config allows.
 */
export function notPublic(ip: Uint8Array, opened: readonly Cidr[] = []): string | null {
  for (const address of carriedAddresses(ip)) {
    const what = containsAny(opened, address) ? null : specialNetworkOf(address);
    if (what !== null) return `${formatIp(address)} is ${what}`;
  }
  return null;
}

/**
 * The address itself and the IPv4 addresses that it carries. An IPv4-mapped address never leaves the host as IPv6, so
 * it counts as the IPv4 address alone.
 */
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
