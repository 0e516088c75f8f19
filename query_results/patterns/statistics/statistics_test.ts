import fc from "fast-check";
import assert from "node:assert/strict";
import { seededRandom } from "../../../shared/random.ts";
import { burstExtent, findBursts } from "./bursts.ts";
import { communities, likeness } from "./groups.ts";
import { findLevels, pelt } from "./levels.ts";
import { findPeriod } from "./periods.ts";
import {
  logBinomialTail,
  logGamma,
  logNegativeBinomialTail,
  logNormalTail,
  normalQuantile,
  qValues,
} from "./tails.ts";
import { lockstep, NEVER, polish } from "./wide.ts";

const close = (actual: number, expected: number, error = 1e-6) =>
  assert.ok(
    Math.abs(actual - expected) <= error * Math.max(1, Math.abs(expected)),
    `${actual}, not ${expected}`,
  );

Deno.test("tails are those of tables", () => {
  close(logGamma(0.5), Math.log(Math.sqrt(Math.PI)));
  close(logGamma(101), 363.73937555556347);
  // P(X ≥ 15) of a Poisson variable with mean 5, and of binomial(20, .3) ≥ 12.
  close(Math.exp(logNegativeBinomialTail(15, 5)), 0.000226, 1e-5);
  close(Math.exp(logBinomialTail(12, 20, 0.3)), 0.005138, 1e-4);
  // Geometric: size 1, mean 3 has odds 3/4, so P(X ≥ 10) = .75^10.
  close(logNegativeBinomialTail(10, 3, 1), 10 * Math.log(0.75));
  close(Math.exp(logNormalTail(1.959964)), 0.05, 1e-4);
  close(logNormalTail(10), Math.log(1.524e-23), 1e-2);
  close(normalQuantile(0.975), 1.96, 1e-3);
  assert.equal(logNegativeBinomialTail(3, 5), 0);
});

Deno.test("a tail is never above 1, falls with the count, and a Poisson tail is the least spread", () => {
  const positive = fc.double({ min: 0.001, max: 500, noNaN: true });
  fc.assert(fc.property(positive, positive, fc.nat(2000), (mean, size, count) => {
    const [tail, next] = [count, count + 1].map((c) => logNegativeBinomialTail(c, mean, size));
    assert.ok(tail <= 0 && next <= tail + 1e-9);
    if (count > 3 * mean + 5) assert.ok(logNegativeBinomialTail(count, mean) <= tail + 1e-9);
  }));
});

Deno.test("q-values are Benjamini and Hochberg's", () => {
  const p = [0.01, 0.04, 0.03, 0.005];
  assert.deepEqual([...qValues(p.map(Math.log), 4)].map((q) => Number(q.toFixed(6))), [
    0.02,
    0.04,
    0.04,
    0.02,
  ]);
  assert.equal(qValues([], 0).length, 0);
});

const poisson = (rate: number, lengthMs: number, seed: string) => {
  const random = seededRandom(seed);
  const times: number[] = [];
  for (let at = 0; (at -= Math.log(1 - random.next()) / rate) < lengthMs;) times.push(at);
  return Int32Array.from(times);
};
const DAY = 86_400_000, HOUR = 3_600_000;

Deno.test("a burst is found with its extent, and none is among steady entities", () => {
  const steady = Array.from(
    { length: 400 },
    (_, e) => poisson((1 + e % 20) / DAY, DAY, `steady ${e}`),
  );
  const bursting = Int32Array.from([
    ...steady[3],
    ...Array.from({ length: 20 }, (_, i) => 5 * HOUR + i * 90_000),
  ]).sort();
  const options = { lengthMs: DAY, windowMs: HOUR, least: 8, maxQ: 0.01 };
  const events = (all: Int32Array[]) => {
    const starts = new Int32Array(all.length + 1);
    all.forEach((times, e) => starts[e + 1] = starts[e] + times.length);
    return { times: Int32Array.from(all.flatMap((times) => [...times])), starts };
  };
  assert.deepEqual(findBursts(events(steady), options), []);
  const [burst, ...rest] = findBursts(events(steady.with(3, bursting)), options);
  assert.equal(rest.length, 0);
  assert.equal(burst.entity, 3);
  assert.ok(
    Math.abs(burst.fromMs - 5 * HOUR) < 120_000 && Math.abs(burst.untilMs - 5.475 * HOUR) < 120_000,
  );
});

Deno.test("Kleinberg's state leaves out the quiet ends", () => {
  const times = Int32Array.from([
    0,
    1_000_000,
    ...Array.from({ length: 15 }, (_, i) => 2_000_000 + 1000 * i),
    3_000_000,
  ]);
  assert.deepEqual(burstExtent(times, 1e-6, 15 / 14_000), [2_000_000, 2_014_000]);
});

