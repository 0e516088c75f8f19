/** The replay against brute force on small recordings, and what it says of archives that it cannot replay. */
import assert from "node:assert/strict";
import { openArchive } from "../../query_results/archive/open.ts";
import { correctClocks } from "../../query_results/archive/clocks.ts";
import { DEFINITIONS } from "../../query_results/catalog/catalog.ts";
import { columnValues } from "../../query_results/format/table.ts";
import {
  Estimate,
  type Estimator,
  sketchSizes,
} from "../../query_results/reconciliation/algorithms/estimators.ts";
import { wireBytes } from "../../query_results/reconciliation/algorithms/wire.ts";
import {
  CellHistogram,
  CellSums,
  countQuantile,
  resample,
} from "../../query_results/reconciliation/replay/bootstrap.ts";
import { collisions } from "../../query_results/reconciliation/replay/collisions.ts";
import { dayTraffic } from "../../query_results/reconciliation/replay/costs.ts";
import { compareDifferences } from "../../query_results/reconciliation/replay/differences.ts";
import { PRESETS, replayDesigns } from "../../query_results/reconciliation/replay/estimation.ts";
import { drawPairs, onlyOneShare } from "../../query_results/reconciliation/replay/pairs.ts";
import { delayWithPeers } from "../../query_results/reconciliation/replay/reach.ts";
import {
  NEVER,
  readRecording,
  type Recording,
} from "../../query_results/reconciliation/replay/recording.ts";
import { differencesOf, roundsOf } from "../../query_results/reconciliation/replay/rounds.ts";
import { runQueries } from "../../query_results/run.ts";
import { seededRandom } from "../../shared/random.ts";
import { at, makeQueryArchive } from "../support/fixtures/query_archive.ts";
import { makeRecordedArchive, makeRecording } from "../support/fixtures/recording.ts";
import { startProgram } from "../support/servers/process.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const SMALL = makeRecording({ peers: 9, messages: 300, seconds: 1200, seed: 1 });
const near = (found: number, expected: number) =>
  assert.ok(
    Math.abs(found - expected) < 1e-9 * Math.max(1, Math.abs(expected)),
    `${found}, not ${expected}`,
  );

/** When a peer had a message, or undefined. */
function receipt({ receivedMs, messages }: Recording, peer: number, m: number): number | undefined {
  const ms = receivedMs[peer * messages + m];
  return ms === NEVER ? undefined : ms;
}

function measured({ messages, firstMs, fromMs, untilMs }: Recording): number[] {
  return [...Array(messages).keys()].filter((m) => firstMs[m] >= fromMs && firstMs[m] < untilMs);
}

function* subsets(n: number, k: number, from = 0): Generator<number[]> {
  if (k === 0) return yield [];
  for (let i = from; i <= n - k; i++) {
    for (const rest of subsets(n, k - 1, i + 1)) yield [i, ...rest];
  }
}

Deno.test("rounds are those of two peers that sync their sets", () => {
  for (const seconds of [1, 7, 30, 100]) {
    for (const [a, b] of subsets(9, 2)) {
      const rounds = roundsOf(
        SMALL,
        { a, b, strata: "" },
        1000 * seconds,
        seededRandom(`${a},${b}`),
      );
      const known = new Set<number>();
      // What either had before round 0 is synced by then.
      for (let m = 0; m < SMALL.messages; m++) {
        for (const peer of [a, b]) if (receipt(SMALL, peer, m)! < rounds.startMs) known.add(m);
      }
      for (let round = 0; round < rounds.count; round++) {
        const endMs = rounds.startMs + (round + 1) * rounds.intervalMs;
        const [setA, setB] = [a, b].map((peer) =>
          new Set(
            [...Array(SMALL.messages).keys()].filter((m) =>
              !known.has(m) && receipt(SMALL, peer, m)! < endMs
            ),
          )
        );
        const difference = setA.symmetricDifference(setB);
        [258, 257, 256].forEach((type, i) => {
          const count = (set: Set<number>) => [...set].filter((m) => SMALL.type[m] === type).length;
          assert.equal(rounds.newA[3 * round + i], count(setA));
          assert.equal(rounds.newB[3 * round + i], count(setB));
          assert.equal(rounds.differences[3 * round + i], count(difference));
        });
        assert.equal(
          rounds.common[round],
          [...difference].filter((m) =>
            receipt(SMALL, a, m) !== undefined && receipt(SMALL, b, m) !== undefined
          ).length,
        );
        assert.equal(differencesOf(rounds, 3)[round], difference.size);
        setA.union(setB).forEach((m) => known.add(m));
      }
    }
  }
});

