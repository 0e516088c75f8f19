// Detectors of origins that do in most of their messages what others do in few: sign the same again, change alias or address.

import { formatNumber } from "../../format/numbers.ts";
import { logBinomialTail, qValues } from "../statistics/tails.ts";
import { originSubject } from "./world.ts";
import { type Detector, MAX_Q } from "./detector.ts";

/** What all do is no finding, however much it is: this times the share of all origins is no more than usual. */
const MARGIN = 1.2;

/**
 * @param sql its columns: origin, messages, those that do it.
 * @param least fewer are not worth a line.
 * @param share is usual, or more where more is.
 */
function shareDetector(
  kind: string,
  sql: string,
  least: number,
  share: number,
  does: string,
): Detector {
  return {
    sql,
    columns: 3,
    *detect([origin, messages, hits], world) {
      const sum = (values: Int32Array) => values.reduce((sum, value) => sum + value, 0);
      const usual = Math.min(
        0.99,
        Math.max(share, MARGIN * sum(hits) / Math.max(1, sum(messages))),
      );
      const q = qValues(
        Float64Array.from(origin, (_, i) => logBinomialTail(hits[i], messages[i], usual)),
        origin.length,
      );
      for (const [i, observed] of hits.entries()) {
        if (observed < least || q[i] > MAX_Q) continue;
        const text = `${does} in ${formatNumber(observed)} of ${
          formatNumber(messages[i])
        } messages`;
        const [subject, expected] = [originSubject(world, [origin[i]]), usual * messages[i]];
        yield {
          kind,
          subject,
          fromMs: 0,
          untilMs: world.lengthMs,
          observed,
          expected,
          q: q[i],
          text,
        };
      }
    },
  };
}

/** The same content as before, but for signature and timestamp. */
export const resigned: Detector = shareDetector(
  "re-signed",
  `SELECT origin, CAST(count(*) AS INTEGER), CAST(count(*) - count(DISTINCT (direction, inner_id)) AS INTEGER)
  FROM pattern_events WHERE inner_id IS NOT NULL GROUP BY origin`,
  20,
  0.5,
  "signed the same content again",
);

/** Another alias or other addresses than before; of announcements whose bytes are kept. */
export const changing: readonly Detector[] = ["alias", "addresses"].map((what) =>
  shareDetector(
    `changing ${what}`,
    `SELECT origin, CAST(count(*) AS INTEGER), CAST(count(*) FILTER (${what} <> before) AS INTEGER)
    FROM (SELECT origin, ${what}, lag(${what}) OVER (PARTITION BY origin ORDER BY made_ms) AS before FROM pattern_nodes)
    WHERE before IS NOT NULL GROUP BY origin`,
    5,
    0.2,
    `changed its ${what}`,
  )
);
