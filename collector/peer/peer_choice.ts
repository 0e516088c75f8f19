// The peers to choose from: the address book, filled from the peer file, DNS seeds and node_announcements.

import { join } from "node:path";
import { decodeMessage } from "../../shared/bolt/message.ts";
import { MESSAGE_TYPES, messageType } from "../../shared/bolt/message_types.ts";
import type { Clock } from "../../shared/clock.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import { logger } from "../../shared/log.ts";
import type { Random } from "../../shared/random.ts";
import { every } from "../../shared/waiting.ts";
import { AddressBook } from "../addresses/address_book.ts";
import { loadAddressBook, saveAddressBook } from "../addresses/book_store.ts";
import { DNS_PORT } from "../addresses/config.ts";
import { leftAloneLines } from "../addresses/left_alone.ts";
import { type DialLists, DialRules } from "../addresses/dial_rules.ts";
import { DEFAULT_SEEDS } from "../dial/dns_seed.ts";
import { type HostKind, type NodeAddress, parseEndpoint } from "../addresses/endpoint.ts";
import { dnsResolver } from "../dial/resolver.ts";
import type { CollectorConfig } from "../config.ts";
import type { DialPolicy } from "../dial/connect.ts";
import type { ManagerOptions } from "./manager.ts";
import { faultLines, readPeerFile } from "./peer_file.ts";
import { seekNodes } from "../dial/seeds.ts";

export interface ChoiceDependencies {
  readonly clock: Clock;
  readonly random: Random;
  /** Dial only peers of the peer file; what earlier runs learnt is neither read nor changed. */
  readonly fileAlone?: boolean;
}

/** Where the address book is in a data folder. */
export function bookPath(dataDir: string): string {
  return join(dataDir, "addresses.book");
}

/** Announcing another's host does not get it dialled more often. */
const HOST_GAP_MS = 10_000;
/** Regtest has no public nodes: its gossip leads nowhere outside this host unless the config says so. */
const LOOPBACK = ["127.0.0.0/8", "::1/128"];

const log = logger("collector", "peer");

/**
 * Opens the address book, filled from its file and the peer file.
 * @param ownNodeId is never dialled.
 * @throws {UserError} when a file cannot be used, or without any peer or seed.
 */
export async function openPeerChoice(
  config: CollectorConfig,
  ownNodeId: string,
  dependencies: ChoiceDependencies,
): Promise<PeerChoice> {
  const { clock, random, fileAlone = false } = dependencies;
  const { network, peers } = config;
  // Policy and book share them; steering changes them.
  const kinds = new Set(peers.kinds);
  const policy = { ...dialPolicyOf(config, ownNodeId), kinds };
  const { rules } = policy;
  const limits = { torShare: peers.tor_share, hostGapMs: HOST_GAP_MS };
  const book = new AddressBook({ rules, kinds, ...limits }, random);
  const path = fileAlone ? null : bookPath(config.data_dir);
  if (path !== null) {
    const { records, damage } = await loadAddressBook(path, network);
    if (damage !== null) log.warning("Address book {path} is damaged: {damage}", { path, damage });
    book.restore(records, clock.now());
  }
  if (peers.file !== undefined) {
    const refusal = (peer: NodeAddress) => refusalOf(peer, policy, peers.tor_share);
    await learnFile(book, peers.file, refusal, clock.now());
  }
  const seeds = fileAlone ? [] : seedsOf(config);
  if (peers.target > 0 && seeds.length === 0 && book.soonest() === Infinity) {
    throw new UserError(
      peers.file === undefined
        ? "Cannot start: no known peer can be dialled; set peers.file or peers.seeds"
        : `Cannot use peer file ${peers.file}: it names no peer that can be dialled`,
    );
  }
  return new PeerChoice({ book, policy, kinds, path, clock, seeds, config });
}

/**
 * Where the config lets us connect, and how; never to ourselves.
 * @throws {UserError} when Tor is wanted without a proxy.
 */
export function dialPolicyOf({ network, peers }: CollectorConfig, ownNodeId?: string): DialPolicy {
  if (peers.tor_share > 0 && peers.proxy === undefined) {
    throw new UserError(
      `Cannot reach peers through Tor: peers.tor_share is ${peers.tor_share} and peers.proxy is missing`,
    );
  }
  const isLocal = network === "regtest";
  const lists: DialLists = {
    allow: peers.allow ?? (isLocal ? LOOPBACK : []),
    deny: ownNodeId === undefined ? peers.deny : [...peers.deny, ownNodeId],
    opened: peers.open_networks ?? (isLocal ? LOOPBACK : []),
  };
  const nameServer = peers.name_server && parseEndpoint(peers.name_server, DNS_PORT);
  return {
    rules: new DialRules(lists),
    kinds: new Set(peers.kinds),
    resolver: dnsResolver(nameServer ? { ip: nameServer.host, port: nameServer.port } : undefined),
    ...peers.proxy !== undefined && { proxy: parseEndpoint(peers.proxy) },
  };
}