Deno.test("delay and redundancy with k peers are those of every choice of k", () => {
  const table = delayWithPeers(SMALL);
  const [counts, missedShares, p50s, had] = [
    "peers",
    "missed_share",
    "delay_p50",
    "already_had_share",
  ]
    .map((name) => columnValues(table, name) as number[]);
  const chosen = measured(SMALL);
  assert.deepEqual(counts, [1, 2, 3, 5, 8]);
  counts.forEach((k, i) => {
    const delays: number[] = [];
    let missed = 0, choices = 0;
    for (const peers of subsets(9, k)) {
      for (const m of chosen) {
        choices++;
        const first = Math.min(...peers.map((peer) => receipt(SMALL, peer, m) ?? Infinity));
        if (first === Infinity) missed++;
        else delays.push((first - SMALL.firstMs[m]) / 1000);
      }
    }
    near(missedShares[i], missed / choices);
    const median = delays.sort((x, y) => x - y)[delays.length >> 1];
    assert.ok(Math.abs(p50s[i] - median) <= 1, `${k} peers: ${p50s[i]}, not ${median}`);
    if (k === 8) return;
    let earlier = 0, deliveries = 0;
    for (const m of chosen) {
      for (let peer = 0; peer < 9; peer++) {
        const own = receipt(SMALL, peer, m);
        if (own === undefined) continue;
        const others = [...Array(9).keys()].filter((other) => other !== peer);
        for (const choice of subsets(8, k)) {
          deliveries++;
          if (choice.some((c) => receipt(SMALL, others[c], m)! < own)) earlier++;
        }
      }
    }
    near(had[i], earlier / deliveries);
  });
});

Deno.test("a day's traffic is what the peers delivered, together and on average", () => {
  const { bytes, together } = dayTraffic(SMALL);
  const perDay = 86_400_000 / (SMALL.untilMs - SMALL.fromMs);
  let sum = 0, union = 0, choices = 0;
  for (const peers of subsets(9, 3)) {
    choices++;
    for (const m of measured(SMALL)) {
      const delivered = peers.filter((peer) => receipt(SMALL, peer, m) !== undefined).length;
      sum += delivered * SMALL.sizeBytes[m] / 3;
      if (delivered > 0) union += SMALL.sizeBytes[m] + 34;
    }
  }
  near(bytes, perDay * sum / choices);
  near(together.get(3)!, perDay * union / choices);
  for (const [a, b] of subsets(9, 2)) {
    const had = measured(SMALL).map((m) =>
      [a, b].filter((peer) => receipt(SMALL, peer, m) !== undefined).length
    );
    const share = had.filter((n) => n === 1).length / had.filter((n) => n > 0).length;
    near(onlyOneShare(SMALL, { a, b, strata: "" }, null), share);
  }
});

Deno.test("the draft's rounds cost what its rules say, worked through one by one", () => {
  const recording = makeRecording({ peers: 8, messages: 4000, seconds: 1200, seed: 2 });
  const pairs = drawPairs(recording, 5, seededRandom("pairs"));
  const resamples = resample(pairs.length, recording.fromMs, recording.untilMs, seededRandom("b"));
  const designs = replayDesigns(recording, pairs, resamples, seededRandom("d"), [30]);
  const rounds = pairs.map(
    ((random) => (pair) => roundsOf(recording, pair, 30_000, random))(seededRandom("d")),
  );
  let failed = 0, bytes = 0, differences = 0, count = 0;
  for (const pair of rounds) {
    const last = [8, 8, 8];
    for (let round = 0; round < pair.count; round++) {
      let isFailed = false;
      for (let type = 0; type < 3; type++) {
        const cell = 3 * round + type;
        const [a, b, d] = [pair.newA[cell], pair.newB[cell], pair.differences[cell]];
        const first = Math.min(1024, Math.abs(a - b) + last[type] + 8);
        bytes += wireBytes(9 + 8 * first);
        if (d > first) {
          isFailed = true;
          const second = Math.min(3 * first, 1024);
          bytes += wireBytes(9 + 8 * (second - first));
          if (d > second) bytes += wireBytes(9 + 8 * (1024 - second));
        }
        last[type] = d;
        differences += d;
      }
      if (isFailed) failed++;
      count++;
    }
  }
  const draft = designs.find(({ preset }) => preset === "draft-bolt")!;
  assert.ok(failed > 0 && failed < count);
  near(draft.failed[0], failed / count);
  near(draft.bytesPerDifference[0], bytes / differences);
  assert.ok(draft.failed[1] <= draft.failed[0] && draft.failed[0] <= draft.failed[2]);
});

