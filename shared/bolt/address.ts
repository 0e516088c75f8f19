// Address descriptors (BOLT 7, node_announcement; BOLT 1, `remote_addr` of init): a type byte, a host whose form the
// type gives, and a port.

import { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** The descriptor types of BOLT 7. */
export const ADDRESS_TYPES = { ipv4: 1, ipv6: 2, torV2: 3, torV3: 4, dns: 5 } as const;

/** One of {@link ADDRESS_TYPES}. */
export type AddressType = typeof ADDRESS_TYPES[keyof typeof ADDRESS_TYPES];

/** Bytes of the host by type; a DNS name states its own length in one byte. */
const HOST_BYTES: Record<AddressType, number | "sized"> = { 1: 4, 2: 16, 3: 10, 4: 35, 5: "sized" };

/** One address a node says it listens at. All of it is its own claim. */
export interface Address {
  readonly type: AddressType;
  /** IP address bytes, onion key bytes, or the bytes of a DNS name (meant to be ASCII, unchecked). */
  readonly host: Uint8Array;
  /** TCP port; 0 should not be, and is kept. */
  readonly port: number;
}

/** The addresses of a node, as far as they could be read. */
export interface Addresses {
  readonly known: readonly Address[];
  /** All bytes from the first unknown type on: its end is unknown. */
  readonly unknown: Uint8Array;
}

/**
 * Reads the addresses of a node_announcement.
 * @throws {BoltFault} `truncated` when a descriptor of a known type runs past the end.
 */
export function decodeAddresses(bytes: Uint8Array): Addresses {
  const reader = new Reader(bytes, "addresses");
  const known: Address[] = [];
  while (reader.remaining > 0) {
    const type = bytes[bytes.length - reader.remaining];
    if (!isAddressType(type)) break;
    reader.u8();
    const length = HOST_BYTES[type];
    const host = reader.take(length === "sized" ? reader.u8() : length);
    known.push({ type, host, port: reader.u16() });
  }
  return { known, unknown: reader.rest() };
}

/**
 * Writes the addresses of a node_announcement.
 * @throws {BoltFault} `bad_length` for a host that its type cannot have, `out_of_range` for a port above 65,535.
 */
export function writeAddresses(writer: Writer, addresses: Addresses): void {
  for (const { type, host, port } of addresses.known) {
    writer.u8(type);
    const length = HOST_BYTES[type];
    if (length === "sized") writer.u8(host.length);
    writer.fixed(host, length === "sized" ? host.length : length);
    writer.u16(port);
  }
  writer.bytes(addresses.unknown);
}

function isAddressType(type: number): type is AddressType {
  return type in HOST_BYTES;
}
