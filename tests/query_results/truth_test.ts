/**
 * Figures that wrong clocks, stalls, young sessions and quiet spells must not spoil; the comments work them out.
 */
import assert from "node:assert/strict";
import {
  clocksText,
  emptyText,
  missingText,
  peersText,
} from "../../query_results/report/caption.ts";
import type { Cell } from "../../query_results/format/table.ts";
import { type RunOptions, runQueries, type RunResult } from "../../query_results/run.ts";
import { at } from "../support/fixtures/query_archive.ts";
import { makeSmallArchive, type SmallArchive } from "../support/fixtures/small_archive.ts";
import { tempDir } from "../support/temp_dir.ts";

async function run(spec: SmallArchive, options: Partial<RunOptions> = {}): Promise<RunResult> {
  await using dir = await tempDir();
  const archive = dir.join("gossip.duckdb");
  await makeSmallArchive(archive, spec);
  return await runQueries({ archive, out: dir.join("out"), ...options });
}

/** A cell of the first row. */
function cell({ tables }: RunResult, query: string, column: string): Cell {
  const { columns, rows } = tables.get(query)!;
  return rows[0][columns.findIndex(({ name }) => name === column)];
}

const HOUR = 3600;

/** Eight peers, four at each of two collectors; of 6 messages, one every 600 s, a peer's receipt every 0.1 s. */
const TWO: SmallArchive = {
  collectors: ["alpha", "beta"],
  sessions: [1, 2, 3, 4, 5, 6, 7, 8].map((peer) => ({ peer, collector: 1 + peer % 2, from: 1 })),
  receipts: [1, 2, 3, 4, 5, 6].flatMap((message) =>
    [1, 2, 3, 4, 5, 6, 7, 8].map((peer) => ({
      message,
      peer,
      collector: 1 + peer % 2,
      at: HOUR + 600 * message + 0.1 * (peer - 1),
    }))
  ),
  samples: [1, 2].flatMap((collector) =>
    Array.from({ length: 140 }, (_, i) => 60 * i).map((second) => ({
      collector,
      at: second,
      offset: 0,
      uncertainty: 0.001,
    }))
  ),
};

function wrong(seconds: number): SmallArchive {
  const behind = (collector: number) => collector === 2 ? seconds : 0;
  const samples = TWO.samples!.map((sample) => ({ ...sample, offset: behind(sample.collector) }));
  return { ...TWO, behind, samples };
}

Deno.test("a clock that is ten hours or two years off and measured spoils no figure of any query", async () => {
  const right = await run(TWO);
  assert.equal(cell(right, "convergence_delay", "avg_delay_to_50pct"), 0.35);
  assert.equal(cell(right, "peers_per_message", "peers_per_message"), 8);
  assert.equal(right.frame.movedClocks, 0);
  for (const seconds of [10 * HOUR, -10 * HOUR, 2 * 365 * 24 * HOUR]) {
    const result = await run(wrong(seconds));
    assert.deepEqual(result.frame.window, right.frame.window);
    for (const [name, table] of right.tables) {
      // It shows the clock's error itself.
      if (name === "clock_offsets") continue;
      assert.deepEqual(result.tables.get(name), table, `${name}, ${seconds} s`);
    }
    assert.equal(result.frame.movedClocks, 1);
    assert.match(
      clocksText(result.frame),
      /2 clocks, .* apart: .* known to 2 ms; 1 clock up to .* off, all its times corr/,
    );
  }
});

Deno.test("clock offsets are shown as measured, though all else is corrected", async () => {
  const { tables } = await run(wrong(10 * HOUR), { only: ["clock_offsets"] });
  const { columns, rows } = tables.get("clock_offsets")!;
  const offset = columns.findIndex(({ name }) => name === "offset_milliseconds");
  assert.deepEqual(new Set(rows.map((row) => row[offset])), new Set([0, 10 * HOUR * 1000]));
});

Deno.test("a clock that was set back between two runs is not correctable: no uncertainty, and a warning", async () => {
  // Beta's first run is ten hours ahead; its second began, by a right clock, before the first one's last receipt.
  const ahead = wrong(-10 * HOUR);
  const second = `INSERT INTO epochs SELECT * REPLACE (9 AS epoch_id,
    started_at - INTERVAL 9 HOUR AS started_at, last_receipt_at - INTERVAL 9 HOUR AS last_receipt_at)
    FROM epochs WHERE epoch_id = 2`;
  const sample =
    `INSERT INTO clock_samples SELECT * REPLACE (9 AS epoch_id, 0 AS offset_microseconds)
    FROM clock_samples WHERE epoch_id = 2 LIMIT 1`;
  const result = await run({ ...ahead, more: [second, sample] });
  assert.equal(result.frame.tornClocks, 0, "the second run ended before the first began");
  const later = second.replaceAll("9 HOUR", "1 HOUR").replace(
    "last_receipt_at - INTERVAL 1 HOUR",
    "last_receipt_at",
  );
  const torn = await run({ ...ahead, more: [later, sample] });
  assert.equal(torn.frame.tornClocks, 1);
  assert.equal(cell(torn, "convergence_delay", "uncertainty_seconds"), null);
  assert.match(clocksText(torn.frame), /WARNING: 1 clock set back between two runs/);
});

