/** What stands out: patterns put into planned traffic are found, faults of the data are told apart, and plain traffic has none. */
import { DuckDBInstance } from "@duckdb/node-api";
import assert from "node:assert/strict";
import { keepRows, writeResults, writeRun } from "../../archiver/analytics/results.ts";
import { openArchive } from "../../query_results/archive/open.ts";
import { runQueries } from "../../query_results/run.ts";
import { columnValues, type Table } from "../../query_results/format/table.ts";
import {
  nodeId,
  PATTERN_START,
  PatternArchive,
  sqlAt,
} from "../support/fixtures/pattern_archive.ts";
import {
  foundIn,
  groupIndex,
  injectBursts,
  injectFaults,
  injectGroups,
  injectLevels,
  injectPeerLevels,
  injectPeriods,
  injectPublished,
  injectTypeLevel,
  isListed,
  PUBLISHED_FREQUENCIES,
  PUBLISHED_SECONDS,
  scored,
  speakers,
} from "../support/fixtures/pattern_injections.ts";
import { DAY_US } from "../../shared/time.ts";
import { tempDir } from "../support/temp_dir.ts";

/** A day with a seventh of the channels and nodes, each as busy as in the real run. */
const SMALL = { peers: 25, seconds: 86_400, messages: 50_000 };

Deno.test("bursts, periods and levels that were put in are found, and hardly anything else", async () => {
  const archive = new PatternArchive({ ...SMALL, seed: "found" });
  const who = speakers(archive);
  const truths = [
    ...injectBursts(archive, 30, who),
    ...injectPeriods(archive, 20, who),
    ...injectLevels(archive, 1),
    injectTypeLevel(archive),
    ...injectPeerLevels(archive, 3),
  ];
  const { findings } = await foundIn(archive);
  for (
    const [kind, recall, precision] of [["burst", 0.95, 0.8], ["period", 0.95, 0.95], [
      "level",
      0.8,
      0.8,
    ]] as const
  ) {
    const score = scored(kind, findings, truths);
    assert.ok(
      score.found >= recall * score.truths,
      `${kind}: ${score.found} of ${score.truths} found`,
    );
    assert.ok(
      score.right >= precision * score.findings,
      `${kind}: ${score.right} of ${score.findings} right`,
    );
  }
});

Deno.test("plain traffic has no patterns", async () => {
  const { findings } = await foundIn(new PatternArchive({ ...SMALL, seed: "plain" }));
  assert.deepEqual(findings.map(({ text }) => text), []);
});

Deno.test("gap, restart, stall and clock step are data faults, and so is what they do", async () => {
  const archive = new PatternArchive({ ...SMALL, seed: "faults" });
  const truths = injectFaults(archive);
  const found = await foundIn(archive);
  for (const truth of truths) assert.ok(isListed(found, truth), truth.kind);
  assert.deepEqual(found.findings.map(({ text }) => text), []);
  assert.ok(found.explained.length > 0 && found.explained.every(({ beside }) => beside !== ""));
});

Deno.test("groups that share narrow messages are found whole", async () => {
  const archive = new PatternArchive({
    peers: 320,
    seconds: 86_400,
    messages: 8000,
    seed: "groups",
  });
  const truths = injectGroups(archive, [30, 32], 50);
  const { findings } = await foundIn(archive);
  for (const truth of truths) assert.ok(groupIndex(findings, truth) >= 0.8);
  assert.equal(findings.filter(({ kind }) => kind === "group").length, truths.length);
});

