/** What stands out: patterns put into planned traffic are found, faults of the data are told apart, and plain traffic has none. */
import assert from "node:assert/strict";
import { openArchive } from "../../query_results/archive/open.ts";
import { runQueries } from "../../query_results/run.ts";
import { columnValues } from "../../query_results/format/table.ts";
import { nodeId, PatternArchive, sqlAt } from "../support/fixtures/pattern_archive.ts";
import {
  foundIn,
  groupIndex,
  injectBursts,
  injectFaults,
  injectGroups,
  injectLevels,
  injectPeerLevels,
  injectPeriods,
  injectTypeLevel,
  isListed,
  scored,
  speakers,
} from "../support/fixtures/pattern_injections.ts";
import { tempDir } from "../support/temp_dir.ts";

/** A day with a seventh of the channels and nodes, each as busy as in the real run. */
const SMALL = { peers: 25, seconds: 86_400, messages: 60_000 };

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
  for (const seed of ["plain 1", "plain 2"]) {
    const { findings } = await foundIn(new PatternArchive({ ...SMALL, seed }));
    assert.deepEqual(findings.map(({ sentence }) => sentence), []);
  }
});

Deno.test("gap, restart, stall and clock step are data faults, and so is what they do", async () => {
  const archive = new PatternArchive({ ...SMALL, seed: "faults" });
  const truths = injectFaults(archive);
  const found = await foundIn(archive);
  for (const truth of truths) assert.ok(isListed(found, truth), truth.kind);
  assert.deepEqual(found.findings.map(({ sentence }) => sentence), []);
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
  assert.deepEqual(bursts.map(({ entity }) => entity), [`node ${nodeId(77)}`]);
  assert.equal(bursts[0].origins?.length, channels.length);
  const [together] = findings.filter(({ kind }) => kind === "lockstep");
  assert.deepEqual(together?.peers, [first, second]);
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
  assert.deepEqual(found.map(({ peers }) => peers), [peers]);
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
