/**
 * Each query's answer on an archive made by hand; the comments work the figures out. See
 * `support/query_archive.ts` for the archive.
 */
import assert from "node:assert/strict";
import { runQueries, type RunResult } from "../../query_results/run.ts";
import type { Cell, Table } from "../../query_results/format/table.ts";
import {
  ANNOUNCED,
  at,
  HOSTILE_ADDRESS,
  makeQueryArchive,
  nodeId,
} from "../support/fixtures/query_archive.ts";
import { tempDir } from "../support/temp_dir.ts";

/** All queries on the archive made by hand, with bins of 1,000 s unless told otherwise. */
async function answers(
  settings: Record<string, string>,
  only?: readonly string[],
): Promise<RunResult> {
  await using dir = await tempDir();
  await makeQueryArchive(dir.join("gossip.duckdb"));
  return await runQueries({
    archive: dir.join("gossip.duckdb"),
    out: dir.join("out"),
    settings,
    only,
  });
}

/** Rows of some columns. */
function pick(table: Table | undefined, ...names: string[]): Cell[][] {
  assert.ok(table);
  const places = names.map((name) => table.columns.findIndex((column) => column.name === name));
  assert.ok(!places.includes(-1), `no column among ${names}`);
  return table.rows.map((row) => places.map((place) => row[place]));
}

/** Equal but for the last bits of a double. */
function assertClose(actual: readonly (readonly Cell[])[], expected: readonly (readonly Cell[])[]) {
  const rounded = (rows: readonly (readonly Cell[])[]) =>
    rows.map((row) =>
      row.map((value) => typeof value === "number" ? Number(value.toPrecision(12)) : value)
    );
  assert.deepEqual(rounded(actual), rounded(expected));
}

const base = await answers({ bin_seconds: "1000" });
const tables = base.tables;

Deno.test("the frame holds the window, the collectors, the peers subscribed and what is missing", () => {
  const { frame } = base;
  // From A's warm-up receipt of m4 to just after D's late one of m1.
  assert.deepEqual(frame.window, { from: at(50), to: at(5000) + 1 });
  assert.deepEqual(frame.collectors, ["alpha", "beta", "gamma"]);
  assert.equal(frame.peers, 5);
  // All five until gamma was killed at 60.
  assert.equal(frame.peersMost, 5);
  // A and D the whole window, B 50 to 4,000 (once, though two collectors held it), C to 1,000, E to 60.
  const mean = (2 * 4950.000001 + 3950 + 950 + 10) / 4950.000001;
  assertClose([[frame.peersMean]], [[mean]]);
  assert.deepEqual([frame.gaps, frame.missingBatches], [1, 2]);
  assert.deepEqual([frame.unresolvedReceipts, frame.deadLetters], [1, 1]);
  const clocks = { count: 3, measured: 2, apartSeconds: 0.0015, uncertaintySeconds: null };
  assert.deepEqual(frame.clocks, clocks);
});

const DELAYS = ["0_1", "5", "25", "50", "75", "95", "99_9"].map((q) => `avg_delay_to_${q}pct`);

Deno.test("convergence_delay averages each message's quantiles over its peers' first receipts", () => {
  // Within the cap and by peer: m1 0, 5 (B's earlier one, at beta), 20; D's late one is left out. m2 0, 10. m5 0, 2.
  // m3 and m6 have 1 peer of 4 and of 3: below half. m4 was first heard in warm-up, so it is not even seen.
  const m1 = [0.01, 0.5, 2.5, 5, 12.5, 18.5, 19.97];
  const m2 = [0.01, 0.5, 2.5, 5, 7.5, 9.5, 9.99];
  const m5 = [0.002, 0.1, 0.5, 1, 1.5, 1.9, 1.998];
  const mean = m1.map((delay, i) => (delay + m2[i] + m5[i]) / 3);
  assertClose(
    pick(
      tables.get("convergence_delay"),
      "summary_type",
      "messages_seen",
      "message_count",
      "avg_total_peers",
      ...DELAYS,
    ),
    [
      ["all", 5, 3, 7 / 3, ...mean],
      ["channel_update", 4, 3, 7 / 3, ...mean],
      ["node_announcement", 1, 0, null, ...mean.map(() => null)],
    ],
  );
});