Deno.test("a period is found among other messages, whatever it is; a Poisson process has none", () => {
  fc.assert(
    fc.property(fc.integer({ min: 20, max: 3600 }), fc.nat(), (seconds, seed) => {
      const random = seededRandom(seed);
      let at = 1000;
      const times = [at];
      for (let i = 0; i < 24; i++) times.push(at += seconds * 1000 * (0.98 + 0.04 * random.next()));
      for (let i = 0; i < 3; i++) times.push(at * random.next());
      const period = findPeriod(Int32Array.from(times).sort());
      assert.ok(period !== null && period.logP < Math.log(1e-6));
      assert.ok(Math.abs(period.periodMs / seconds / 1000 - 1) < 0.03);
    }),
    { numRuns: 50 },
  );
  for (let i = 0; i < 200; i++) {
    const period = findPeriod(poisson(100 / DAY, DAY, `poisson ${i}`));
    assert.ok(period === null || period.logP > Math.log(1e-4), `${period?.logP}`);
  }
});

Deno.test("PELT finds what trying all changes finds", () => {
  const least = 3, penalty = 8;
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 3, maxLength: 30 }),
      (numbers) => {
        const values = Float64Array.from(numbers);
        const cost = (a: number, b: number) => {
          const own = values.subarray(a, b), mean = own.reduce((x, y) => x + y, 0) / own.length;
          return own.reduce((sum, value) => sum + (value - mean) ** 2, 0);
        };
        const best = [-penalty];
        for (let end = 1; end <= values.length; end++) {
          best[end] = Infinity;
          for (let start = 0; start <= end - least; start++) {
            best[end] = Math.min(best[end], best[start] + cost(start, end) + penalty);
          }
        }
        const ends = pelt(values, penalty, least);
        const total = ends.reduce(
          (sum, end, i) => sum + cost(ends[i - 1] ?? 0, end) + penalty,
          -penalty,
        );
        close(total, best[values.length], 1e-9);
      },
    ),
  );
});

Deno.test("a doubled level is found in its bins, a bin without data left out", () => {
  const random = seededRandom("level");
  const counts = Float64Array.from(
    { length: 144 },
    (_, i) => (i >= 60 && i < 78 ? 200 : 100) + 20 * (random.next() - 0.5),
  );
  counts[100] = 0;
  const expected = new Float64Array(144).fill(1);
  expected[100] = 0;
  const levels = findLevels(counts, expected, { leastBins: 8, leastFactor: 1.5 });
  assert.deepEqual(levels.map(({ from, to }) => [from, to]), [[60, 78]]);
  assert.ok(levels[0].logP < Math.log(1e-10));
});

Deno.test("two cliques with one link are two communities; loose nodes are their own", () => {
  const weights = new Float64Array(81);
  const link = (a: number, b: number) => weights[a * 9 + b] = weights[b * 9 + a] = 1;
  for (const [from, to] of [[0, 4], [4, 8]]) {
    for (let a = from; a < to; a++) {
      for (let b = from; b < a; b++) link(a, b);
    }
  }
  link(0, 7);
  const of = communities(weights, 9);
  const sets = [...Map.groupBy(of.keys(), (i) => of[i]).values()];
  assert.deepEqual(sets, [[0, 1, 2, 3], [4, 5, 6, 7], [8]]);
});

Deno.test("messages of nearly equal peers are alike, others are not", () => {
  const random = seededRandom("likeness");
  const sets = Array.from(
    { length: 60 },
    (_, m) =>
      Array.from({ length: 200 }, (_, p) => p).filter((p) =>
        m < 20 ? p < 30 && random.next() < 0.9 : random.next() < 0.1
      ),
  );
  const starts = new Int32Array(61);
  sets.forEach((set, m) => starts[m + 1] = starts[m] + set.length);
  const { like } = likeness(
    { peers: Int32Array.from(sets.flat()), starts, peerCount: 200 },
    random,
    0.4,
  );
  assert.deepEqual(
    like.map((count) => Number(count >= 5)),
    Int32Array.from({ length: 60 }, (_, m) => Number(m < 20)),
  );
});

Deno.test("the polish takes peers and messages apart; lockstep is of the pair that is close", () => {
  const random = seededRandom("polish");
  const [peers, messages] = [30, 200];
  const delayMs = Int32Array.from({ length: peers * messages }, (_, i) => {
    const [p, m] = [Math.floor(i / messages), i % messages];
    if (random.next() < 0.1) return NEVER;
    return 100_000 * (p === 7 ? 6 : 1) * (1 + m % 3) * (0.8 + 0.4 * random.next());
  });
  for (let m = 0; m < messages; m++) {
    if (delayMs[m] !== NEVER) delayMs[messages + m] = delayMs[m] + 20;
  }
  const sample = {
    peers,
    origin: new Int32Array(messages),
    firstMs: new Int32Array(messages),
    delayMs,
  };
  const effects = polish(sample);
  close(Math.exp(effects.peers[7] - effects.peers[8]), 6, 0.1);
  close(Math.exp(effects.messages[2] - effects.messages[0]), 3, 0.1);
  assert.deepEqual(lockstep(sample).map(({ a, b }) => [a, b]), [[0, 1]]);
});
