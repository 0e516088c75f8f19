// How the last messages spread: for a few of them, when each peer delivered it.

import { createHash } from "node:crypto";
import { gossipFacts } from "../../../shared/bolt/facts.ts";
import { scidText } from "../../../shared/bolt/scid.ts";
import { RATE_TYPES, typeCode } from "./rates.ts";

/** Messages followed at a time; the oldest makes way. */
const MAX_FOLLOWED = 12;
/** The first few begin at once, so that a new page soon shows some; then each is followed for five minutes. */
const FEW = 5;
const BEGIN_FEW_US = 2_000_000;
const BEGIN_US = 25_000_000;
/** Peers counted per message. */
const MAX_PEERS = 4096;
/** Points of a curve. */
const MAX_POINTS = 64;

export interface Spread {
  /** Counts the messages followed. */
  readonly number: number;
  readonly sha256: string;
  readonly type: string;
  /** What it is about: its channel and direction, or its node. */
  readonly about: string;
  /** When it was first seen, µs since the Unix epoch. */
  readonly first_seen: number;
  readonly peers: number;
  /** Seconds after which half of these peers had delivered it. */
  readonly half_seconds: number;
  /** Seconds since it was first seen, and how many peers had delivered it by then. */
  readonly points: readonly (readonly [number, number])[];
}

/** A followed message. Arrivals past {@link MAX_PEERS} are not counted. */
export class Followed {
  readonly raw: Uint8Array;
  readonly #peers = new Set<string>();
  readonly #times: number[] = [];

  constructor(readonly number: number, raw: Uint8Array) {
    this.raw = raw.slice();
  }

  /** @param at µs since the Unix epoch. */
  arrived(peer: string, at: number): void {
    if (this.#peers.size >= MAX_PEERS || this.#peers.has(peer)) return;
    this.#peers.add(peer);
    this.#times.push(at);
  }

  /** Null before the first arrival. */
  spread(): Spread | null {
    const times = this.#times.sort((a, b) => a - b);
    if (times.length === 0) return null;
    const seconds = (i: number) => Math.round((times[i] - times[0]) / 1000) / 1000;
    const count = Math.min(times.length, MAX_POINTS);
    const points = Array.from({ length: count }, (_, i) => {
      const last = Math.floor((i + 1) * times.length / count) - 1;
      return [seconds(last), last + 1] as const;
    });
    const { type, scid, direction, nodeId } = gossipFacts(this.raw);
    return {
      number: this.number,
      sha256: keyOf(this.raw),
      type: RATE_TYPES[typeCode(type)],
      about: scid === null
        ? nodeId ?? ""
        : `${scidText(scid)}${direction === null ? "" : `/${direction}`}`,
      first_seen: times[0],
      peers: times.length,
      half_seconds: seconds(Math.ceil(times.length / 2) - 1),
      points,
    };
  }
}

/** The messages followed, the newest last. */
export class Spreads {
  readonly #followed = new Map<string, Followed>();
  #begun = 0;
  #begunAt = -Infinity;

  /** The message, if it is followed. */
  get(raw: Uint8Array): Followed | undefined {
    return this.#followed.size === 0 ? undefined : this.#followed.get(keyOf(raw));
  }

  /** Whether another one may begin. @param now µs since the Unix epoch. */
  isDue(now: number): boolean {
    return now - this.#begunAt >= (this.#followed.size < FEW ? BEGIN_FEW_US : BEGIN_US);
  }

  begin(raw: Uint8Array, now: number): Followed {
    const followed = new Followed(this.#begun++, raw);
    this.#begunAt = now;
    this.#followed.set(keyOf(raw), followed);
    const [oldest] = this.#followed.keys();
    if (this.#followed.size > MAX_FOLLOWED) this.#followed.delete(oldest);
    return followed;
  }

  /** The newest first. */
  list(): Spread[] {
    return [...this.#followed.values()].flatMap((one) => one.spread() ?? []).reverse();
  }
}

function keyOf(raw: Uint8Array): string {
  return createHash("sha256").update(raw).digest("hex");
}
