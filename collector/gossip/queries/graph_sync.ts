// Keeps the graph whole: asks a few peers, one after another, for what it lacks, and does so again every some hours.
//
// It is fed every message of each session. What comes for an answer goes to recorder and verifier like all gossip; the
// graph grows when the verifier has checked it. While a peer sends its whole graph (a dump, after a filter of 0) no peer
// is asked: else the same messages would come twice.

import { hasFeature } from "../../../shared/bolt/features.ts";
import type { Clock } from "../../../shared/clock.ts";
import { MESSAGE_TYPES, messageType } from "../../../shared/bolt/message_types.ts";
import type { GraphView } from "../graph/graph_view.ts";
import { PeerSync, type SyncEnd } from "./peer_sync.ts";
import type { SentLedger } from "./sent_ledger.ts";

export interface GraphSyncOptions {
  readonly view: GraphView;
  readonly chain: Uint8Array;
  readonly clock: Clock;
  readonly ledger: SentLedger;
  readonly send: (session: number, raw: Uint8Array) => void;
  /** The gossip of a session counts as asked for until an instant, µs: without end at first, then a while longer. */
  readonly onAsked?: (session: number, until: number) => void;
  /** All channels that a peer named in a complete answer, and when it was asked, µs. */
  readonly onNamed?: (scids: readonly bigint[], askedAt: number) => void;
  /** Peers that are asked to the end in one round; 3 when absent. */
  readonly peers?: number;
  /** Seconds from the end of a round to the next; 6 hours when absent. */
  readonly roundSeconds?: number;
}

export interface GraphSyncCounts {
  readonly rounds: number;
  readonly ends: Readonly<Partial<Record<SyncEnd | "closed", number>>>;
  readonly wanted: number;
  readonly timeouts: number;
}

const GOSSIP_QUERIES = 6;
const GOSSIP_QUERIES_EX = 10;

const SECOND_US = 1_000_000;
const PEERS = 3;
const ROUND_SECONDS = 6 * 3600;
/** Between two peers: what the first one sent is verified before the second one is asked for the rest. */
const PAUSE_US = 30 * SECOND_US;
/** What was asked for may still come when the asking is over: Core Lightning sends what it has every 60 s. */
const LATE_US = 60 * SECOND_US;
/** A dump is over when no channel_announcement came for this time: Core Lightning flushes every 60 s. */
const QUIET_US = 75 * SECOND_US;
/** Dumps are not waited for any longer: LND sends a whole graph in 18 minutes. */
const LONGEST_DUMP_US = 20 * 60 * SECOND_US;
const CHANNEL_ANNOUNCEMENT = MESSAGE_TYPES.channel_announcement;

interface Askable {
  /** Whether the peer knows gossip_queries_ex. */
  readonly extended: boolean;
  readonly openedAt: number;
  /** When its dump brought a channel last, µs; null where there is no dump, or it is over. */
  dumpedAt: number | null;
}

interface Asking {
  readonly session: number;
  readonly sync: PeerSync;
  readonly askedAt: number;
  hasAsked: boolean;
  hasNamed: boolean;
}

/** The whole of the asking; see the module. */
export class GraphSync {
  readonly #sessions = new Map<number, Askable>();
  readonly #asked = new Set<number>();
  #active: Asking | null = null;
  /** Since when there is always a dump, µs. */
  #dumpsSince: number | null = null;
  #complete = 0;
  #notBefore = 0;
  /** When all peers may be asked again though the round had too few of them, µs. */
  #newRoundAt = Infinity;
  #rounds = 0;
  #ends: Partial<Record<SyncEnd | "closed", number>> = {};
  #wanted = 0;
  #timeouts = 0;

  constructor(private readonly options: GraphSyncOptions) {}