Deno.test("sketch sizes follow BIP 330, the draft and a moving mean", () => {
  const estimate = new Estimate(8);
  estimate.learn(12, 10, 20);
  const capacity = (estimator: Estimator, most = 1024) =>
    estimate.capacity({ ...PRESETS["draft-bolt"], estimator, capacity: most }, 10, 20, 512);
  assert.equal(capacity("q"), 13); // 10 + 0.1 · 20 + 1
  assert.equal(capacity("k+D+c"), 30); // 10 + 12 + 8
  assert.equal(capacity("ewma"), 30); // 12 + 4 · 4.5
  assert.equal(capacity("fixed", 100), 100);
  assert.deepEqual(sketchSizes(30, 3, 1024), [30, 90, 1024]);
  assert.deepEqual(sketchSizes(500, 3, 1024), [500, 1024]);
  assert.deepEqual(sketchSizes(30, 1, 1024), [30]);
});

Deno.test("both identities hold, and a resample weighs whole pairs and blocks", () => {
  const recording = makeRecording({ peers: 20, messages: 8000, seconds: 7200, seed: 3 });
  const pairs = drawPairs(recording, 60, seededRandom("pairs"));
  const resamples = resample(pairs.length, recording.fromMs, recording.untilMs, seededRandom("b"));
  const { identities } = compareDifferences(recording, pairs, resamples, seededRandom("d"));
  assert.ok(identities.rows.length > 10);
  for (const row of identities.rows) assert.equal(row[4], true, row.join(" "));

  const sums = new CellSums(2, 3), histogram = new CellHistogram(2, 3);
  [[0, 0, 4], [0, 2, 1], [1, 1, 7]].forEach(([pair, block, value]) => {
    sums.add(pair, block, value);
    histogram.add(pair, block, value);
  });
  const weights = { pairs: Uint8Array.of(2, 0), blocks: Uint8Array.of(1, 1, 2) };
  assert.deepEqual([sums.total(), sums.total(weights)], [12, 12]);
  assert.deepEqual([...histogram.counts(weights)], [0, 4, 0, 0, 2, 0, 0, 0]);
  assert.deepEqual([0.5, 0.67, 1].map((share) => countQuantile(histogram.counts(weights), share)), [
    1,
    4,
    4,
  ]);
});

Deno.test("traffic that changes breaks the identity of a steady one, and the table says why", () => {
  const recording = makeRecording({ peers: 10, messages: 3000, seconds: 1200, seed: 4 });
  // All in the first half.
  recording.receivedMs.forEach((ms, i) => {
    if (ms > recording.untilMs / 2) recording.receivedMs[i] = NEVER;
  });
  recording.receivedMs.forEach((ms, i) => {
    if (ms !== NEVER && ms < recording.fromMs) recording.receivedMs[i] = ms + 150_000;
  });
  const pairs = drawPairs(recording, 20, seededRandom("pairs"));
  const resamples = resample(pairs.length, recording.fromMs, recording.untilMs, seededRandom("b"));
  const { identities } = compareDifferences(recording, pairs, resamples, seededRandom("d"), [30]);
  const [, , , off, holds, why] = identities.rows[0];
  assert.ok(Number(off) > 2 || Number(off) < -2, `${off}`);
  assert.equal(holds, false);
  assert.match(String(why), /rate of messages changes|is long beside/);
});

Deno.test("pairs are drawn by seed, each kind in proportion, none twice", () => {
  const recording = makeRecording({ peers: 30, messages: 200, seconds: 1200, seed: 5 });
  const draw = (seed: string, count: number) => drawPairs(recording, count, seededRandom(seed));
  assert.deepEqual(draw("a", 50), draw("a", 50));
  assert.notDeepEqual(draw("a", 50), draw("b", 50));
  const all = draw("a", 10_000);
  assert.equal(all.length, 30 * 29 / 2);
  assert.equal(
    new Set(all.map(({ a, b }) => Math.min(a, b) * 30 + Math.max(a, b))).size,
    all.length,
  );
  const share = (pairs: readonly { strata: string }[], kind: RegExp) =>
    pairs.filter(({ strata }) => kind.test(strata)).length / pairs.length;
  const some = draw("c", 100);
  assert.equal(some.length, 100);
  for (const kind of [/^fast.*fast/, /^slow.*slow/, /1$/]) {
    assert.ok(Math.abs(share(some, kind) - share(all, kind)) < 0.05, `${kind}`);
  }
  const uses = new Map<number, number>();
  for (const { a, b } of some) for (const peer of [a, b]) uses.set(peer, (uses.get(peer) ?? 0) + 1);
  assert.ok(Math.max(...uses.values()) <= 10, "200 places for 30 peers");
});

