import type { Detector } from "./detector.ts";
import { groups } from "./groups.ts";
import { levels } from "./levels.ts";
import { bursts, loud, periods } from "./origins.ts";
import { changing, resigned } from "./shares.ts";
import { wide } from "./wide.ts";

/** Every detector that counts. */
export const DETECTORS: readonly Detector[] = [
  ...[bursts, periods, levels, loud, resigned],
  ...[...changing, groups, wide],
];
