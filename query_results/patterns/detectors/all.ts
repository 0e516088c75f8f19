import type { Detector } from "./detector.ts";
import { groups } from "./groups.ts";
import { levels } from "./levels.ts";
import { bursts, loud, periods, resigned } from "./origins.ts";
import { wide } from "./wide.ts";

/** Every detector. */
export const DETECTORS: readonly Detector[] = [
  bursts,
  periods,
  levels,
  loud,
  resigned,
  groups,
  wide,
];
