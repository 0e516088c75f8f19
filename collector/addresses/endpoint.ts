// Where a node listens: a host of one of four kinds and a TCP port, as text `192.0.2.7:9735`, `[2001:db8::7]:9735`,
// `node.example:9735` or `….onion:9735`; with the node before it, as Lightning tools write it, `pubkey@host:port`.

import { ADDRESS_KINDS, type AddressKind } from "../../shared/batch/batch.ts";
import { printable } from "../../shared/text.ts";
import { AddressFault } from "./fault.ts";
import { formatIp, IPV4_BYTES, parseIp, unmapped } from "./ip.ts";
import { checkOnion, isOnion, onionName } from "./onion.ts";
import { isPublicKey } from "../../shared/secp256k1.ts";
import { type Address, ADDRESS_TYPES } from "../../shared/bolt/address.ts";

export const HOST_KINDS: typeof ADDRESS_KINDS = ADDRESS_KINDS;

export type HostKind = AddressKind;

/** Two that are the same place have the same texts. */
export interface Endpoint {
  readonly kind: HostKind;
  /** An IP address as {@link formatIp} writes it, without brackets; or a name in lower case. */
  readonly host: string;
  readonly port: number;
}

/** Longest DNS name in text (RFC 1035, section 2.3.4: 255 bytes with their lengths). */
const MAX_NAME_CHARACTERS = 253;
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;
/**
 * Names that the public DNS does not have, and local ones do (RFC 6761, RFC 6762, RFC 8375, RFC 9476, ICANN's
 * `internal`, and what home routers are known to use).
 */
const LOCAL_DOMAINS: ReadonlySet<string> = new Set([
  "alt",
  "corp",
  "example",
  "home",
  "internal",
  "intranet",
  "invalid",
  "lan",
  "local",
  "localdomain",
  "localhost",
  "private",
  "test",
]);

/** Reads an endpoint. @throws {AddressFault} `no_port` without a port or a default, or as {@link endpoint}. */
export function parseEndpoint(text: string, defaultPort?: number): Endpoint {
  const { host, port } = splitPort(text);
  if (port === undefined && defaultPort === undefined) {
    throw new AddressFault("no_port", `"${printable(text)}" has no port; it should be host:port`);
  }
  return endpoint(host, port === undefined ? defaultPort! : parsePort(port));
}

/** An endpoint of a host without brackets. @throws {AddressFault} `bad_host`, `tor_v2`, `bad_onion` or `bad_port`. */
export function endpoint(host: string, port: number): Endpoint {
  checkPort(port);
  const ip = parseIp(host);
  if (ip) return ipEndpoint(ip, port);
  // A fully qualified name ends in a dot (RFC 1034, section 3.1); here it has none.
  const name = host.toLowerCase().replace(/\.$/, "");
  if (isOnion(name)) {
    checkOnion(name);
    return { kind: "onion", host: name, port };
  }
  if (isName(name)) return { kind: "dns", host: name, port };
  throw new AddressFault(
    "bad_host",
    `"${
      printable(host)
    }" should be an IPv4 address, an [IPv6 address], a DNS name or an onion name`,
  );
}

/** Refuses a port that no socket has. @throws {AddressFault} `bad_port`. */
export function checkPort(port: number): void {
  if (Number.isInteger(port) && port >= 1 && port <= 65535) return;
  throw new AddressFault("bad_port", `port ${port} should be from 1 to 65535`);
}

/** The endpoint of an IP address; an IPv4-mapped one becomes IPv4. */
export function ipEndpoint(ip: Uint8Array, port: number): Endpoint {
  const address = unmapped(ip);
  const kind = address.length === IPV4_BYTES ? "ipv4" : "ipv6";
  return { kind, host: formatIp(address), port };
}

