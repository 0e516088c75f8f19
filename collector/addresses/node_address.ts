/**
 * A node and where it listens, as Lightning tools write it: `pubkey@host:port`.
 *
 * @module
 */
import { isPublicKey } from "../../shared/secp256k1.ts";
import { fromHex, printable } from "../../shared/text.ts";
import { type Endpoint, formatEndpoint, parseEndpoint } from "./endpoint.ts";
import { AddressFault } from "./fault.ts";

/** Where one node can be dialled. */
export interface NodeAddress {
  /** The node's public key: 33 bytes, lower-case hex. */
  readonly nodeId: string;
  /** Where it listens. */
  readonly end: Endpoint;
}

/**
 * Reads `pubkey@host:port`.
 *
 * @param defaultPort stands in for a missing port; without it, that is a fault.
 * @throws {AddressFault} `no_at`, `bad_node_id`, or as {@link parseEndpoint}.
 */
export function parseNodeAddress(text: string, defaultPort?: number): NodeAddress {
  const at = text.indexOf("@");
  if (at < 0) {
    throw new AddressFault("no_at", `"${printable(text)}" should be pubkey@host:port`);
  }
  const nodeId = parseNodeId(text.slice(0, at));
  return { nodeId, end: parseEndpoint(text.slice(at + 1), defaultPort) };
}

/** A node id in lower case. @throws {AddressFault} `bad_node_id` unless it is a compressed point of secp256k1 in hex. */
export function parseNodeId(text: string): string {
  const nodeId = text.toLowerCase();
  if (/^0[23][0-9a-f]{64}$/.test(nodeId) && isPublicKey(fromHex(nodeId))) return nodeId;
  const should = "should be a public key: 66 hex digits that begin with 02 or 03";
  throw new AddressFault("bad_node_id", `"${printable(text, 70)}" ${should}`);
}

/** The text that {@link parseNodeAddress} reads. */
export function formatNodeAddress({ nodeId, end }: NodeAddress): string {
  return `${nodeId}@${formatEndpoint(end)}`;
}
