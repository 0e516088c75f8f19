// DNS seeds (BOLT 10): names that answer with a random choice of Lightning nodes.
//
// What a seed says is unsigned. A wrong node id fails in the handshake, a private address at the rules.

import { bech32 } from "@scure/base";
import type { Network } from "../../shared/bolt/chains.ts";
import { ADDRESS_TYPES } from "../../shared/bolt/address.ts";
import { isPublicKey } from "../../shared/secp256k1.ts";
import { type Endpoint, ipEndpoint, type NodeAddress } from "../addresses/endpoint.ts";
import { parseIp } from "../addresses/ip.ts";
import { DnsFault, type Resolver, type Service } from "./resolver.ts";

/** The seeds that implementations ship with; the config may name others. */
export const DEFAULT_SEEDS: Record<Network, readonly string[]> = {
  bitcoin: ["nodes.lightning.wiki", "nodes.lightning.directory"],
  testnet: ["test.nodes.lightning.wiki", "test.nodes.lightning.directory"],
  signet: ["signet.nodes.lightning.wiki"],
  regtest: [],
};

/** See BOLT 10, "Query Semantics". A seed may ignore it. */
export interface SeedQuery {
  readonly seed: string;
  readonly families: ReadonlySet<"ipv4" | "ipv6">;
  /** A seed gives 25 by default. */
  readonly count?: number;
  /** 66 hex digits. */
  readonly nodeId?: string;
}

export interface SeedAnswer {
  /** One entry per address. */
  readonly nodes: readonly NodeAddress[];
  /** Records without a node id or a port. */
  readonly badRecords: number;
  /** Nodes without an address of a wanted family. */
  readonly unresolved: number;
}

/** Bitcoin, on whatever chain; a seed of another chain has a root domain of its own. */
const REALM = 0;
const PREFIX = "ln";
/** What every seed answers, whether or not it knows conditions. */
const ALIAS = "_nodes._tcp";
/** A TCP answer holds more, but a seed is only a start. */
const MAX_RECORDS = 100;
/** Per node. */
const MAX_ADDRESSES = 4;
const CONCURRENT_LOOKUPS = 8;

/** The name to ask a seed for. */
export function seedQueryName({ seed, families, count, nodeId }: SeedQuery): string {
  // `a` has the bits of BOLT 7's descriptor types: 2 for IPv4, 4 for IPv6.
  let types = 0;
  for (const family of families) types |= 1 << ADDRESS_TYPES[family];
  const conditions = [`r${REALM}`, `a${types}`];
  if (count !== undefined) conditions.push(`n${count}`);
  if (nodeId !== undefined) {
    conditions.push(`l${bech32.encodeFromBytes(PREFIX, Uint8Array.fromHex(nodeId))}`);
  }
  return `${conditions.join(".")}.${seed}`;
}

/** The node id in a virtual hostname, as hex; null when there is none. */
export function nodeIdOf(hostname: string): string | null {
  const decoded = bech32.decodeUnsafe(hostname.split(".", 1)[0]);
  const bytes = decoded && bech32.fromWordsUnsafe(decoded.words);
  return decoded?.prefix === PREFIX && bytes && isPublicKey(bytes) ? bytes.toHex() : null;
}

/**
 * Asks a seed, and for the addresses of its nodes.
 * @throws {DnsFault} when it does not answer; or the signal's reason.
 */
export async function askSeed(
  query: SeedQuery,
  resolver: Resolver,
  signal: AbortSignal,
): Promise<SeedAnswer> {
  const records = (await servicesOf(query, resolver, signal)).slice(0, MAX_RECORDS);
  const named = records.flatMap(({ target, port }) => {
    const nodeId = nodeIdOf(target);
    return nodeId !== null && port > 0 ? [{ nodeId, target, port }] : [];
  });
  const nodes: NodeAddress[] = [];
  let unresolved = 0;
  const queue = named.values();
  // All of them take from one queue.
  await Promise.all(Array.from({ length: CONCURRENT_LOOKUPS }, async () => {
    for (const { nodeId, target, port } of queue) {
      const ends = await endsOf({ target, port }, query.families, resolver, signal);
      if (ends.length === 0) unresolved++;
      for (const end of ends) nodes.push({ nodeId, end });
    }
  }));
  return { nodes, badRecords: records.length - named.length, unresolved };
}

/** By conditions; then, unless one node is asked for, by the alias that every seed knows. */
async function servicesOf(
  query: SeedQuery,
  resolver: Resolver,
  signal: AbortSignal,
): Promise<readonly Service[]> {
  const names = [seedQueryName(query)];
  if (query.nodeId === undefined) names.push(`${ALIAS}.${query.seed}`);
  let failure: DnsFault | undefined;
  for (const name of names) {
    try {
      const services = await resolver.services(name, signal);
      if (services.length > 0) return services;
    } catch (error) {
      if (!(error instanceof DnsFault)) throw error;
      failure = error;
    }
  }
  if (failure) throw failure;
  return [];
}

async function endsOf(
  { target, port }: Service,
  families: SeedQuery["families"],
  resolver: Resolver,
  signal: AbortSignal,
): Promise<Endpoint[]> {
  const ends: Endpoint[] = [];
  for (const family of families) {
    try {
      for (const text of await resolver.addresses(target, family, signal)) {
        const ip = parseIp(text);
        if (ip) ends.push(ipEndpoint(ip, port));
      }
    } catch (error) {
      if (!(error instanceof DnsFault)) throw error;
    }
  }
  return ends.slice(0, MAX_ADDRESSES);
}