Deno.test("the clock line says what the delays used", async () => {
  const result = await run(TWO);
  // Each message was heard by both, each clock known to 1 ms.
  assert.equal(cell(result, "convergence_delay", "uncertainty_seconds"), 0.002);
  assert.equal(result.frame.clocks?.uncertaintySeconds, 0.002);
});

Deno.test("a stall makes the delays around it uncertain, and its length is shown", async () => {
  // Ten peers deliver a message within a second; the collector is frozen from the third on and stamps the rest at the end.
  const peers = Array.from({ length: 10 }, (_, i) => i + 1);
  const spec: SmallArchive = {
    collectors: ["alpha"],
    sessions: peers.map((peer) => ({ peer, from: 0 })),
    receipts: peers.map((peer) => ({ message: 1, peer, at: 4000 + (peer < 3 ? peer / 10 : 25) })),
    stalls: [{ from: 4000.25, to: 4025 }],
  };
  const result = await run(spec);
  const uncertain = cell(result, "convergence_delay", "uncertainty_seconds");
  assert.equal(uncertain, 24.75);
  assert.deepEqual([result.frame.stalls, result.frame.stalledSeconds], [1, 24.75]);
  assert.match(clocksText(result.frame), /held up 24\.75 s in 1 stall/);
  const { rows } = result.tables.get("delay_distribution")!;
  assert.ok(rows.every((row) => Number(row.at(-1)) >= 24.75));
  const calm = await run({ ...spec, stalls: [{ from: 100, to: 125 }] });
  assert.equal(cell(calm, "convergence_delay", "uncertainty_seconds"), 0);
});

/** Ten peers, of which six came back five minutes before a message that all deliver. */
const RECONNECTED: SmallArchive = {
  collectors: ["alpha"],
  sessions: [
    ...[1, 2, 3, 4].map((peer) => ({ peer, from: 0 })),
    ...[5, 6, 7, 8, 9, 10].map((peer) => ({ peer, from: 3700 })),
  ],
  receipts: [
    ...[5, 1, 6, 2, 7, 3, 8, 4, 9, 10].map((peer, i) => ({
      message: 1,
      peer,
      at: 4000 + i,
      warmup: peer > 4,
    })),
    // Backlog: a peer that came back sends what was first seen before.
    { message: 2, peer: 1, at: 3600 },
    { message: 2, peer: 9, at: 3701, warmup: true },
    // Backlog that nobody else has.
    { message: 3, peer: 9, at: 3702, warmup: true },
  ],
};

Deno.test("a fresh message counts from young sessions too, backlog does not", async () => {
  const result = await run(RECONNECTED);
  const { rows } = result.tables.get("peers_per_message")!;
  assert.deepEqual(rows.map((row) => row.slice(0, 2)), [[1, 1], [10, 1]]);
  const delays = result.tables.get("convergence_delay")!;
  // Message 1 reached 10 of 10; message 2 was seen when four were subscribed, and reached one of them.
  assert.deepEqual(delays.rows[0].slice(0, 4), ["all", 2, 1, 10]);
  assert.equal(cell(result, "convergence_delay", "avg_delay_to_50pct"), 4.5);
  // 6 of 10 sessions are younger than ten minutes for the 300 s to the end, of 4 · 4009 + 6 · 309 s from the first receipt.
  assert.match(peersText(result.frame), /% of peer time in the first 10 min of a session/);
  assert.ok(result.frame.youngShare > 0.5, `${result.frame.youngShare}`);
});