Deno.test("collisions of short ids are counted, and come as often as chance has it", () => {
  const recording = makeRecording({
    peers: 8,
    messages: 60_000,
    seconds: 1200,
    seed: 6,
    types: [258],
  });
  const { rows } = collisions(recording, seededRandom("salts"));
  const [bits32] = rows as number[][];
  // 50 salts at .42 each: Poisson with mean 21.
  near(bits32[4], 60_000 * 59_999 / 2 / 2 ** 32);
  assert.ok(bits32[3] * 50 > 6 && bits32[3] * 50 < 45, `${bits32[3]}`);
  assert.equal(rows[3][3], 0);
});

async function archived(dir: TempDir, recording: Recording, seconds: number): Promise<string> {
  const path = dir.join("gossip.duckdb");
  await makeRecordedArchive(path, recording, seconds);
  return path;
}

Deno.test("an archive's recording is its first receipts, at network time", async () => {
  await using dir = await tempDir();
  const path = await archived(dir, SMALL, 1200);
  for (const scale of [1, 30]) {
    using reader = await openArchive(path);
    await reader.connection.run(DEFINITIONS);
    await correctClocks(reader.connection);
    const recording = await readRecording(reader.connection, {
      window: { from: at(0), to: at(1200) },
      scale,
      peers: Infinity,
      random: seededRandom("peers"),
    });
    assert.equal(recording.features.length, 9);
    const live = [...Array(SMALL.messages).keys()].filter((m) => SMALL.firstMs[m] < 1_200_000);
    assert.equal(recording.messages, live.length);
    // Peers come shuffled: told apart by their rows.
    const row = (of: Recording, peer: number, columns: number[], factor: number) =>
      columns.map((m) => factor * (receipt(of, peer, m) ?? NEVER / factor)).join();
    const order = live.toSorted((a, b) => SMALL.firstMs[a] - SMALL.firstMs[b] || a - b);
    const expected = SMALL.features.map((_, peer) =>
      order.map((m) => {
        const ms = receipt(SMALL, peer, m);
        return ms === undefined || ms >= 1_200_000 ? NEVER : scale * ms;
      }).join()
    );
    const found = recording.features.map((_, peer) => row(recording, peer, [...order.keys()], 1));
    assert.deepEqual(found.sort(), expected.sort());
    assert.deepEqual([...recording.type], order.map((m) => SMALL.type[m]));
    assert.deepEqual(recording.untilMs, scale * 1_200_000 - recording.fromMs);
  }
});

/** Runs a command of the lab, which may read and write `dir`. */
async function lab(dir: TempDir, ...args: string[]): Promise<{ code: number; text: string }> {
  const permissions = ["-P=lab", `--allow-read=.,${dir.path}`, `--allow-write=${dir.path}`];
  await using program = startProgram("query_results/reconciliation/main.ts", args, permissions);
  const { code } = await program.wait();
  return { code, text: program.lines.filter((line) => !/config file/.test(line)).join("\n") };
}

Deno.test("the command answers every question with a CSV, a chart and sentences", async () => {
  await using dir = await tempDir();
  const recording = makeRecording({ peers: 24, messages: 2500, seconds: 3600, seed: 8 });
  const path = await archived(dir, recording, 3600);
  const out = dir.join("out");
  const flags = ["replay", "--archive", path, "--pairs", "40", "--out"];
  const { code, text } = await lab(dir, ...flags, out);
  assert.equal(code, 0, text);
  assert.match(text, /^\d+ %: comparing pairs, about .* left$/m);
  assert.match(text, /^Peers delivered each byte \d/m);
  assert.match(
    text,
    /At 30 s two peers differ by at most \d+ \(\d+–\d+\) channel updates in 99.9 % of rounds/,
  );
  assert.match(
    text,
    /The draft's estimator fails in [\d.]+ \(.*\) % of rounds and costs [\d.]+ .* bytes per difference/,
  );
  assert.match(
    text,
    /With 3 links a node would receive .* per day by flooding, and .* by the draft's design/,
  );
  const page = await Deno.readTextFile(`${out}/index.html`);
  assert.ok(page.includes("What set reconciliation would save"));
  const questions = [
    ...[
      "set_difference",
      "difference_by_implementation",
      "identities",
      "sketch_capacity",
      "estimators",
      "q_stability",
      "already_had",
    ],
    ...[
      "delay_with_peers",
      "slow_peers",
      "missing_messages",
      "id_collisions",
      "cpu",
      "bytes_per_day",
    ],
    ...["redundancy", "first_places", "relay_timers", "one_per_block", "superseded", "draft_ids"],
  ];
  for (const name of questions) {
    const csv = await Deno.readTextFile(`${out}/${name}.csv`);
    assert.ok(csv.trim().split("\r\n").length > 1, `${name} has no rows`);
    await Deno.stat(`${out}/${name}.svg`);
    assert.ok(page.includes(`id="${name}"`), name);
  }
  const again = dir.join("again");
  await lab(dir, ...flags, again);
  for (const name of ["set_difference", "estimators", "bytes_per_day"]) {
    assert.equal(
      await Deno.readTextFile(`${again}/${name}.csv`),
      await Deno.readTextFile(`${out}/${name}.csv`),
    );
  }
});

