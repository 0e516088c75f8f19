// Detectors of what one channel or node sends: bursts, periods, too much.

import { formatDuration, formatNumber } from "../../format/numbers.ts";
import { findBursts } from "../statistics/bursts.ts";
import { findPeriod, LEAST_REPEATS } from "../statistics/periods.ts";
import { logNegativeBinomialTail, qValues } from "../statistics/tails.ts";
import { originSubject, startsOf } from "./world.ts";
import { type Detector, MAX_Q } from "./detector.ts";

const HOUR_MS = 3_600_000;
/** Fewer messages in an hour are no burst worth a line. */
const LEAST_BURST = 8;

/** Columns: type, origin, ms; ascending. */
export const bursts: Detector = {
  sql:
    `SELECT o.type, e.origin, e.first_ms FROM pattern_events e JOIN pattern_origins o ON o.origin = e.origin ORDER BY ALL`,
  columns: 3,
  *detect([type, origin, times], world) {
    for (const wanted of new Set(type)) {
      const [from, to] = [type.indexOf(wanted), type.lastIndexOf(wanted) + 1];
      const own = origin.subarray(from, to);
      const ids = [...new Set(own)];
      const places = new Map(ids.map((id, i) => [id, i]));
      const starts = startsOf(own.map((id) => places.get(id)!), ids.length);
      const options = {
        lengthMs: world.lengthMs,
        windowMs: HOUR_MS,
        least: LEAST_BURST,
        maxQ: MAX_Q,
      };
      for (
        const { entity, ...burst } of findBursts(
          { times: times.subarray(from, to), starts },
          options,
        )
      ) {
        const length = formatDuration((burst.untilMs - burst.fromMs) / 1000);
        const text =
          `sent ${
            formatNumber(burst.observed)
          } messages within ${length}, where its own rate gives ` +
          formatNumber(burst.expected);
        yield { kind: "burst", subject: originSubject(world, [ids[entity]]), ...burst, text };
      }
    }
  },
};

/** Columns: origin × 2 + direction, ms by the origin's own clock; ascending. */
export const periods: Detector = {
  sql: `SELECT origin * 2 + direction, made_ms FROM pattern_events
    WHERE origin IN (SELECT origin FROM pattern_origins WHERE messages > ${LEAST_REPEATS}) ORDER BY ALL`,
  columns: 2,
  *detect([stream, times], world) {
    const found = [];
    let tests = 0;
    for (let from = 0, to = 0; from < stream.length; from = to) {
      while (to < stream.length && stream[to] === stream[from]) to++;
      if (to - from <= LEAST_REPEATS) continue;
      tests++;
      const period = findPeriod(times.subarray(from, to));
      if (period) found.push({ origin: stream[from] >> 1, ...period });
    }
    const q = qValues(found.map(({ logP }) => logP), tests);
    for (const [i, { origin, gaps, regular: observed, coherence, ...period }] of found.entries()) {
      if (q[i] > MAX_Q) continue;
      const text =
        `repeats every ${
          formatDuration(period.periodMs / 1000)
        }: ${observed} of ${gaps} gaps are within ` +
        `10 % of that (coherence of phase ${coherence.toFixed(2)})`;
      yield {
        kind: "period",
        subject: originSubject(world, [origin]),
        ...period,
        observed,
        q: q[i],
        text,
      };
    }
  },
};

/** One message per block is what a design with one update per block lets through; this many times that is too much. */
const LOUD_PER_BLOCK = 8;
const BLOCK_MS = 600_000;
/** A shorter window shows bursts rather than habits. */
const LEAST_LOUD_MS = 12 * HOUR_MS;

/** Columns: origin, messages. */
export const loud: Detector = {
  sql: `SELECT origin, CAST(messages AS INTEGER) FROM pattern_origins`,
  columns: 2,
  *detect([origin, messages], world) {
    const expected = world.lengthMs / BLOCK_MS;
    if (world.lengthMs < LEAST_LOUD_MS) return;
    for (const [i, observed] of messages.entries()) {
      if (observed < LOUD_PER_BLOCK * expected) continue;
      const q = Math.min(1, origin.length * Math.exp(logNegativeBinomialTail(observed, expected)));
      const text = `sent ${formatNumber(observed)} messages, ${
        (observed / expected).toFixed(0)
      } per block`;
      const subject = originSubject(world, [origin[i]]);
      yield {
        kind: "loud",
        subject,
        fromMs: 0,
        untilMs: world.lengthMs,
        observed,
        expected,
        q,
        text,
      };
    }
  },
};