Deno.test("convergence_delay takes its cut-off, its cap and warm-up as parameters", async () => {
  const rows = async (settings: Record<string, string>) =>
    pick(
      (await answers(settings, ["convergence_delay"])).tables.get("convergence_delay"),
      "summary_type",
      "messages_seen",
      "message_count",
      "avg_total_peers",
    );
  // With warm-up m4 is seen too; when it was, E was still held: 2 of 5 peers are below half …
  assertClose(await rows({ include_warmup: "true" }), [
    ["all", 6, 3, 7 / 3],
    ["channel_update", 4, 3, 7 / 3],
    ["channel_announcement", 1, 0, null],
    ["node_announcement", 1, 0, null],
  ]);
  // … and at a cut-off of 0.4 exactly enough.
  const [low] = await rows({ include_warmup: "true", reach_share: "0.4" });
  assertClose([low], [["all", 6, 4, 9 / 4]]);
  // Of m1, 3 of 4 peers within the cap; 4 of 4 with D's receipt after 4,900 s.
  const [capped] = await rows({ reach_share: "0.76" });
  assertClose([capped], [["all", 5, 0, null]]);
  const [late] = await rows({ reach_share: "0.76", cap_seconds: "4900" });
  assertClose([late], [["all", 5, 1, 4]]);
});

Deno.test("delay_distribution counts first deliveries by steps of a twentieth of a decade", () => {
  // Of m1, m2 and m5: 0, 0, 0, then 2 s, 5 s, 10 s and 20 s, each in the step that ends at or above it.
  const step = (k: number) => Number((10 ** (k / 20) / 1000).toFixed(6));
  const rows = [
    [0.001, 3, 300 / 7],
    [step(67), 1, 400 / 7],
    [step(74), 1, 500 / 7],
    [10, 1, 600 / 7],
    [step(87), 1, 100],
  ];
  assertClose(
    pick(
      tables.get("delay_distribution"),
      "summary_type",
      "delay_seconds",
      "first_receipts",
      "cumulative_percent",
    ),
    ["all", "channel_update"].flatMap((type) => rows.map((row) => [type, ...row])),
  );
});

Deno.test("message_totals tells first receipts, repeats and deliveries heard twice apart", () => {
  const hours = 4950.000001 / 3600;
  assertClose(
    pick(
      tables.get("message_totals"),
      "summary_type",
      "unique_messages",
      "receipts",
      "first_receipts",
      "repeats",
      "heard_again",
      "warmup_receipts",
      "peers_per_message",
      "unique_messages_per_minute",
      "start_time",
      "end_time",
    ),
    [
      // m1 6 receipts from 4 peers, m2 2, m3 2 from one peer, m4 2, m5 2, m6 1.
      ["all", 6, 15, 12, 1, 2, 1, 2, 6 / hours / 60, at(50), at(5000) + 1],
      ["channel_update", 4, 11, 9, 1, 1, 0, 9 / 4, 4 / hours / 60, at(50), at(5000) + 1],
      ["channel_announcement", 1, 2, 2, 0, 0, 1, 2, 1 / hours / 60, at(50), at(5000) + 1],
      ["node_announcement", 1, 2, 1, 0, 1, 0, 1, 1 / hours / 60, at(50), at(5000) + 1],
    ],
  );
});

Deno.test("message_rates fills every bin for every type, and leaves warm-up out", () => {
  const table = tables.get("message_rates");
  assert.equal(table?.rows.length, 6 * 3);
  const rows = pick(
    table,
    "interval_start",
    "type_name",
    "unique_messages",
    "receipts",
    "unique_per_minute",
    "bin_covered",
  );
  const updates = rows.filter((row) => row[1] === "channel_update");
  assertClose(updates, [
    // m1 and m2; all their receipts but D's.
    [at(0), "channel_update", 2, 7, 0.12, 0.95],
    [at(1000), "channel_update", 1, 2, 0.06, 1],
    [at(2000), "channel_update", 1, 1, 0.06, 1],
    [at(3000), "channel_update", 0, 0, 0, 1],
    [at(4000), "channel_update", 0, 0, 0, 1],
    [at(5000), "channel_update", 0, 1, 0, 1e-9],
  ]);
  // m4 is not live, yet B's receipt of it is.
  assertClose([rows[0]], [[at(0), "channel_announcement", 0, 1, 0, 0.95]]);
  assertClose([rows[1]], [[at(0), "node_announcement", 1, 2, 0.06, 0.95]]);
});

