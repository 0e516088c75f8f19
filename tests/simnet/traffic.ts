// The traffic of a gossip run, from a seed: which messages come into being when, and which peer delivers them when.
// Its shape is the real run's (`real_run.ts`), for any number of peers and any length. Pure, streaming and independent
// of sockets: it feeds the simulated network, and archives that are written straight for benchmarks.

import {
  messageSpeed,
  PeerDelays,
} from "../../query_results/reconciliation/calibration/delay_model.ts";
import { WIDE_SHARE } from "../../query_results/reconciliation/calibration/traces.ts";
import { type Random, seededRandom } from "../../shared/random.ts";
import { arrivals } from "./arrivals.ts";
import { flushAt, type FlushTimer, flushTimer } from "./flush.ts";
import { type OriginCounts, originCountsOf, OriginPicker } from "./origins.ts";
import { ReachPicker } from "./reach.ts";
import { type GossipType, REAL_RUN } from "./real_run.ts";
import { messageSize } from "./sizes.ts";

/** What run to make. */
export interface TrafficOptions {
  /** Equal seeds give equal traffic. */
  readonly seed: string | number;
  /** How many peers deliver. */
  readonly peers: number;
  /** How long messages come into being, in seconds of the network's own time. */
  readonly seconds: number;
  /** How many messages; the real run's rate (297.6 a minute) unless given. */
  readonly messages?: number;
  /** Deliveries later than this are left out: seconds of the network's own time; Infinity unless given. */
  readonly cutSeconds?: number;
  /** Network seconds per second of the times given out: 60 squeezes an hour into a minute. 1 unless given. */
  readonly compression?: number;
  /** Peers leave over the run as they did in the real one (974 to 644); otherwise all stay. */
  readonly peersLeave?: boolean;
  /** Leaves out the real run's patterns: origins on timers, the backlog at its start, channels that cannot speak before they
   * are announced, peers that share narrow messages. */
  readonly plain?: boolean;
}

/** One message with all its deliveries. The object and its arrays are used again for the next one: copy what stays. */
export interface PlannedMessage {
  /** From 0, in order of creation. */
  number: number;
  /** 256, 257 or 258. */
  type: GossipType;
  /** The channel's index (256, 258) or the node's (257); the smaller, the more it says. */
  origin: number;
  /** Which end of the channel speaks (258); else 0. */
  direction: 0 | 1;
  /** µs since the run's begin, as all times given out: a whole number, compressed. */
  createdAt: number;
  /** Bytes of the raw message, type included. */
  size: number;
  /** How many deliveries there are. */
  deliveries: number;
  /** Their peers' indices; the first {@link deliveries} count. A peer twice is a repeat. */
  peers: Uint16Array;
  /** When each is delivered, in the same order. */
  times: Float64Array;
}

/** Share of the deliveries that the same peer makes again, and after how long on average. Assumed. */
const REPEAT_SHARE = 0.004;
const REPEAT_MEAN_SECONDS = 300;
/**
 * Shares of the deliveries that come hours late, and the latest of them, as in the run's receipt traces. Those hold what
 * came before the run's end, so here as well late ones come before the cut.
 */
const LATE_SHARE: Readonly<Record<GossipType, number>> = { 256: 0.172, 257: 0.0078, 258: 0.0018 };
const LATE_FIRST_SECONDS = 3600;
const LATE_LAST_SECONDS = 50_000;
/**
 * The delay model is fitted on wide messages, the run's percentiles are of all that 300 peers delivered. The narrower ones
 * must make up what the wide ones lack: they are slower by a factor, their first peer is further ahead, and a share of their
 * deliveries takes its time without being late. Fitted to the run's percentiles.
 */
const NARROWER = { pace: 1.015, laterSeconds: 6.5, headStartSeconds: 8.2, tardyShare: 0.0025 };
const WIDE: typeof NARROWER = { pace: 1, laterSeconds: 0, headStartSeconds: 2, tardyShare: 0 };
const TARDY_FIRST_SECONDS = 600;
const TARDY_LAST_SECONDS = 3300;
/** How much faster than channel_updates the few peers of a channel_announcement are, by the traces. */
const ANNOUNCEMENT_PACE = 0.52;
/** Peer indices are 16 bits. */
const MAX_PEERS = 65_535;

/** How many messages {@link traffic} makes. */
export function messageCount(options: TrafficOptions): number {
  return options.messages ??
    Math.round(options.seconds * REAL_RUN.messages / REAL_RUN.seconds);
}

/** The peers' flush timers, by peer index. */
export function peerTimers(options: TrafficOptions): FlushTimer[] {
  checkOptions(options);
  const random = seededRandom(`${options.seed}/peers`);
  const perPeer = messageCount(options) / options.seconds * REAL_RUN.receipts /
    REAL_RUN.messages / REAL_RUN.peers;
  return Array.from({ length: options.peers }, () => flushTimer(random, perPeer));
}