/** The endpoint as {@link parseEndpoint} reads it. */
export function formatEndpoint({ kind, host, port }: Endpoint): string {
  return kind === "ipv6" ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether a DNS name means something only on a local network. */
export function isLocalName(name: string): boolean {
  const labels = name.split(".");
  return labels.length < 2 || LOCAL_DOMAINS.has(labels[labels.length - 1]) ||
    name.endsWith(".home.arpa");
}

function splitPort(text: string): { host: string; port?: string } {
  if (text.startsWith("[")) {
    const [, host, port] = text.match(/^\[([^\]]*)\](?::(.*))?$/s) ?? [];
    if (host?.includes(":")) return { host, port };
    throw new AddressFault("bad_host", `"${printable(text)}" should be an [IPv6 address]:port`);
  }
  const colon = text.indexOf(":");
  if (colon < 0) return { host: text };
  if (colon !== text.lastIndexOf(":")) {
    throw new AddressFault("bad_host", `"${printable(text)}": an IPv6 address goes in brackets`);
  }
  return { host: text.slice(0, colon), port: text.slice(colon + 1) };
}

function parsePort(text: string): number {
  if (/^\d{1,5}$/.test(text)) return Number(text);
  throw new AddressFault("bad_port", `port "${printable(text)}" should be from 1 to 65535`);
}

function isName(name: string): boolean {
  const labels = name.split(".");
  return name.length <= MAX_NAME_CHARACTERS && labels.every((label) => LABEL.test(label)) &&
    // A last label of digits alone is a mistyped IPv4 address; no top-level domain has one (RFC 3696, section 2).
    !/^(\d+|0x[0-9a-f]*)$/.test(labels[labels.length - 1]);
}

export interface NodeAddress {
  /** 33 bytes, lower-case hex. */
  readonly nodeId: string;
  readonly end: Endpoint;
}

/** Reads `pubkey@host:port`. @throws {AddressFault} `no_at`, `bad_node_id`, or as {@link parseEndpoint}. */
export function parseNodeAddress(text: string, defaultPort?: number): NodeAddress {
  const at = text.indexOf("@");
  if (at < 0) {
    throw new AddressFault("no_at", `"${printable(text)}" should be pubkey@host:port`);
  }
  const nodeId = parseNodeId(text.slice(0, at));
  return { nodeId, end: parseEndpoint(text.slice(at + 1), defaultPort) };
}

/** A node id in lower case. @throws {AddressFault} `bad_node_id` unless it is a point of secp256k1 in hex. */
export function parseNodeId(text: string): string {
  const nodeId = text.toLowerCase();
  if (/^0[23][0-9a-f]{64}$/.test(nodeId) && isPublicKey(Uint8Array.fromHex(nodeId))) return nodeId;
  const should = "should be a public key: 66 hex digits that begin with 02 or 03";
  throw new AddressFault("bad_node_id", `"${printable(text, 70)}" ${should}`);
}

/** The text that {@link parseNodeAddress} reads. */
export function formatNodeAddress({ nodeId, end }: NodeAddress): string {
  return `${nodeId}@${formatEndpoint(end)}`;
}

/** The endpoint of an announced address. @throws {AddressFault} `bad_port`, `tor_v2`, `bad_onion` or `bad_host`. */
export function announcedEndpoint({ type, host, port }: Address): Endpoint {
  // BOLT 7: a port of 0 is not to be used; decoding keeps it all the same.
  checkPort(port);
  switch (type) {
    case ADDRESS_TYPES.ipv4:
    case ADDRESS_TYPES.ipv6:
      return ipEndpoint(host, port);
    case ADDRESS_TYPES.torV2:
      throw new AddressFault("tor_v2", "a version 2 onion service; Tor has dropped them");
    case ADDRESS_TYPES.torV3:
      return { kind: "onion", host: onionName(host), port };
    case ADDRESS_TYPES.dns:
      return namedEndpoint(new TextDecoder().decode(host), port);
  }
}

/** An IP address or an onion name in a DNS entry is another type's. */
function namedEndpoint(name: string, port: number): Endpoint {
  const named = endpoint(name, port);
  if (named.kind === "dns") return named;
  throw new AddressFault("bad_host", `a DNS name should be one, not of kind ${named.kind}`);
}
