// Detectors of what one channel or node sends: bursts, periods, too much, nothing new.

import { formatDuration, formatNumber } from "../../format/numbers.ts";
import { factor, type Finding, receiptsSql } from "../finding.ts";
import { findBursts } from "../statistics/bursts.ts";
import { findPeriod, LEAST_REPEATS, type Period } from "../statistics/periods.ts";
import { logBinomialTail, logNegativeBinomialTail, qValues } from "../statistics/tails.ts";
import { sparkOf, startsOf, type World } from "../world.ts";
import { type Detector, MAX_Q } from "./detector.ts";

const HOUR_MS = 3_600_000;
/** Fewer messages in an hour are no burst worth a line. */
const LEAST_BURST = 8;

/** Columns: type, origin, ms; by type, then origin. */
export const bursts: Detector = {
  kind: "burst",
  sql:
    `SELECT o.type, e.origin, e.first_ms FROM pattern_events e JOIN pattern_origins o USING (origin)
    ORDER BY o.type, e.origin, e.first_ms`,
  columns: 3,
  detect([type, origin, times], world) {
    const findings: Finding[] = [];
    for (const wanted of [257, 258]) {
      const [from, to] = [type.indexOf(wanted), type.lastIndexOf(wanted) + 1];
      if (from < 0) continue;
      const own = origin.subarray(from, to);
      const ids = [...new Set(own)];
      const places = new Map(ids.map((id, i) => [id, i]));
      const events = {
        times: times.subarray(from, to),
        starts: startsOf(own.map((id) => places.get(id)!), ids.length),
      };
      const options = {
        lengthMs: world.lengthMs,
        windowMs: HOUR_MS,
        least: LEAST_BURST,
        maxQ: MAX_Q,
      };
      for (
        const { entity, fromMs, untilMs, observed, expected, q } of findBursts(events, options)
      ) {
        findings.push(ofOrigin(world, ids[entity], "burst", fromMs, untilMs, {
          observed,
          expected,
          q,
          effect: factor(observed, expected),
          sentence:
            `sent ${formatNumber(observed)} messages within ${
              formatDuration((untilMs - fromMs) / 1000)
            }, ` +
            `where its own rate gives ${formatNumber(expected)}`,
        }));
      }
    }
    return findings;
  },
};

/** Columns: origin × 2 + direction, ms by the origin's own clock; ascending. */
export const periods: Detector = {
  kind: "period",
  sql: `SELECT origin * 2 + direction, made_ms FROM pattern_events
    WHERE origin IN (SELECT origin FROM pattern_origins WHERE messages > ${LEAST_REPEATS})
    ORDER BY 1, 2`,
  columns: 2,
  detect([stream, times], world) {
    const found: { origin: number; period: Period }[] = [];
    let tests = 0;
    for (let from = 0, to; from < stream.length; from = to) {
      for (to = from; to < stream.length && stream[to] === stream[from];) to++;
      if (to - from <= LEAST_REPEATS) continue;
      tests++;
      const period = findPeriod(times.subarray(from, to));
      if (period) found.push({ origin: stream[from] >> 1, period });
    }
    const q = qValues(found.map(({ period }) => period.logP), tests);
    return found.flatMap(({ origin, period }, i) => {
      if (q[i] > MAX_Q) return [];
      const { periodMs, fromMs, untilMs, gaps, regular, expected } = period;
      return ofOrigin(world, origin, "period", fromMs, untilMs, {
        observed: regular,
        expected,
        q: q[i],
        effect: factor(regular, expected),
        sentence:
          `repeats every ${
            formatDuration(periodMs / 1000)
          }: ${regular} of ${gaps} gaps are within ` +
          `10 % of that (coherence of phase ${period.coherence.toFixed(2)})`,
      });
    });
  },
};

/** One message per block is what a design with one update per block lets through; this many times that is too much. */
const LOUD_PER_BLOCK = 8;
const BLOCKS_PER_MS = 1 / 600_000;
/** A shorter window shows bursts rather than habits. */
const LEAST_LOUD_MS = 12 * HOUR_MS;
const LEAST_LOUD = 100;

/** Columns: origin, messages. */
export const loud: Detector = {
  kind: "loud",
  sql:
    `SELECT origin, CAST(messages AS INTEGER) FROM pattern_origins WHERE messages >= ${LEAST_LOUD}`,
  columns: 2,
  detect([origin, messages], world) {
    const expected = world.lengthMs * BLOCKS_PER_MS;
    if (world.lengthMs < LEAST_LOUD_MS) return [];
    return [...origin].flatMap((id, i) => {
      if (messages[i] < LOUD_PER_BLOCK * expected) return [];
      const q = Math.exp(
        logNegativeBinomialTail(messages[i], expected) + Math.log(world.origins.length),
      );
      return ofOrigin(world, id, "loud", 0, world.lengthMs, {
        observed: messages[i],
        expected,
        q: Math.min(1, q),
        effect: messages[i] / expected,
        sentence: `sent ${formatNumber(messages[i])} messages, ${
          (messages[i] / expected).toFixed(0)
        } per block`,
      });
    });
  },
};

/** Fewer repeats are not worth a line. */
const LEAST_REPEATED = 20;

/** Columns: origin, messages, those whose content the origin had sent before, by direction together. */
export const resigned: Detector = {
  kind: "re-signed",
  sql:
    `SELECT origin, CAST(count(*) AS INTEGER), CAST(count(*) - count(DISTINCT (direction, inner_id)) AS INTEGER)
    FROM pattern_events
    WHERE inner_id IS NOT NULL GROUP BY origin HAVING count(*) > 1`,
  columns: 3,
  detect([origin, messages, repeats], world) {
    // Half by chance at least: what most origins do is no finding, however much it is.
    const usual = Math.max(0.5, 1.2 * sum(repeats) / Math.max(1, sum(messages)));
    if (usual >= 0.95) return [];
    const q = qValues(
      [...origin.keys()].map((i) => logBinomialTail(repeats[i], messages[i] - 1, usual)),
      origin.length,
    );
    return [...origin].flatMap((id, i) => {
      if (repeats[i] < LEAST_REPEATED || q[i] > MAX_Q) return [];
      const times = world.timesOf(id);
      return ofOrigin(world, id, "re-signed", times[0], times[times.length - 1], {
        observed: repeats[i],
        expected: usual * messages[i],
        q: q[i],
        effect: factor(repeats[i], usual * messages[i]),
        sentence: `signed the same content again ${formatNumber(repeats[i])} times in ` +
          `${formatNumber(messages[i])} messages`,
      });
    });
  },
};

function sum(values: Int32Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** A finding about an origin; `sentence` follows its name. */
export function ofOrigin(
  world: World,
  origin: number,
  kind: string,
  fromMs: number,
  untilMs: number,
  rest: Pick<Finding, "observed" | "expected" | "q" | "effect" | "sentence">,
): Finding {
  const { name, where } = world.origins[origin];
  // The origin's own clock may be a little ahead of first sights.
  const [fromUs, untilUs] = [
    fromMs - HOUR_MS * Number(kind === "period"),
    untilMs + HOUR_MS * Number(kind === "period"),
  ]
    .map(world.toUs);
  return {
    kind,
    entity: name,
    fromUs: world.toUs(fromMs),
    untilUs: world.toUs(untilMs),
    ...rest,
    sentence: `${name} ${rest.sentence}`,
    evidence: receiptsSql(where, fromUs, untilUs),
    spark: sparkOf(
      world,
      world.timesOf(origin),
      fromMs,
      untilMs,
      `messages of ${name} over the window`,
    ),
    origins: [origin],
  };
}