/** When each peer leaves, by its index: seconds into the run; Infinity for those that stay. */
export function leavingSeconds(options: TrafficOptions): Float64Array {
  checkOptions(options);
  return reachPicker(options).leavingSeconds();
}

/** How many channels and nodes the traffic of these options is about. */
export function originCounts(options: TrafficOptions): OriginCounts {
  return originCountsOf(messageCount(options), options.peers);
}

/**
 * The run's messages in order of creation, each with its deliveries in no order.
 *
 * @throws {RangeError} when there is not at least one peer, or more than 65,535.
 */
export function* traffic(options: TrafficOptions): Generator<PlannedMessage, void, void> {
  const { seed, seconds, compression = 1, cutSeconds = Infinity, plain = false } = options;
  const timers = peerTimers(options);
  const count = messageCount(options);
  const origins = new OriginPicker(originCounts(options), seededRandom(`${seed}/origins`), plain);
  const reaches = reachPicker(options);
  const random = seededRandom(`${seed}/deliveries`);
  const delays = new PeerDelays(options.peers, seededRandom(`${seed}/delays`));
  // Neighbours in the model stay about as long: so those that are left at any time are slow and fast as all are.
  const ranks = reaches.ranks();
  const raw = new Float64Array(options.peers);
  const cut = cutSeconds * 1e6;
  const planned: PlannedMessage = {
    number: 0,
    type: 258,
    origin: 0,
    direction: 0,
    createdAt: 0,
    size: 0,
    deliveries: 0,
    peers: new Uint16Array(2 * options.peers),
    times: new Float64Array(2 * options.peers),
  };
  const deliver = (peer: number, ready: number) => {
    const time = flushAt(timers[peer], ready);
    if (time > cut) return;
    planned.peers[planned.deliveries] = peer;
    planned.times[planned.deliveries++] = Math.round(time / compression);
  };

  for (const arrival of arrivals(count, seconds, seededRandom(`${seed}/arrivals`), plain)) {
    const created = Math.round(arrival.at * 1e6);
    planned.type = arrival.type;
    planned.origin = arrival.origin ?? origins.pick(arrival.type);
    planned.direction = arrival.type === 258 && random.next() < 0.5 ? 1 : 0;
    planned.size = messageSize(arrival.type, planned.origin);
    planned.createdAt = Math.round(created / compression);
    planned.deliveries = 0;
    const peers = reaches.draw(arrival.type, arrival.at);
    const { pace, laterSeconds, headStartSeconds, tardyShare } =
      peers.length < WIDE_SHARE * options.peers ? NARROWER : WIDE;
    const speed = pace * drawSpeed(arrival.type, random);
    let first = 0;
    for (let i = 0; i < peers.length; i++) {
      raw[i] = delays.delay(ranks[peers[i]], speed, random);
      if (raw[i] < raw[first]) first = i;
    }
    // The delays count from the first receipt.
    const start = flushAt(timers[peers[first]], created);
    deliver(peers[first], start);
    const lateUntil = Math.min(LATE_LAST_SECONDS, cutSeconds - arrival.at);
    const lateShare = lateUntil > LATE_FIRST_SECONDS ? LATE_SHARE[arrival.type] : 0;
    for (let i = 0; i < peers.length; i++) {
      if (i === first) continue;
      const peer = peers[i];
      const late = random.next() - lateShare;
      const delay = late < 0
        ? between(LATE_FIRST_SECONDS, lateUntil, random)
        : late < tardyShare
        ? between(TARDY_FIRST_SECONDS, TARDY_LAST_SECONDS, random)
        : raw[i] + laterSeconds;
      const ready = start + Math.max(headStartSeconds * 1e6, delay * 1e6 - timers[peer].meanWait);
      deliver(peer, ready);
      if (random.next() < REPEAT_SHARE) {
        deliver(peer, ready - Math.log(1 - random.next()) * REPEAT_MEAN_SECONDS * 1e6);
      }
    }
    yield planned;
    planned.number++;
  }
}

function reachPicker(options: TrafficOptions): ReachPicker {
  const { seed } = options;
  return new ReachPicker(options, seededRandom(`${seed}/reach`), seededRandom(`${seed}/which`));
}

function drawSpeed(type: GossipType, random: Random): number {
  return type === 256 ? ANNOUNCEMENT_PACE * messageSpeed(258, random) : messageSpeed(type, random);
}

function between(low: number, high: number, random: Random): number {
  return low + (high - low) * random.next();
}

function checkOptions({ peers }: TrafficOptions): void {
  if (peers < 1 || peers > MAX_PEERS) {
    throw new RangeError(`Cannot plan traffic of ${peers} peers: 1 to ${MAX_PEERS} are possible`);
  }
}