Deno.test("share_by_type divides live messages, deliveries and bytes", () => {
  assertClose(
    pick(tables.get("share_by_type"), ...tables.get("share_by_type")!.columns.map((c) => c.name)),
    [
      // 4 of 5 messages, 9 of 10 deliveries, 400 of 600 and 900 of 1,100 bytes.
      [258, "channel_update", 4, 80, 9, 90, 200 / 3, 900 / 11],
      [257, "node_announcement", 1, 20, 1, 10, 100 / 3, 200 / 11],
    ],
  );
});

Deno.test("message_sizes divides by the seconds that sessions were connected and subscribed", () => {
  // A and D 4,950.000001 s, B twice 3,950, C 950, E 10: both of B's sessions could deliver.
  const seconds = 2 * 4950.000001 + 2 * 3950 + 950 + 10;
  assertClose(
    pick(
      tables.get("message_sizes"),
      "summary_type",
      "unique_messages",
      "min_size",
      "median_size",
      "avg_size",
      "max_size",
      "unique_bytes",
      "delivered_bytes",
      "receipts_per_peer_second",
      "bytes_per_peer_second",
    ),
    [
      ["all", 6, 100, 100, 150, 300, 900, 2100, 15 / seconds, 2100 / seconds],
      ["channel_update", 4, 100, 100, 100, 100, 400, 1100, 11 / seconds, 1100 / seconds],
      ["channel_announcement", 1, 300, 300, 300, 300, 300, 600, 2 / seconds, 600 / seconds],
      ["node_announcement", 1, 200, 200, 200, 200, 200, 400, 2 / seconds, 400 / seconds],
    ],
  );
});

Deno.test("peers_per_message counts each peer once, however many collectors hear it", () => {
  assertClose(
    pick(tables.get("peers_per_message"), "peers_per_message", "message_count", "percentage"),
    // m3 and m6; m2 and m5; m1, whose fourth peer was late.
    [[1, 2, 40], [2, 2, 40], [4, 1, 20]],
  );
});

Deno.test("scid_updates and scid_summary count a channel's live updates and their contents", () => {
  assertClose(
    pick(
      tables.get("scid_updates"),
      "rank",
      "scid_text",
      "scid",
      "updates",
      "directions",
      "contents",
      "cumulative_percent",
      "first_update",
      "last_update",
    ),
    [
      // m1, m2 and m6, of which m6 repeats what m1 said.
      [1, "1x1x0", 2 ** 40 + 2 ** 16, 3, 2, 2, 75, at(100), at(2000)],
      [2, "3x1x0", 3 * 2 ** 40 + 2 ** 16, 1, 1, 1, 100, at(1500), at(1500)],
    ],
  );
  assert.deepEqual(tables.get("scid_summary")?.rows, [
    ["Total SCIDs", 2],
    ["SCIDs with multiple updates", 1],
    ["Avg messages per SCID", 2],
    ["Max updates for single SCID", 3],
    ["Updates from the top 0.1 %, in %", 75],
    ["Updates from the top 1 %, in %", 75],
    ["Updates from the top 10 %, in %", 75],
  ]);
});

Deno.test("node_announcements counts by the node announced", () => {
  assert.deepEqual(tables.get("node_announcements")?.rows, [
    [1, ANNOUNCED, 1, 1, 200, 1, 100, at(300), at(300)],
  ]);
});

Deno.test("active_peers counts who delivered and who was subscribed in each bin", () => {
  assert.deepEqual(
    pick(
      tables.get("active_peers"),
      "interval_start",
      "interval_end",
      "active_peers",
      "subscribed_peers",
    ),
    [
      // A, B and C deliver; D is silent; E is held until 60.
      [at(0), at(1000), 3, 5],
      [at(1000), at(2000), 2, 3],
      [at(2000), at(3000), 1, 3],
      [at(3000), at(4000), 0, 3],
      [at(4000), at(5000), 0, 2],
      [at(5000), at(6000), 1, 2],
    ],
  );
});

