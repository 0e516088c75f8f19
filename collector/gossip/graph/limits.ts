// How much the graph holds, and what it makes of what it is given.

import type { HeldLimits } from "./held_updates.ts";
import type { Quota } from "../../meter.ts";

export interface GraphLimits {
  /** When all places are taken, new channels are refused; places get free by age. */
  readonly channels: number;
  readonly nodes: number;
  readonly bytes: number;
  /** Channels that one peer alone brought unasked. At another limit, those of the peer with most of them go first. */
  readonly unconfirmed: number;
  readonly messageBytes: number;
  readonly held: HeldLimits;
  readonly quota: Quota;
}

/** On disk an announcement and both updates of a channel share a block of 64 KiB. */
export const MAX_STORED_MESSAGE_BYTES = 16_384;

/** As many channels as one answer to a query_channel_range may name to LND. */
const CHANNELS = 100_000;
/** A peer that is asked for the last hour alone has few channels that no other peer has. */
const UNCONFIRMED = 4096;
/** Two and a half times mainnet's. */
const NODES = 50_000;
/** Mainnet's graph is 54 MB. */
const BYTES = 96 * 1024 * 1024;
/** The longest of mainnet have about 700 bytes; messages may have 65,535, mostly of signed bytes that mean nothing. */
const MESSAGE_BYTES = 4096;

/** Room for half as many channels as mainnet has beyond its own. */
export const GRAPH_LIMITS: GraphLimits = {
  channels: CHANNELS,
  unconfirmed: UNCONFIRMED,
  nodes: NODES,
  bytes: BYTES,
  messageBytes: MESSAGE_BYTES,
  held: { count: 16_384, bytes: 4 * 1024 * 1024 },
  // As LND limits what it forwards.
  quota: { burst: 10, intervalSeconds: 60 },
};

export const OUTCOMES = [
  "added",
  "replaced",
  "held",
  "known",
  "unverified",
  "foreign",
  "conflicting",
  "unannounced",
  "implausible",
  "private",
  "stale",
  "spam",
  "too_long",
  "full",
  "source_full",
] as const;

/**
 * - `added`, `replaced`: it is in the graph, where there was none or an older one;
 * - `held`: an update that waits for its channel_announcement;
 * - `known`: the graph has this channel already, or an update or node_announcement that is as new;
 * - `unverified`: its verdict is not `valid`, or it is a channel_update without a signer;
 * - `foreign`: of another chain, or of a type that the graph does not hold;
 * - `conflicting`: the channel is announced under other nodes than the ones this message is signed by;
 * - `unannounced`: a node_announcement of a node without a channel;
 * - `implausible`: no peer would take it, see `objection`;
 * - `private`: a channel_update that says dont_forward, so no answer may contain it;
 * - `spam`: newer, and more often than the quota;
 * - `source_full`: a channel that one peer alone has brought, and that peer has too many of the kind.
 */
export type GraphOutcome = typeof OUTCOMES[number];