Deno.test("a burst of all channels of a node is one finding, and peers in lockstep are another", async () => {
  const archive = new PatternArchive({ ...SMALL, messages: 10_000, seed: "one cause" });
  const channels = Array.from({ length: 40 }, (_, i) => 500 + i);
  for (const origin of channels) {
    for (let i = 0; i < 16; i++) {
      archive.inject({
        type: 258,
        origin,
        atMs: 36e6 + 100_000 * i + 40_000 * archive.random.next(),
      });
    }
    archive.inject({ type: 256, origin, atMs: 1000 });
  }
  // Node 1 of each channel is the same; a channel_announcement names it after signatures, features, chain and scid.
  const before = "00".repeat(300);
  archive.statements.push(
    `UPDATE hot_messages SET raw = unhex('${before}' || '${nodeId(77)}' || '${nodeId(78)}' || '${
      "00".repeat(66)
    }')
     WHERE type = 256`,
  );
  // One that says its features are longer than it is names no node.
  archive.inject({ type: 256, origin: 499, atMs: 1000 });
  archive.statements.push(
    `UPDATE hot_messages SET raw = unhex(repeat('ff', 500)) WHERE scid >> 40 = 700499`,
  );
  const [first, second] = [3, 9];
  const twin = new Map<number, number>();
  archive.change((peer, atMs, message) => {
    if (peer === first) twin.set(message, atMs);
    return atMs;
  });
  archive.change((peer, atMs, message) =>
    peer === second ? twin.has(message) ? twin.get(message)! + 15 : null : atMs
  );
  const { findings } = await foundIn(archive);
  const bursts = findings.filter(({ kind }) => kind === "burst");
  assert.deepEqual(bursts.map(({ subject }) => subject.name), [`node ${nodeId(77)}`]);
  assert.equal(bursts[0].subject.origins?.length, channels.length);
  const [together] = findings.filter(({ kind }) => kind === "lockstep");
  assert.deepEqual(together?.subject.peers, [first, second]);
});

Deno.test("origins that some peers never deliver are one finding", async () => {
  const archive = new PatternArchive({ ...SMALL, messages: 20_000, seed: "never" });
  const [hidden, peers] = [[0, 1, 2, 3, 4, 5], [2, 5, 8]];
  for (const origin of hidden) {
    for (let i = 0; i < 12; i++) {
      const all = Array.from({ length: SMALL.peers }, (_, p) => p).filter((p) =>
        !peers.includes(p)
      );
      archive.inject({
        type: 258,
        origin: origin + 1500,
        atMs: 70e6 * archive.random.next(),
        peers: all,
      });
    }
  }
  const { findings } = await foundIn(archive);
  const found = findings.filter(({ kind }) => kind === "never delivered");
  assert.deepEqual(found.map(({ subject }) => subject.peers), [peers]);
});

Deno.test("stale and future timestamps, large messages and changing addresses are named, each kind once", async () => {
  const archive = new PatternArchive({ ...SMALL, messages: 20_000, seed: "odd" });
  const day = 86_400_000;
  for (let i = 0; i < 6; i++) {
    archive.inject({ type: 258, origin: 1500 + i, atMs: 40e6, ownMs: 40e6 - 20 * day });
    archive.inject({ type: 257, origin: 1500 + i, atMs: 50e6, ownMs: 50e6 + 3_600_000 });
  }
  const node = nodeId(3);
  archive.statements.push(
    `UPDATE hot_messages SET size = 900 WHERE message_id = (SELECT min(message_id) FROM hot_messages WHERE type = 258)`,
    // Addresses of seven bytes, of which node 3's last one counts up.
    `UPDATE hot_messages SET raw = unhex(repeat('00', 140) || '0007' || repeat('01', 6)
      || CASE WHEN node_id = '${node}' THEN printf('%02x', message_id % 256) ELSE '00' END) WHERE type = 257`,
  );
  const { findings } = await foundIn(archive);
  const found = findings.map(({ kind, subject }) => [kind, subject.name]).sort();
  assert.deepEqual(found, [
    ["changing addresses", `node ${node}`],
    ["future timestamp", "future timestamp of nodes"],
    ["large message", "large message of channels"],
    ["stale timestamp", "stale timestamp of channels"],
  ]);
});

const published = PUBLISHED_FREQUENCIES === null
  ? " (skipped: ../shared/data/run-2025-09-26 is not there)"
  : "";

Deno.test({
  name:
    `of the run of 2025-09-26, the timers and the busiest channel and node are found${published}`,
  ignore: PUBLISHED_FREQUENCIES === null,
  async fn() {
    const archive = new PatternArchive({
      peers: 4,
      seconds: PUBLISHED_SECONDS,
      messages: 0,
      seed: "published",
    });
    const truths = await injectPublished(archive, PUBLISHED_FREQUENCIES!);
    assert.deepEqual(truths.map(({ kind }) => kind), [
      "loud",
      ...Array(11).fill("period"),
      "period",
    ]);
    const { findings } = await foundIn(archive);
    for (const { kind, entity } of truths) {
      const found = findings.find((finding) => finding.subject.name === entity);
      assert.ok(
        found && (found.kind === kind || kind === "period" && found.text.includes("repeats every")),
        `${kind} of ${entity}`,
      );
    }
    const { text } = findings.find(({ kind, subject }) =>
      kind === "period" && subject.name.startsWith("channel")
    )!;
    assert.match(text, /repeats every (89|90)(\.\d+)? s/);
  },
});