Deno.test("repeats_per_peer sets repeats against all receipts and the time connected", () => {
  const hours = (seconds: number) => seconds / 3600;
  assertClose(
    pick(
      tables.get("repeats_per_peer"),
      "node_id",
      "sessions",
      "connected_hours",
      "receipts",
      "repeats",
      "repeat_percent",
    ),
    [
      [nodeId("A"), 1, hours(4950.000001), 6, 1, 100 / 6],
      [nodeId("B"), 2, hours(7900), 5, 0, 0],
      [nodeId("C"), 1, hours(950), 2, 0, 0],
      [nodeId("D"), 1, hours(4950.000001), 2, 0, 0],
    ],
  );
});

Deno.test("signature_verdicts counts messages and receipts by type and verdict", () => {
  assert.deepEqual(tables.get("signature_verdicts")?.rows, [
    ["channel_announcement", "valid", 1, 2, 100],
    ["node_announcement", "valid", 1, 2, 100],
    ["channel_update", "valid", 2, 8, 50],
    ["channel_update", "invalid", 1, 1, 25],
    ["channel_update", "unknown_signer", 1, 2, 25],
  ]);
});

const ONION = `${"e".repeat(56)}.onion:9735`;

Deno.test("sessions lists each session with its length and its end, told or not", () => {
  assertClose(
    pick(
      tables.get("sessions"),
      "collector",
      "node_id",
      "address",
      "connected_seconds",
      "setup_seconds",
      "first_gossip_seconds",
      "ended_by",
      "receipts",
      "counted_at",
      "rtt_median_milliseconds",
    ),
    [
      ["alpha", nodeId("A"), "192.0.2.1:9735", 5000.000001, 2, null, "open", null, null, null],
      ["alpha", nodeId("B"), "192.0.2.2:9735", 4000, 2, 3, "peer", 3, at(4000), 20],
      ["beta", nodeId("B"), "192.0.2.2:9735", 4000, 2, 3, "us", 2, null, null],
      ["beta", nodeId("C"), HOSTILE_ADDRESS, 1000, 2, 3, "network", 2, null, null],
      ["beta", nodeId("D"), "[2001:db8::1]:9735", 5000.000001, 2, null, "open", null, at(50), 40],
      ["gamma", nodeId("E"), ONION, 60, 2, null, "collector ended", null, at(50), 300],
    ],
  );
});

Deno.test("session_ends counts sessions by who ended them and why", () => {
  assertClose(tables.get("session_ends")!.rows, [
    ["open", "", 2, 100 / 3, 2, 5000.000001],
    ["collector ended", "", 1, 50 / 3, 1, 60],
    ["network", "<b>reset</b>", 1, 50 / 3, 1, 1000],
    ["peer", "bye", 1, 50 / 3, 1, 4000],
    ["us", "stop", 1, 50 / 3, 1, 4000],
  ]);
});

Deno.test("round_trips takes each session's median, and counts the pings that got no pong", () => {
  assertClose(tables.get("round_trips")!.rows, [
    // Medians 20, 40 and 300 ms; one ping of 16 went unanswered.
    ["all", 3, 16, 100 / 16, 10, 22, 30, 40, 170, 274, 400],
    ["alpha, clearnet", 1, 10, 10, 10, 20, 20, 20, 20, 20, 90],
    ["beta, clearnet", 1, 2, 0, 30, 40, 40, 40, 40, 40, 50],
    ["gamma, Tor", 1, 4, 0, 200, 300, 300, 300, 300, 300, 400],
  ]);
});

Deno.test("dial_outcomes counts dials by what became of them, with their share of the bin", () => {
  assert.deepEqual(tables.get("dial_outcomes")!.rows, [
    [at(0), at(1000), "refused or unreachable", "refused", "ipv4", 4, 50],
    [at(0), at(1000), "connected", "connected", "ipv4", 3, 37.5],
    [at(0), at(1000), "refused or unreachable", "unreachable", "onion", 1, 12.5],
    [at(1000), at(2000), "timed out", "timed_out", "dns", 2, 100],
  ]);
});

Deno.test("collector_runs and gaps account for what never came", () => {
  assert.deepEqual(
    pick(
      tables.get("collector_runs"),
      "collector",
      "started_at",
      "missing_batches",
      "receipts",
      "stamped_receipts",
      "missing_receipts",
    ),
    [
      ["alpha", at(-10), 0, 10, 10, 0],
      ["beta", at(-10), 2, 5, 12, 7],
      ["gamma", at(-5), 0, 0, 0, 0],
      ["gamma", at(4500), 0, 0, 0, 0],
    ],
  );
  assert.deepEqual(tables.get("gaps")?.rows, [["beta", at(-10), 5, 6, 2, 7, at(400), "missing"]]);
});