Deno.test("a report opens with what reconciliation would save, or why that is unknown", async () => {
  await using dir = await tempDir();
  const path = await archived(
    dir,
    makeRecording({ peers: 10, messages: 1500, seconds: 1800, seed: 9 }),
    1800,
  );
  const { opening } = await runQueries({
    archive: path,
    out: dir.join("out"),
    only: ["redundancy"],
  });
  assert.equal(opening.figures.length, 4);
  assert.equal(opening.sentences.length, 4);
  assert.match(opening.limits, /^Counterfactual, from 45 pairs of 10 of 10 peers that stayed/);

  const one = dir.join("one.duckdb");
  const types = [257];
  await makeRecordedArchive(
    one,
    makeRecording({ peers: 9, messages: 900, seconds: 1800, seed: 1, types }),
    1800,
  );
  const { opening: single } = await runQueries({
    archive: one,
    out: dir.join("one"),
    only: ["gaps"],
  });
  assert.match(single.limits, /messages of one type only/);
  assert.match(single.sentences[1], /messages in 99.9 % of rounds/);

  const tiny = dir.join("tiny.duckdb");
  await makeQueryArchive(tiny);
  const { opening: none, report } = await runQueries({
    archive: tiny,
    out: dir.join("tiny"),
    only: ["gaps"],
  });
  assert.deepEqual(none.figures, []);
  const [why, ...more] = none.sentences;
  assert.equal(
    why,
    "Cannot compare peers: 2 of them stayed connected and subscribed for the whole window of " +
      "82.5 min, at least 8 are needed; choose another window",
  );
  assert.deepEqual(more, []);
  assert.ok((await Deno.readTextFile(report)).includes(why));
});

Deno.test("a peer that sends every minute is in step with 60 s and 5 s, not with 90 s", async () => {
  await using dir = await tempDir();
  const recording = makeRecording({ peers: 9, messages: 102, seconds: 6120, seed: 1 });
  recording.receivedMs.forEach((_, i) => recording.receivedMs[i] = 60_000 * (i % 102));
  recording.firstMs.forEach((_, m) => recording.firstMs[m] = 60_000 * m);
  const archive = await archived(dir, recording, 6120);
  const { tables } = await runQueries({ archive, out: dir.join("out"), only: ["relay_timers"] });
  const table = tables.get("relay_timers")!;
  assert.equal(table.rows.length, 9);
  for (const [, receipts, trickle, minute, flush] of table.rows) {
    assert.deepEqual([receipts, Math.round(Number(trickle)), Math.round(Number(minute))], [
      102,
      1,
      1,
    ]);
    assert.ok(Number(flush) < 0.01, `${flush}`);
  }
});

Deno.test("a replay that cannot be is one line, and leaves no report", async () => {
  await using dir = await tempDir();
  const path = await archived(dir, SMALL, 1200);
  const out = dir.join("out");
  const refusal = async (...flags: string[]) => {
    const { code, text } = await lab(dir, "replay", "--archive", path, "--out", out, ...flags);
    assert.equal(code, 2);
    return text.split("\n").filter((line) => !/^\d+ %/.test(line)).join("\n");
  };
  const iso = (seconds: number) => new Date(at(seconds) / 1000).toISOString();
  assert.match(
    await refusal("--from", iso(0), "--until", iso(100)),
    /too short for several of them/,
  );
  assert.match(
    await refusal("--from", iso(2000), "--until", iso(9000)),
    /^Cannot compare peers: 0 of them stayed/,
  );
  assert.match(await refusal("--from", iso(-900), "--until", iso(-100)), /no live messages/);
  await Deno.writeTextFile(`${out}/index.html`, "an earlier report");
  assert.match(await refusal("--from", iso(0), "--until", iso(100)), /too short/);
  await assert.rejects(Deno.stat(`${out}/index.html`), Deno.errors.NotFound);
});