const COLUMNS = [
  "rank",
  "kind",
  "entity",
  "from",
  "until",
  "observed",
  "expected",
  "q_value",
  "effect",
  "evidence_sql",
  "data_faults",
];

Deno.test("patterns.csv has its columns, each row's evidence runs and shows receipts, the report has sentences", async () => {
  await using dir = await tempDir();
  const path = dir.join("gossip.duckdb");
  const archive = new PatternArchive({ ...SMALL, messages: 20_000, seed: "report" });
  const [burst] = injectBursts(archive, 1, speakers(archive));
  archive.statements.push(
    `INSERT INTO stalls VALUES (1, 1, ${sqlAt(40e6)}, ${sqlAt(40e6 + 60_000)})`,
  );
  await archive.write(path);
  const { report, tables } = await runQueries({
    archive: path,
    out: dir.join("out"),
    only: ["patterns"],
  });
  const table = tables.get("patterns")!;
  assert.deepEqual(table.columns.map(({ name }) => name), COLUMNS);
  assert.equal(
    (await Deno.readTextFile(dir.join("out", "patterns.csv"))).split("\r\n")[0],
    COLUMNS.join(","),
  );
  assert.deepEqual(columnValues(table, "rank"), table.rows.map((_, i) => i + 1));
  assert.deepEqual(columnValues(table, "entity").slice(0, 1), [burst.entity]);
  assert.ok(
    columnValues(table, "data_faults").some((text) => String(text).startsWith("stall at vps1")),
  );
  using reader = await openArchive(path);
  for (const sql of columnValues(table, "evidence_sql")) {
    const rows = await reader.connection.runAndReadAll(String(sql));
    assert.ok(rows.columnNames().includes("received_at") && rows.currentRowCount > 0, String(sql));
  }
  const page = await Deno.readTextFile(report);
  assert.match(page, new RegExp(`<p>${burst.entity} sent \\d+ messages within`));
  assert.match(page, /<svg class="spark" role="img"/);
});

Deno.test("a pattern that runs before found is known for so many runs, another is new", async () => {
  await using dir = await tempDir();
  const path = dir.join("gossip.duckdb");
  const archive = new PatternArchive({ ...SMALL, messages: 20_000, seed: "history" });
  const [old, fresh] = injectBursts(archive, 2, speakers(archive));
  await archive.write(path);
  const kept = (entity: string): Table => ({
    columns: [{ name: "kind", kind: "text" }, { name: "entity", kind: "text" }, {
      name: "effect",
      kind: "number",
    }],
    rows: [["burst", entity, 30], ["data fault", "collector vps1", null]],
  });
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  for (const [ago, entity] of [[3, "channel 1x1x1"], [2, old.entity], [1, old.entity]] as const) {
    const window = { from: PATTERN_START - ago * DAY_US, to: PATTERN_START - (ago - 1) * DAY_US };
    const times = { startedAt: window.to, finishedAt: window.to };
    const end = { outcome: "done", folder: "" } as const;
    const id = await writeRun(connection, { set: "daily", window, settings: {}, ...times, end });
    await writeResults(connection, id, [keepRows("patterns", kept(entity), 1000)]);
  }
  connection.closeSync();
  instance.closeSync();
  const only = ["patterns", "pattern_history"];
  const { report, tables } = await runQueries({
    archive: path,
    out: dir.join("out"),
    only,
    window: { from: PATTERN_START },
  });
  const page = await Deno.readTextFile(report);
  const note = (entity: string) =>
    page.split("<li>").find((item) => item.includes(`<p>${entity} sent`));
  assert.match(note(old.entity)!, /for 3 runs in a row/);
  assert.match(note(fresh.entity)!, /new since the run before/);
  const history = tables.get("pattern_history")!;
  const rows = ["entity", "days", "days_in_a_row", "is_new", "is_gone"].map((name) =>
    columnValues(history, name)
  );
  assert.deepEqual(rows, [[old.entity, "channel 1x1x1"], [2, 1], [2, 1], [false, false], [
    false,
    true,
  ]]);
});
