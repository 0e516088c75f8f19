// What a collector's config needs of the sandbox.

import { dirname } from "node:path";
import { UserError } from "../../shared/errors.ts";
import {
  bothNeeds,
  expectPermitted,
  forbidden,
  hostOf,
  natsNeeds,
  type Need,
  openingText,
} from "../../shared/sandbox.ts";
import { DNS_PORT } from "../addresses/config.ts";
import { formatEndpoint, type NodeAddress, parseEndpoint } from "../addresses/endpoint.ts";
import type { CollectorConfig } from "../config.ts";
import type { DialPolicy } from "../dial/connect.ts";
import { systemNameServer } from "../dial/resolver.ts";
import { dialPolicyOf, seedsOf } from "../peer/peer_choice.ts";
import { readPeerFile } from "../peer/peer_file.ts";

/** Peers' hosts that a command line takes. */
const MAX_HOSTS = 100;
const HTTP_PORT = 80;

/**
 * Holds a config, and the peers of its file, against the sandbox.
 * @returns warnings of what it closes without need: some of the peers, the system's name server.
 * @throws {UserError} when it closes anything else, or every peer, with the one command that works.
 */
export async function checkSandbox(config: CollectorConfig): Promise<string[]> {
  expectPermitted(needsOf(config), "collector");
  const { file } = config.peers;
  const peers = file === undefined ? [] : (await readPeerFile(file)).peers;
  return [
    ...await checkNameServer(config, peers),
    ...file === undefined ? [] : checkPeers(file, peers, dialPolicyOf(config)),
  ];
}

/** A name server that the config names is one of its needs; that of the system is needed for names alone. */
async function checkNameServer(
  config: CollectorConfig,
  peers: readonly NodeAddress[],
): Promise<string[]> {
  const hasNames = seedsOf(config).length > 0 || peers.some(({ end }) => end.kind === "dns");
  if (!hasNames || config.peers.name_server !== undefined) return [];
  const server = await systemNameServer().catch(() => null);
  if (server === null) return [];
  const value = `${bracketed(server.ip)}:${server.port}`;
  const need: Need = { kind: "net", key: "peers.name_server", value };
  if (forbidden([need]).length === 0) return [];
  const text =
    `The sandbox does not open the system's name server ${value}, which seeds and DNS names need`;
  return [`${text}\n${openingText([need], "collector")}`];
}

function checkPeers(file: string, peers: readonly NodeAddress[], policy: DialPolicy): string[] {
  const { closed, open, hosts } = peerNeeds(peers, policy);
  if (closed.length === 0) return [];
  const [{ value }] = closed;
  const text = `The sandbox does not open ${closed.length} peers of ${file}, such as ${value}`;
  const opening = openingText(hosts, "collector");
  if (open === 0) throw new UserError(`${text}, and it opens no other\n${opening}`);
  return [`${text}\n${opening}`];
}

/** All but its peers. */
function needsOf({ data_dir, peers, sources, uplink, metrics }: CollectorConfig): Need[] {
  const { file, proxy, name_server: nameServer } = peers;
  const net = (key: string, value: string): Need => ({ kind: "net", key, value });
  return [
    ...bothNeeds("data_dir", data_dir),
    ...file !== undefined ? [{ kind: "read", key: "peers.file", value: file } as const] : [],
    // The folder, for the files that are rotated out.
    ...sources.map(({ name, path }): Need => ({
      kind: "read",
      key: `sources: ${name}`,
      value: dirname(path),
    })),
    ...proxy !== undefined ? [net("peers.proxy", proxy)] : [],
    ...nameServer !== undefined
      ? [net("peers.name_server", formatEndpoint(parseEndpoint(nameServer, DNS_PORT)))]
      : [],
    ...uplink.kind === "local"
      ? [
        net("uplink.url", hostOf(uplink.url, HTTP_PORT)),
        { kind: "read", key: "uplink.token_file", value: uplink.token_file } as const,
      ]
      : natsNeeds("uplink", uplink),
    ...metrics
      ? [
        net("metrics", formatEndpoint(parseEndpoint(`${bracketed(metrics.host)}:${metrics.port}`))),
      ]
      : [],
  ];
}

/** The peers that the config lets us dial: the closed ones, what opens their hosts, and how many are left. */
function peerNeeds(peers: readonly NodeAddress[], { rules, kinds }: DialPolicy) {
  const dialled = peers.filter(({ nodeId, end }) =>
    kinds.has(end.kind) && rules.refusal(nodeId, end) === null
  );
  // The sandbox is asked of a name's addresses, and of Tor's proxy, when they are dialled.
  const byIp = dialled.filter(({ end: { kind } }) => kind === "ipv4" || kind === "ipv6");
  const key = "peers.file";
  const closed = forbidden(
    byIp.map(({ end }) => ({ kind: "net", key, value: formatEndpoint(end) })),
  );
  const hosts = new Set(closed.map(({ value }) => value.replace(/:\d+$/, "")));
  return {
    closed,
    open: dialled.length - closed.length,
    hosts: [...hosts].slice(0, MAX_HOSTS).map((value): Need => ({ kind: "net", key, value })),
  };
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