/** Why the config forbids dialling a peer, or null. */
export function refusalOf(
  { nodeId, end }: NodeAddress,
  { rules, kinds }: DialPolicy,
  torShare: number,
): string | null {
  if (!kinds.has(end.kind)) return `peers.kinds does not name ${end.kind}`;
  const isTor = end.kind === "onion";
  if (isTor && torShare <= 0) return "peers.tor_share is 0";
  if (!isTor && torShare >= 1) return "peers.tor_share is 1";
  return rules.refusal(nodeId, end)?.reason ?? null;
}

/** Those that the config names; without them and a peer file, the well-known ones; none where no peer is wanted. */
export function seedsOf({ network, peers }: CollectorConfig): readonly string[] {
  if (peers.target === 0) return [];
  return peers.seeds ?? (peers.file === undefined ? DEFAULT_SEEDS[network] : []);
}

/** The manager's options as the config has them. */
export function managerOptionsOf(config: CollectorConfig, privateKey: Uint8Array): ManagerOptions {
  const { network, peers, gossip } = config;
  return {
    privateKey,
    network,
    target: peers.target,
    dialsPerSecond: peers.dials_per_second,
    maxPending: peers.max_pending,
    bootstrap: peers.bootstrap,
    syncPeers: gossip.sync.peers,
    syncEveryMs: gossip.sync.every,
    lookbackMs: gossip.lookback,
    connectTimeoutMs: peers.connect_timeout,
    handshakeTimeoutMs: peers.handshake_timeout,
    initTimeoutMs: peers.init_timeout,
    rotateEveryMs: peers.rotate_every,
    rotateShare: peers.rotate_share,
  };
}

async function learnFile(
  book: AddressBook,
  path: string,
  refusal: (peer: NodeAddress) => string | null,
  now: number,
): Promise<void> {
  const { peers, faults } = await readPeerFile(path);
  for (const line of faultLines(faults)) {
    log.warning("Peer file {path}: {fault}", { path, fault: line.trim() });
  }
  for (const { nodeId, end } of peers) book.learn(nodeId, end, "file", now);
  const leftAlone = leftAloneLines(peers, book.records(), refusal, now);
  for (const line of faultLines(leftAlone)) {
    log.warning("Peer file {path}: {peer}", { path, peer: line.trim() });
  }
  const { special, denied, not_allowed: notAllowed } = book.counts.refused;
  const count = special + denied + notAllowed;
  if (count === 0) return;
  log.warning(
    "{count} known addresses are left out: {special} are not public and not in peers.open_networks, " +
      "{denied} are denied, {notAllowed} are not allowed",
    { count, special, denied, notAllowed },
  );
}

interface Kept {
  readonly book: AddressBook;
  readonly policy: DialPolicy;
  readonly kinds: Set<HostKind>;
  /** Null when nothing is learnt or saved. */
  readonly path: string | null;
  readonly clock: Clock;
  readonly seeds: readonly string[];
  readonly config: CollectorConfig;
}

/** The book and its upkeep; disposing saves it. */
export class PeerChoice implements AsyncDisposable {
  readonly book: AddressBook;
  readonly policy: DialPolicy;
  /** Called when there may be new addresses. */
  onLearnt: () => void = () => {};
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;
  #isSeeking: boolean;

  constructor(private readonly kept: Kept) {
    const { book, policy, clock, seeds, config } = kept;
    this.#isSeeking = seeds.length > 0;
    this.book = book;
    this.policy = policy;
    const seeking = seekNodes({
      book,
      policy,
      seeds,
      enough: config.peers.target,
      clock,
      signal: this.#stop.signal,
      onLearnt: () => this.onLearnt(),
    });
    const saving = every(clock, config.peers.save_every, this.#stop.signal, () => this.#save());
    const sought = seeking.finally(() => {
      this.#isSeeking = false;
      this.onLearnt();
    });
    this.#running = Promise.all([saving, sought]);
  }

  /** Whether seeds are still asked for peers. */
  get isSeeking(): boolean {
    return this.#isSeeking;
  }

  /** Dials these kinds of address from now on, and of the nodes these alone; null: all of the book. */
  steer(wanted: readonly HostKind[], peers: readonly NodeAddress[] | null): void {
    const { kinds, clock } = this.kept;
    kinds.clear();
    for (const kind of wanted) kinds.add(kind);
    for (const { nodeId, end } of peers ?? []) this.book.learn(nodeId, end, "file", clock.now());
    this.book.limitTo(peers && new Set(peers.map(({ nodeId }) => nodeId)));
  }

  /** Takes up a node_announcement; the caller checked its signature. */
  learn(raw: Uint8Array): void {
    if (this.kept.path === null || messageType(raw) !== MESSAGE_TYPES.node_announcement) return;
    const message = decodeMessage(raw);
    if (!message.known || message.type !== 257) return;
    this.book.learnAnnouncement(message, this.kept.clock.now());
    this.onLearnt();
  }

  /** Twice is harmless. */
  async [Symbol.asyncDispose](): Promise<void> {
    const isFirst = !this.#stop.signal.aborted;
    this.#stop.abort();
    await this.#running;
    if (isFirst) await this.#save();
  }

  async #save(): Promise<void> {
    const { path, config: { network } } = this.kept;
    if (path === null) return;
    try {
      await saveAddressBook(path, this.book.records(), network);
    } catch (error) {
      log.warning("Cannot save address book {path}: {error}", { path, error: errorText(error) });
    }
  }
}
