import { type Cidr, containsAny, parseCidr, parseIp } from "./ip.ts";
import { type Endpoint, parseNodeId } from "./endpoint.ts";
import { carriedAddresses, notPublic } from "./public_address.ts";

/** Node ids are 66 hex digits, networks in CIDR notation. */
export interface DialLists {
  /** Unless empty, nothing else is dialled. It opens no special network. */
  readonly allow?: readonly string[];
  /** Never dialled, whatever `allow` says. */
  readonly deny?: readonly string[];
  /** Special networks, such as private ones, that may be dialled. */
  readonly opened?: readonly string[];
}

export type RefusalCode =
  | "special" // private, loopback, metadata or otherwise not public, and its network is not opened
  | "denied"
  | "not_allowed"; // not on the list of those that alone are dialled

export interface Refusal {
  readonly code: RefusalCode;
  /** Completes "not dialled: …". */
  readonly reason: string;
}

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

  /** @throws {AddressFault} `bad_node_id` or `bad_cidr`. */
  constructor({ allow = [], deny = [], opened = [] }: DialLists = {}) {
    this.#allow = entriesOf(allow);
    this.#deny = entriesOf(deny);
    this.#opened = opened.map(parseCidr);
    this.#isOpenToAll = allow.length === 0;
  }

  /** Null when it may be dialled. A DNS name passes here; each address that it resolves to must be checked again. */
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