  get counts(): GraphSyncCounts {
    const active = this.#active?.sync;
    return {
      rounds: this.#rounds,
      ends: { ...this.#ends },
      wanted: this.#wanted + (active?.wanted ?? 0),
      timeouts: this.#timeouts + (active?.timeouts ?? 0),
    };
  }

  get asking(): number | null {
    return this.#active?.session ?? null;
  }

  /** A session that can be asked, unless its peer does not offer gossip_queries. */
  opened(session: number, features: Uint8Array, isDump = false): void {
    if (!hasFeature(features, GOSSIP_QUERIES)) return;
    const now = this.options.clock.now();
    this.#sessions.set(session, {
      extended: hasFeature(features, GOSSIP_QUERIES_EX),
      openedAt: now,
      dumpedAt: isDump ? now : null,
    });
  }

  closed(session: number): void {
    this.#sessions.delete(session);
    this.#asked.delete(session);
    if (this.#active?.session === session) this.#leave("closed");
  }

  receive(session: number, raw: Uint8Array): void {
    if (raw.length < 2) return;
    if (this.#active?.session === session) {
      return this.#go(this.#active.sync.receive(raw, this.options.clock.now()));
    }
    if (messageType(raw) !== CHANNEL_ANNOUNCEMENT) return;
    const askable = this.#sessions.get(session);
    if (askable && askable.dumpedAt !== null) askable.dumpedAt = this.options.clock.now();
  }

  tick(): void {
    const now = this.options.clock.now();
    if (now >= this.#newRoundAt) this.#beginRound();
    if (this.#active) this.#go(this.#active.sync.tick(now));
    else if (now >= this.#notBefore && !this.#waitsForDump(now)) this.#askNext(now);
  }

  /** Peers that leave in the midst of their dumps, one after another, do not keep the others from being asked. */
  #waitsForDump(now: number): boolean {
    if (!this.#hasDump(now)) {
      this.#dumpsSince = null;
      return false;
    }
    this.#dumpsSince ??= now;
    return now - this.#dumpsSince < LONGEST_DUMP_US;
  }

  #hasDump(now: number): boolean {
    let hasDump = false;
    for (const askable of this.#sessions.values()) {
      if (askable.dumpedAt === null) continue;
      const isOver = now - askable.dumpedAt >= QUIET_US ||
        now - askable.openedAt >= LONGEST_DUMP_US;
      if (isOver) askable.dumpedAt = null;
      else hasDump = true;
    }
    return hasDump;
  }

  #askNext(now: number): void {
    for (const [session, { extended, dumpedAt }] of this.#sessions) {
      if (this.#asked.has(session) || dumpedAt !== null) continue;
      this.#asked.add(session);
      const { view, chain } = this.options;
      const sync = new PeerSync({ view, chain, extended }, now);
      this.#active = { session, sync, askedAt: now, hasAsked: false, hasNamed: false };
      this.#send(session, sync.first);
      return;
    }
  }

  /** Sends what comes next, or draws the line under a sync that has ended. */
  #go(next: Uint8Array | null): void {
    const active = this.#active!;
    const { session, sync } = active;
    const named = active.hasNamed ? null : sync.named;
    if (named) {
      active.hasNamed = true;
      this.options.onNamed?.(named, active.askedAt);
    }
    // Sending may end the session, and so the asking; a sync that has ended by itself sends nothing.
    if (next) {
      // Only query_short_channel_ids brings gossip.
      active.hasAsked = true;
      this.options.onAsked?.(session, Infinity);
      this.#send(session, next);
    }
    if (sync.end !== null) this.#leave(sync.end);
  }

  #leave(end: SyncEnd | "closed"): void {
    const { session, sync, hasAsked } = this.#active!;
    this.#active = null;
    this.#ends[end] = (this.#ends[end] ?? 0) + 1;
    this.#wanted += sync.wanted;
    this.#timeouts += sync.timeouts;
    const now = this.options.clock.now();
    const { peers = PEERS, roundSeconds = ROUND_SECONDS, onAsked } = this.options;
    if (hasAsked) onAsked?.(session, now + LATE_US);
    this.#notBefore = now + PAUSE_US;
    this.#newRoundAt = now + roundSeconds * SECOND_US;
    if (end === "complete" && ++this.#complete === peers) {
      this.#rounds++;
      this.#notBefore = this.#newRoundAt;
    }
  }

  #beginRound(): void {
    this.#newRoundAt = Infinity;
    this.#complete = 0;
    this.#asked.clear();
  }

  #send(session: number, raw: Uint8Array): void {
    this.options.ledger.record("own_query", raw);
    this.options.send(session, raw);
  }
}