Deno.test("clock_offsets takes each bin's surest measurement, and the bounds of all", () => {
  // Alpha was measured before the window; bins are whole thousands of seconds.
  const bin = (seconds: number) => Math.floor(at(seconds) / 1e9) * 1e9;
  assert.deepEqual(tables.get("clock_offsets")?.rows, [
    ["gamma", bin(100), 2, -1.5, 0.1, -2.4, -1.4],
    ["gamma", bin(2000), 1, 3, 0.7, 2.3, 3.7],
  ]);
});

Deno.test("a narrower window counts only messages first seen in it", async () => {
  await using dir = await tempDir();
  await makeQueryArchive(dir.join("gossip.duckdb"));
  const { frame, tables } = await runQueries({
    archive: dir.join("gossip.duckdb"),
    out: dir.join("out"),
    only: ["peers_per_message", "message_totals"],
    window: { from: at(110), to: at(1502) },
  });
  assert.deepEqual(frame.window, { from: at(110), to: at(1502) });
  // m1 and m4 were first seen before, so their later receipts are traffic but no live messages; D's of m5 is after it.
  assert.deepEqual(pick(tables.get("peers_per_message"), "peers_per_message", "message_count"), [
    [1, 2],
    [2, 1],
  ]);
  const all = pick(tables.get("message_totals"), "unique_messages", "receipts", "repeats");
  assert.deepEqual(all[0], [5, 9, 1]);
});

Deno.test("redundancy, first places, blocks, supersession and ids are as worked out by hand", async () => {
  // m1 has 4 peers, m2 and m5 two, m3 and m6 one; m4 is backlog.
  assertClose(
    pick(
      tables.get("redundancy"),
      "summary_type",
      "messages",
      "unique_bytes",
      "delivered_bytes",
      "times_per_byte",
    ),
    [
      ["all", 5, 600, 1100, 11 / 6],
      ["channel_update", 4, 400, 900, 2.25],
      ["node_announcement", 1, 200, 200, 1],
    ],
  );
  const { tables: set } = await answers({ places: "1", block_seconds: "10000" }, [
    "first_places",
    "one_per_block",
  ]);
  // Of m1, m2 and m5, which more than one peer delivered, A was first.
  assertClose(
    pick(set.get("first_places"), "node_id", "delivered", "first_places", "cumulative_percent"),
    [[nodeId("A"), 3, 3, 100], [nodeId("B"), 1, 0, 100], [nodeId("C"), 2, 0, 100], [
      nodeId("D"),
      2,
      0,
      100,
    ]],
  );
  // In ten thousand seconds m6 replaces m1.
  assertClose(
    pick(
      set.get("one_per_block"),
      "summary_type",
      "messages",
      "subjects",
      "kept",
      "percent_left_out",
    ),
    [["channel_update", 4, 3, 3, 25], ["node_announcement", 1, 1, 1, 0]],
  );
  assertClose(pick(tables.get("one_per_block"), "summary_type", "kept"), [
    ["channel_update", 4],
    ["node_announcement", 1],
  ]);
  // m6 says what m1 had said, 1,900 s later; D's delivery of m1, after more than an hour, is past the cap.
  const names = ["percent_nothing_new", "percent_superseded", "percent_before_spread"];
  assertClose(pick(tables.get("superseded"), "summary_type", "messages", ...names), [
    ["channel_update", 4, 25, 25, 0],
    ["node_announcement", 1, 0, 0, 0],
  ]);
  // With it, 95 % of m1's deliveries took until 4,168 s.
  const { tables: late } = await answers({ cap_seconds: "10000" }, ["superseded"]);
  assertClose(pick(late.get("superseded"), ...names), [[25, 25, 25], [0, 0, 0]]);
  assertClose(pick(tables.get("draft_ids"), "channels", "messages"), [
    [2, 4],
    [0, 0],
    [0, 0],
    [0, 0],
    [0, 0],
  ]);
  assert.deepEqual(tables.get("relay_timers")?.rows, [], "no peer has 100 receipts");
});
