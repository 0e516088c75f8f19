import assert from "node:assert/strict";
import { runQueries } from "../../query_results/run.ts";
import { nodeId } from "../support/fixtures/query_archive.ts";
import { makeSmallArchive } from "../support/fixtures/small_archive.ts";
import { tempDir } from "../support/temp_dir.ts";

const [HOME, LOG] = [1, 2];
/** The node whose log is read; peers 1 and 2 are its own. */
const NODE = 9;

Deno.test("node_relay sets what a node received beside what it sent us", async () => {
  await using dir = await tempDir();
  await makeSmallArchive(dir.join("gossip.duckdb"), {
    collectors: ["home", "home/cln"],
    sessions: [
      { collector: HOME, peer: NODE, from: 5, to: 1000 },
      { collector: LOG, peer: 1, from: 0, to: 1000 },
      { collector: LOG, peer: 2, from: 0, to: 1000 },
    ],
    receipts: [
      // Before the node was our peer.
      { message: 1, collector: LOG, peer: 1, at: 2 },
      // Held for 30 s and 60 s, from its first receipt on.
      { message: 2, collector: LOG, peer: 1, at: 10 },
      { message: 2, collector: LOG, peer: 2, at: 11 },
      { message: 2, collector: HOME, peer: NODE, at: 40 },
      { message: 3, collector: LOG, peer: 2, at: 30 },
      { message: 3, collector: HOME, peer: NODE, at: 90 },
      // Not sent, or only after the cap.
      { message: 4, collector: LOG, peer: 2, at: 50 },
      { message: 5, collector: LOG, peer: 2, at: 60 },
      { message: 5, collector: HOME, peer: NODE, at: 560 },
      // Its log is late: within the uncertainty it counts, beyond it the node had it from elsewhere.
      { message: 6, collector: HOME, peer: NODE, at: 70 },
      { message: 6, collector: LOG, peer: 1, at: 70.5 },
      { message: 7, collector: HOME, peer: NODE, at: 80 },
      { message: 7, collector: LOG, peer: 1, at: 82 },
      // Backlog of our session.
      { message: 8, collector: LOG, peer: 1, at: 12 },
      { message: 8, collector: HOME, peer: NODE, at: 13, warmup: true },
    ],
    more: [
      `INSERT INTO sources VALUES (${LOG}, 'home', 'cln_io_log', 550000, '${nodeId(`${NODE}`)}')`,
    ],
  });
  const { tables } = await runQueries({
    archive: dir.join("gossip.duckdb"),
    out: dir.join("out"),
    only: ["node_relay"],
    settings: { cap_seconds: "100" },
  });
  const { columns, rows } = tables.get("node_relay")!;
  assert.equal(rows.length, 1);
  const row = Object.fromEntries(columns.map(({ name }, i) => [name, rows[0][i]]));
  assert.deepEqual(
    [row.node, row.source, row.type_name, row.received, row.sent, row.not_sent],
    ["home/cln", "cln_io_log", "channel_update", 5, 3, 2],
  );
  assert.equal(row.held_seconds_median, 30);
  assert.equal(row.uncertainty_seconds, 0.55);
});
