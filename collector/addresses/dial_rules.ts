/**
 * Whom the config lets us dial.
 *
 * @module
 */
import { type Cidr, containsAny, parseCidr, parseIp } from "./ip.ts";
import { type Endpoint, parseNodeId } from "./endpoint.ts";
import { carriedAddresses, notPublic } from "./public_address.ts";

/** What the config says; node ids are 66 hex digits, networks in CIDR notation. */
export interface DialLists {
  /** Nodes and networks; unless it is empty, nothing else is dialled. It opens no special network. */
  readonly allow?: readonly string[];
  /** Nodes and networks that are never dialled, whatever `allow` says. */
  readonly deny?: readonly string[];
  /** Special networks, such as private ones, that may be dialled like public ones. */
  readonly opened?: readonly string[];
}

/**
 * Why somebody is not dialled.
 *
 * - `special`: the address is private, loopback, metadata or otherwise not public, and its network is not opened;
 * - `denied`: on the list of those never dialled;
 * - `not_allowed`: not on the list of those that alone are dialled.
 */
export type RefusalCode = "special" | "denied" | "not_allowed";

/** A refusal and its reason in words. */
export interface Refusal {
  /** Which rule it is. */
  readonly code: RefusalCode;
  /** Completes "not dialled: …". */
  readonly reason: string;
}

/** A list as it is looked up. */
interface Entries {
  readonly nodes: ReadonlySet<string>;
  readonly networks: readonly Cidr[];
}

/** The rules; see {@link DialLists}. */
export class DialRules {
  readonly #allow: Entries;
  readonly #deny: Entries;
  readonly #opened: readonly Cidr[];
  readonly #isOpenToAll: boolean;

  /** Reads the lists. @throws {AddressFault} `bad_node_id` or `bad_cidr` for an entry that is neither. */
  constructor({ allow = [], deny = [], opened = [] }: DialLists = {}) {
    this.#allow = entriesOf(allow);
    this.#deny = entriesOf(deny);
    this.#opened = opened.map(parseCidr);
    this.#isOpenToAll = allow.length === 0;
  }

  /**
   * Why a node is not dialled at an endpoint; null when it may be.
   *
   * A DNS name passes here as far as nothing but its address could forbid it: each address that it resolves to is to be
   * asked about again.
   */
  refusal(nodeId: string, { kind, host }: Endpoint): Refusal | null {
    const isNodeAllowed = this.#isOpenToAll || this.#allow.nodes.has(nodeId);
    if (this.#deny.nodes.has(nodeId)) return { code: "denied", reason: "the node is denied" };
    if (kind === "onion" || kind === "dns") {
      const mayPass = isNodeAllowed || (kind === "dns" && this.#allow.networks.length > 0);
      return mayPass ? null : { code: "not_allowed", reason: "the node is not on the list" };
    }
    const ip = parseIp(host)!;
    const special = notPublic(ip, this.#opened);
    if (special !== null) return { code: "special", reason: special };
    const addresses = carriedAddresses(ip);
    const isIn = (networks: readonly Cidr[]) =>
      addresses.some((address) => containsAny(networks, address));
    if (isIn(this.#deny.networks)) return { code: "denied", reason: `${host} is denied` };
    if (isNodeAllowed || isIn(this.#allow.networks)) return null;
    return { code: "not_allowed", reason: `neither the node nor ${host} is on the list` };
  }
}

function entriesOf(list: readonly string[]): Entries {
  const nodes = new Set<string>();
  const networks: Cidr[] = [];
  for (const entry of list) {
    if (/[./:]/.test(entry)) networks.push(parseCidr(entry));
    else nodes.add(parseNodeId(entry));
  }
  return { nodes, networks };
}
