import assert from "node:assert/strict";
import { REACH, REAL_RUN } from "./real_run.ts";

/** The published results, where they are at hand. */
const published = new URL("../../../shared/data/run-2025-09-26/", import.meta.url);
const missing = await Deno.stat(published).then(() => false, () => true);

async function rows(file: string): Promise<string[][]> {
  const text = await Deno.readTextFile(new URL(file, published));
  return text.trim().split("\n").slice(1).map((line) => line.split(","));
}

Deno.test({
  name: "the compact peers-per-message histogram sums up the published one",
  ignore: missing,
  async fn() {
    const all = (await rows("peers_per_message.csv")).map(([peers, messages]) => ({
      peers: Number(peers),
      messages: Number(messages),
    }));
    let told = 0;
    for (const { low, high, messages } of REACH) {
      const expected = all.filter(({ peers }) => peers >= low && peers <= high)
        .reduce((sum, row) => sum + row.messages, 0);
      const found = messages.reduce((a, b) => a + b, 0);
      // Rounding the split over the types moved one message.
      assert.ok(Math.abs(found - expected) <= 1, `${low} to ${high}: ${found}, not ${expected}`);
      told += found;
    }
    assert.equal(told, all.reduce((sum, row) => sum + row.messages, 0));
    const converged = all.filter(({ peers }) => peers >= REAL_RUN.convergenceLeastPeers);
    assert.equal(
      converged.reduce((sum, row) => sum + row.messages, 0),
      REAL_RUN.convergenceMessages,
    );
  },
});

Deno.test({
  name: "the real run's figures are the published ones",
  ignore: missing,
  async fn() {
    const [[, ...delays]] = await rows("conv_delay.csv");
    assert.deepEqual(
      REAL_RUN.convergence.map(([, seconds]) => seconds.toFixed(3)),
      delays.slice(2).map((seconds) => Number(seconds).toFixed(3)),
    );
    for (const [code, , total, unique] of await rows("msg_rate_uniq_by_type.csv")) {
      const type = 255 + Number(code) as 256 | 257 | 258;
      assert.equal(REAL_RUN.receiptsByType[type], Number(total));
      assert.equal(REAL_RUN.messagesByType[type], Number(unique));
    }
    const active = (await rows("peer_count_over_time.csv")).map((row) => Number(row[2]));
    const steps = REAL_RUN.activePeers.length - 1;
    REAL_RUN.activePeers.forEach((peers, i) => {
      assert.equal(peers, active[Math.round(i * (active.length - 1) / steps)]);
    });
  },
});
