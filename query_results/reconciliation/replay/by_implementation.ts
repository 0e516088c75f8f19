// How far apart two peers are by what they run: timers part peers of one software too. Pure.

import type { Random } from "../../../shared/random.ts";
import { type Cell, type Table, tableOf } from "../../format/table.ts";
import { mean } from "../calibration/statistics.ts";
import { type Pair, quantiles } from "./pairs.ts";
import type { Recording } from "./recording.ts";
import { ALL, differencesOf, roundsOf } from "./rounds.ts";

/** Seconds of network time between syncs. */
const SYNC_SECONDS = [30, 300];
/** Features that say nothing are hex. */
const WORD = /^(lnd|cln|ldk|eclair|cln or eclair)$/;

/** One row per sync interval and two implementations. */
export function differencesByImplementation(
  recording: Recording,
  pairs: readonly Pair[],
  random: Random,
): Table {
  const word = (peer: number) => recording.features[peer].match(WORD)?.[0] ?? "unknown";
  const kinds = Map.groupBy(pairs, ({ a, b }) => [word(a), word(b)].sort().join(", "));
  const rows = SYNC_SECONDS.flatMap((seconds) =>
    [...kinds].map(([kind, own]): Cell[] => {
      const means = own.map((pair) =>
        mean(differencesOf(roundsOf(recording, pair, 1000 * seconds, random), ALL))
      ).filter((value) => !Number.isNaN(value));
      return [kind, seconds, means.length, mean(means), ...quantiles(means, [0.05, 0.5, 0.95])];
    }).filter(([, , count]) => Number(count) > 0)
  );
  return tableOf("implementations:text sync_seconds pairs mean pair_p5 pair_p50 pair_p95", rows);
}
