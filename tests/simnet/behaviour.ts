// How each implementation treats a connection, as far as a collector can notice. Pure.

import { hasFeature } from "../../shared/bolt/features.ts";
import { type Init, initFeatures } from "../../shared/bolt/init.ts";
import type { Implementation } from "./flush.ts";

/** One implementation's manners. */
export interface Behaviour {
  /** Feature bits of its init: five demanded, as all implementations do; the rest offered by default. */
  readonly features: readonly number[];
  /** Whether its init names its chain. */
  readonly namesNetwork: boolean;
  /** Whether it leaves when the other init names other chains only. */
  readonly checksNetwork: boolean;
  /** Even bits of the features it demands. */
  readonly demands: readonly number[];
  /** Whether it heeds a gossip filter only of those that offer gossip_queries. */
  readonly needsGossipQueries: boolean;
  /** Seconds between its pings. */
  readonly pingSeconds: number;
  /** Gossip messages it sends before it wants a pong; Infinity: it never waits. */
  readonly gossipPerPong: number;
}

const GOSSIP_QUERIES = 6;
const ALL_FIVE = [0, 8, 12, 14, 44];

/** As read from LND 0.21, Core Lightning 26.06, LDK 0.3 and Eclair 0.13. */
export const BEHAVIOURS: Readonly<Record<Implementation, Behaviour>> = {
  lnd: {
    features: [0, 5, 7, 8, 12, 14, 17, 19, 23, 25, 27, 31, 35, 44, 47, 2023],
    namesNetwork: false,
    checksNetwork: false,
    demands: [0],
    needsGossipQueries: true,
    pingSeconds: 60,
    gossipPerPong: Infinity,
  },
  cln: {
    features: [0, 5, 7, 8, 11, 12, 14, 17, 19, 23, 25, 27, 35, 39, 43, 44, 47, 51, 63],
    namesNetwork: true,
    checksNetwork: true,
    demands: [],
    needsGossipQueries: false,
    pingSeconds: 60,
    gossipPerPong: Infinity,
  },
  eclair: {
    features: [0, 5, 7, 8, 11, 12, 14, 17, 19, 23, 25, 27, 29, 35, 39, 44, 47],
    namesNetwork: true,
    checksNetwork: true,
    demands: ALL_FIVE,
    needsGossipQueries: false,
    pingSeconds: 30,
    gossipPerPong: Infinity,
  },
  ldk: {
    features: [0, 5, 7, 8, 12, 14, 17, 19, 23, 25, 27, 35, 39, 43, 44, 47],
    namesNetwork: true,
    checksNetwork: true,
    demands: ALL_FIVE,
    needsGossipQueries: false,
    pingSeconds: 10,
    gossipPerPong: 32,
  },
};

/** Why this implementation would leave on that init; null when it stays. */
export function refusal(behaviour: Behaviour, init: Init, chainHash: Uint8Array): string | null {
  const features = initFeatures(init);
  const missing = behaviour.demands.filter((bit) => !hasFeature(features, bit));
  if (missing.length > 0) return `features ${missing.join(", ")} are not offered`;
  if (!behaviour.checksNetwork || !init.networks) return null;
  const ours = chainHash.toHex();
  return init.networks.some((hash) => hash.toHex() === ours) ? null : "no chain in common";
}

/** Whether a gossip filter after that init is heeded. */
export function heedsFilter(behaviour: Behaviour, init: Init): boolean {
  return !behaviour.needsGossipQueries || hasFeature(initFeatures(init), GOSSIP_QUERIES);
}