Deno.test("peers that reconnect every forty minutes take nothing from messages and reach", async () => {
  // Twenty peers, two minutes apart; a quarter of their time is warm-up. A message every 97 s, all within 2 s.
  const peers = Array.from({ length: 20 }, (_, i) => i + 1);
  const openings = (peer: number) =>
    Array.from({ length: 6 }, (_, i) => 2400 * i + 120 * peer - 2400).filter((from) => from < 9600);
  const sessions = peers.flatMap((peer) =>
    openings(peer).map((from) => ({ peer, from: Math.max(from, 0), to: from + 2400 }))
  ).filter(({ from, to }) => to > from);
  const receipts = Array.from({ length: 60 }, (_, i) => 3001 + 97 * i).flatMap((second, message) =>
    peers.map((peer) => {
      const at = second + peer / 10;
      const from = openings(peer).findLast((from) => from <= at)!;
      return { message, peer, at, warmup: at - from < 600 };
    })
  );
  assert.ok(receipts.filter(({ warmup }) => warmup).length > receipts.length / 5);
  const { tables } = await run({ collectors: ["alpha"], sessions, receipts });
  const { rows } = tables.get("peers_per_message")!;
  assert.deepEqual(rows.map(([peers, messages]) => [peers, messages]), [[20, 60]]);
});

Deno.test("where all sessions are young, a message counts that is new by its own timestamp", async () => {
  const young: SmallArchive = {
    collectors: ["alpha"],
    sessions: [1, 2, 3].map((peer) => ({ peer, from: 0 })),
    receipts: [1, 2].flatMap((message) =>
      [1, 2, 3].map((peer) => ({ message, peer, at: 100 + peer, warmup: true }))
    ),
    ownTimestamps: { 1: 60, 2: -600 },
  };
  const { tables } = await run(young);
  assert.deepEqual(tables.get("peers_per_message")!.rows.map((row) => row.slice(0, 2)), [[3, 1]]);
});

Deno.test("no rows: the report says why, and what to set", async () => {
  const backlog: SmallArchive = {
    collectors: ["alpha"],
    sessions: [1, 2, 3].map((peer) => ({ peer, from: 0 })),
    receipts: [1, 2, 3].map((peer) => ({ message: 1, peer, at: 100, warmup: true })),
  };
  await using dir = await tempDir();
  await makeSmallArchive(dir.join("a.duckdb"), backlog);
  const { report } = await runQueries({ archive: dir.join("a.duckdb"), out: dir.join("out") });
  const page = await Deno.readTextFile(report);
  assert.match(page, /No rows: 3 of 3 receipts are warm-up, .* Set include_warmup=true/);
  const { frame } = await run({ ...backlog, receipts: [] });
  assert.equal(emptyText(frame, []), "No rows: the window has no receipts.");
});

Deno.test("the window ends at the last thing known, so that a quiet spell counts", async () => {
  const spec: SmallArchive = {
    collectors: ["alpha"],
    sessions: [{ peer: 1, from: 0 }, { peer: 2, from: 0, to: 3300 }],
    receipts: Array.from({ length: 10 }, (_, i) => ({ message: i + 1, peer: 1, at: 100 * i })),
    samples: [{ collector: 1, at: 3600, offset: 0, uncertainty: 0.001 }],
  };
  const { frame, tables } = await run(spec);
  assert.deepEqual(frame.window, { from: at(0), to: at(3600) + 1 });
  const { columns, rows } = tables.get("message_totals")!;
  const rate = rows[0][columns.findIndex(({ name }) => name === "unique_messages_per_minute")];
  assert.ok(Math.abs(Number(rate) - 10 / 60) < 1e-6, `${rate}`);
});

Deno.test("at another time scale the cap on delays is an hour of network time", async () => {
  // 200 s of the run are 100 minutes at scale 30: a late re-broadcast.
  const spec: SmallArchive = {
    collectors: ["alpha"],
    sessions: [1, 2, 3].map((peer) => ({ peer, from: 0 })),
    receipts: [{ message: 1, peer: 1, at: 700 }, { message: 1, peer: 2, at: 701 }]
      .concat({ message: 1, peer: 3, at: 900 }),
  };
  const most = (result: RunResult) => cell(result, "convergence_delay", "avg_delay_to_99_9pct");
  assert.ok(Number(most(await run(spec))) > 199);
  assert.ok(Number(most(await run(spec, { reference: { scale: 30 } }))) < 1);
  const kept = { reference: { scale: 30 }, settings: { cap_seconds: "3600" } };
  assert.ok(Number(most(await run(spec, kept))) > 199);
});

Deno.test("messages whose bytes are not stored are in every figure, and what is folded together is said", async () => {
  const stored = await run(TWO);
  const digests = await run({ ...TWO, more: ["UPDATE hot_messages SET raw = NULL"] });
  for (const [name, table] of stored.tables) {
    assert.deepEqual(digests.tables.get(name), table, name);
  }
  assert.doesNotMatch(missingText(digests.frame), /folded/);
  const folded = await run({
    ...TWO,
    more: ["UPDATE hot_messages SET type = 65535 WHERE message_id = 2"],
  });
  assert.equal(folded.frame.foldedReceipts, 8);
  assert.match(missingText(folded.frame), /, 8 receipts past all quotas, folded together/);
});
