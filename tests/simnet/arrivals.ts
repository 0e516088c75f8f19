// When messages come into being: a stream a type, plus origins that repeat on a timer. Pure.

import type { Random } from "../../shared/random.ts";
import { GOSSIP_TYPES, type GossipType, REAL_RUN } from "./real_run.ts";

/** One message to be. */
export interface Arrival {
  /** Seconds since the run's begin. */
  readonly at: number;
  /** Its type. */
  readonly type: GossipType;
  /** The origin that repeats on a timer, or null when any may be drawn. */
  readonly origin: number | null;
}

/** Channels that the real run saw repeat every 89.5 s: LND's 90 s timer. */
const PERIODIC_CHANNELS = 11;
const CHANNEL_PERIOD_SECONDS = 89.5;
/** Nodes that it saw announce every 25 s. */
const PERIODIC_NODES = 1;
const NODE_PERIOD_SECONDS = 25;

/**
 * Most channel_announcements are backlog that peers send when a connection is young: this share of them comes in
 * this share of the run.
 */
const BACKLOG_MESSAGES = 0.6;
const BACKLOG_TIME = 0.05;

/**
 * Messages come in bursts, as when a node updates all its channels at once: how many one has on average, and the mean
 * time from one message of it to the next. Assumed: what was published of the run holds no times of arrival.
 */
const BURST_MESSAGES = 3;
const BURST_GAP_SECONDS = 0.2;

interface Stream {
  type: GossipType;
  origin: number | null;
  left: number;
  at: number;
  /** Moves on to the next time; `left` is already the number of those still to come. */
  advance(): void;
}

/** How many messages of each type a run of `messages` has: the real run's shares. */
export function messagesByType(messages: number): Record<GossipType, number> {
  const announced = Math.round(messages * REAL_RUN.messagesByType[256] / REAL_RUN.messages);
  const nodes = Math.round(messages * REAL_RUN.messagesByType[257] / REAL_RUN.messages);
  return { 256: announced, 257: nodes, 258: messages - announced - nodes };
}

/** `messages` arrivals over `seconds`, in order of time; `plain` ones without timers and backlog. */
export function* arrivals(
  messages: number,
  seconds: number,
  random: Random,
  plain = false,
): Generator<Arrival> {
  const left = messagesByType(messages);
  const streams: Stream[] = [];
  // Where a run is thinner than the real one, so are its periodic origins.
  const density = (messages / seconds) / (REAL_RUN.messages / REAL_RUN.seconds);
  const repeat = (type: GossipType, origins: number, period: number) => {
    for (let origin = 0; origin < Math.round(origins * density); origin++) {
      const at = random.next() * period;
      const count = Math.min(left[type], Math.floor((seconds - at) / period) + 1);
      left[type] -= count;
      streams.push(periodic(type, origin, count, at, period));
    }
  };
  if (!plain) {
    repeat(258, PERIODIC_CHANNELS, CHANNEL_PERIOD_SECONDS);
    repeat(257, PERIODIC_NODES, NODE_PERIOD_SECONDS);
  }
  for (const type of GOSSIP_TYPES) {
    const place = type === 256 && !plain ? backlogFirst : (share: number) => share;
    streams.push(scattered(type, left[type], seconds, random, place));
  }

  for (let made = 0; made < messages; made++) {
    let first: Stream | null = null;
    for (const stream of streams) {
      if (stream.left > 0 && (first === null || stream.at < first.at)) first = stream;
    }
    if (first === null) return;
    yield { at: first.at, type: first.type, origin: first.origin };
    first.left--;
    first.advance();
  }
}

function periodic(
  type: GossipType,
  origin: number,
  count: number,
  start: number,
  period: number,
): Stream {
  return {
    type,
    origin,
    left: count,
    at: start,
    advance: function () {
      this.at += period;
    },
  };
}

/**
 * Exactly `count` messages in order: bursts at uniform times, of geometric lengths. The least of n uniform numbers is
 * 1 − u^(1/n), so no list of times is needed.
 */
function scattered(
  type: GossipType,
  count: number,
  seconds: number,
  random: Random,
  place: (share: number) => number,
): Stream {
  let bursts = Math.ceil(count / BURST_MESSAGES);
  let share = 0;
  const stream: Stream = {
    type,
    origin: null,
    left: count,
    at: 0,
    advance() {
      if (this.left === 0) return;
      let next = this.at - Math.log(1 - random.next()) * BURST_GAP_SECONDS;
      if (this.left === count || random.next() < bursts / this.left) {
        share += (1 - share) * (1 - random.next() ** (1 / bursts--));
        next = seconds * place(share);
      }
      // A burst that begins within the one before waits for its end.
      this.at = Math.min(Math.max(this.at, next), seconds);
    },
  };
  stream.advance();
  return stream;
}

function backlogFirst(share: number): number {
  if (share < BACKLOG_MESSAGES) return share / BACKLOG_MESSAGES * BACKLOG_TIME;
  return BACKLOG_TIME +
    (share - BACKLOG_MESSAGES) / (1 - BACKLOG_MESSAGES) * (1 - BACKLOG_TIME);
}
