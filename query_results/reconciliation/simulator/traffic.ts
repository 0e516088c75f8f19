// The messages that a network publishes: who, when, what about, how large.

import { type Random, randomInteger, shuffled } from "../../../shared/random.ts";
import type { Graph } from "./graph.ts";

/** Message types by number: the order of the draft BOLT's three sketches. */
export const MESSAGE_TYPES = [
  "channel_update",
  "node_announcement",
  "channel_announcement",
] as const;

/** Shares of the types among live messages: of the run of 2025-09-26, without its backlog of announcements. */
const TYPE_SHARES = [0.66, 0.33, 0.01];
/** Bytes of a message with its type: the same run's means. */
const SIZE_BYTES = [[136, 148], [380, 448], [430, 430]];
/** Directed channels and nodes of the mainnet: a smaller network's links and nodes stand for several each. */
const CHANNEL_ENDS = 90_000;
const ANNOUNCING_NODES = 15_000;
/** Mean time between blocks; each is uniform from 0 to twice this. */
const BLOCK_MS = 600_000;

/** Messages in order of birth, as columns. */
export interface Traffic {
  readonly count: number;
  /** In milliseconds since the start, ascending. */
  readonly bornMs: Int32Array;
  /** The node that made it. */
  readonly origin: Int32Array;
  /** An index of {@link MESSAGE_TYPES}. */
  readonly type: Uint8Array;
  readonly sizeBytes: Uint16Array;
  /** A number of its own for each (scid, direction), announcing node and announced channel. */
  readonly subject: Int32Array;
  /** The next message about the same (scid, direction) or node, which supersedes it; -1 without. */
  readonly newer: Int32Array;
  /** The one it supersedes; -1 without. */
  readonly older: Int32Array;
  /** The block at whose height it was made, counted from the start. */
  readonly height: Int32Array;
  /** When each block was found, in milliseconds since the start; the first at 0. */
  readonly blockMs: readonly number[];
  /** Messages that were never sent as another about the same replaced them within a block. */
  readonly coalesced: number;
}

/** Recorded messages in order of birth, as columns: see {@link Traffic}. */
export interface GivenTraffic {
  readonly bornMs: Int32Array;
  readonly type: Uint8Array;
  readonly sizeBytes: Uint16Array;
  /** From 0, of its own for each (scid, direction), node and announced channel. */
  readonly subject: Int32Array;
}

/** What {@link makeTraffic} is asked for. */
export interface TrafficOptions {
  readonly rate: number;
  readonly durationMs: number;
  /** At most one update per subject and block: later ones wait for the next block, the last one wins. */
  readonly onePerBlock: boolean;
  /** In place of drawn messages, those born within the duration. */
  readonly given?: GivenTraffic;
}

/**
 * Draws messages: births uniform over the run; channels and nodes by a power law, whose top 1 % make 29 % of messages
 * (measured: 29.5 % of scids, 31.3 % of nodes). `nodes` are the first of the graph: an observer makes none.
 */
export function makeTraffic(
  graph: Graph,
  nodes: number,
  { rate, durationMs, onePerBlock, given }: TrafficOptions,
  random: Random,
): Traffic {
  const blockMs = [0];
  while (blockMs[blockMs.length - 1] <= durationMs) {
    blockMs.push(blockMs[blockMs.length - 1] + 1000 + randomInteger(random, 2 * BLOCK_MS));
  }
  const drawn = Math.round(rate * durationMs / 1000);
  const births = given?.bornMs.filter((ms) => ms < durationMs) ??
    Int32Array.from({ length: drawn }, () => randomInteger(random, durationMs)).sort();
  const edges = graph.first[nodes];
  const channelEnds = Math.max(edges, CHANNEL_ENDS);
  const announcing = Math.max(nodes, ANNOUNCING_NODES);
  const edgeOrder = shuffled([...Array(edges).keys()], random);
  const nodeOrder = shuffled([...Array(nodes).keys()], random);
  const sent: Sent[] = [];
  const waiting = new Map<number, number>();
  const lastBlock = new Map<number, number>();
  let block = 0, coalesced = 0;
  const draw = () => {
    const share = random.next();
    const type = share < TYPE_SHARES[0] ? 0 : share < TYPE_SHARES[0] + TYPE_SHARES[1] ? 1 : 2;
    const subject = type === 0
      ? skewed(channelEnds, random)
      : type === 1
      ? channelEnds + skewed(announcing, random)
      : channelEnds + announcing + sent.length;
    return { type, subject };
  };
  for (const [i, time] of births.entries()) {
    while (blockMs[block + 1] <= time) block++;
    const { type, subject } = given ? { type: given.type[i], subject: given.subject[i] } : draw();
    const origin = type === 0
      ? graph.source[edgeOrder[subject % edges]]
      : nodeOrder[subject % nodes];
    let born = time, height = block;
    if (onePerBlock && (lastBlock.get(subject) ?? -1) >= block) {
      if (waiting.get(subject) === block + 1 || blockMs[block + 1] >= durationMs) {
        coalesced++;
        continue;
      }
      height = block + 1;
      born = blockMs[height];
      waiting.set(subject, height);
    }
    lastBlock.set(subject, height);
    sent.push({ born, type, subject, origin, block: height, sizeBytes: given?.sizeBytes[i] });
  }
  // Array.sort is stable: equal times keep their order.
  sent.sort((a, b) => a.born - b.born);
  return columns(sent, blockMs, coalesced, random);
}

interface Sent {
  readonly born: number;
  readonly type: number;
  readonly subject: number;
  readonly origin: number;
  readonly block: number;
  /** Drawn unless given. */
  readonly sizeBytes?: number;
}

function columns(
  sent: readonly Sent[],
  blockMs: readonly number[],
  coalesced: number,
  random: Random,
): Traffic {
  const count = sent.length;
  const newer = new Int32Array(count).fill(-1), older = new Int32Array(count).fill(-1);
  const latest = new Map<number, number>();
  for (let i = 0; i < count; i++) {
    const before = latest.get(sent[i].subject);
    if (before !== undefined) [newer[before], older[i]] = [i, before];
    latest.set(sent[i].subject, i);
  }
  return {
    count,
    bornMs: Int32Array.from(sent, ({ born }) => born),
    origin: Int32Array.from(sent, ({ origin }) => origin),
    type: Uint8Array.from(sent, ({ type }) => type),
    sizeBytes: Uint16Array.from(sent, ({ type, sizeBytes }) => {
      const [low, high] = SIZE_BYTES[type];
      return sizeBytes ?? low + randomInteger(random, high - low + 1);
    }),
    subject: Int32Array.from(sent, ({ subject }) => subject),
    newer,
    older,
    height: Int32Array.from(sent, ({ block }) => block),
    blockMs,
    coalesced,
  };
}

/** An index in [0, n) whose k smallest hundredths come with probability (k/100)^(4/15). */
function skewed(n: number, random: Random): number {
  // Roots and products are exact in IEEE 754, other powers differ between machines.
  const u = random.next(), root = Math.sqrt(u);
  return Math.floor(n * u * u * u * root * Math.sqrt(root));
}
