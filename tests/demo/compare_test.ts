import assert from "node:assert/strict";
import { Store } from "../../archiver/store/store.ts";
import { seededRandom } from "../../shared/random.ts";
import { compareWithLedger, type Comparison, isFaithful } from "./compare.ts";
import { Ledger, LEDGER_FILES } from "../simnet/ledger.ts";
import { BatchMaker, nodeId, plainMessage } from "../support/fixtures/batch_maker.ts";
import { encodeDigest } from "../../shared/batch/digest.ts";
import { gossipFacts } from "../../shared/bolt/facts.ts";
import { createHash } from "node:crypto";
import { ManualClock } from "../support/manual_clock.ts";
import { tempDir } from "../support/temp_dir.ts";

const PEERS = 3;
const MESSAGES = 20;

/** Archive and ledger of a run in which each peer sent each message once, and peer 0 message 0 three times. */
async function recordedRun(dir: string): Promise<{ archive: string; ledger: string }> {
  const archive = `${dir}/archive.duckdb`;
  const maker = new BatchMaker();
  const raws = Array.from({ length: MESSAGES }, (_, i) => plainMessage(i));
  const sends: [peer: number, message: number][] = [[0, 0], [0, 0]];
  for (let peer = 0; peer < PEERS; peer++) raws.forEach((_, i) => sends.push([peer, i]));
  const sessions = Array.from({ length: PEERS }, (_, peer) => maker.session(peer));
  const numbers = raws.map((raw) => maker.message(raw));
  sends.forEach(([peer, message], i) => {
    maker.receipt(maker.epoch + 10_000 + i, numbers[message], sessions[peer]);
  });
  await using store = await Store.open(
    { path: archive, memoryLimitBytes: 64 * 1024 * 1024, threads: 1 },
    { clock: new ManualClock(), random: seededRandom(1) },
  );
  await store.commit([maker.close()]);

  using ledger = new Ledger(dir);
  raws.forEach((raw, i) => ledger.message(i, raw));
  for (const [peer, message] of sends) ledger.wrote(peer, message);
  ledger.write(Array.from({ length: PEERS }, (_, peer) => `${nodeId(peer)}@127.0.0.1:${peer}`));
  return { archive, ledger: dir };
}

/** Compares after `change` was made to one of the ledger's files, given and giving back its lines. */
async function comparedAfter(
  file: keyof typeof LEDGER_FILES,
  change: (lines: string[]) => string[],
): Promise<Comparison> {
  await using dir = await tempDir();
  const { archive, ledger } = await recordedRun(dir.path);
  const path = `${ledger}/${LEDGER_FILES[file]}`;
  const lines = (await Deno.readTextFile(path)).trim().split("\n");
  await Deno.writeTextFile(path, change(lines).join("\n") + "\n");
  return await compareWithLedger(archive, ledger);
}

Deno.test("an archive that holds what was sent is faithful", async () => {
  const comparison = await comparedAfter("sent", (lines) => lines);
  assert.deepEqual(comparison, {
    sent: PEERS * MESSAGES + 2,
    archived: PEERS * MESSAGES + 2,
    lost: 0,
    folded: 0,
    duplicated: 0,
    messages: MESSAGES,
    differing: 0,
    examples: [],
  });
  assert.ok(isFaithful(comparison));
});

Deno.test("a send that the archive does not hold is lost", async () => {
  const comparison = await comparedAfter("sent", (lines) => {
    assert.equal(lines[1], "0,0,3");
    return lines.with(1, "0,0,5");
  });
  assert.deepEqual([comparison.lost, comparison.duplicated, comparison.differing], [2, 0, 0]);
  assert.match(comparison.examples[0], /sent message [0-9a-f]{64} 5 times, archived are 3/);
  assert.ok(!isFaithful(comparison));
});

Deno.test("a receipt that nobody sent is a duplicate", async () => {
  const comparison = await comparedAfter("sent", (lines) => lines.with(1, "0,0,1").slice(0, -1));
  assert.deepEqual([comparison.lost, comparison.duplicated, comparison.differing], [0, 3, 0]);
  assert.ok(!isFaithful(comparison));
});

Deno.test("a receipt from the wrong peer is both lost and a duplicate", async () => {
  const comparison = await comparedAfter("peers", (lines) => {
    const swapped = [lines[1].replace(/^0/, "1"), lines[2].replace(/^1/, "0")];
    return [lines[0], ...swapped, ...lines.slice(3)];
  });
  assert.deepEqual([comparison.lost, comparison.duplicated], [2, 2]);
});

Deno.test("one altered byte makes a message differ", async () => {
  const comparison = await comparedAfter(
    "messages",
    (lines) => lines.with(5, `${lines[5].slice(0, -1)}f`),
  );
  assert.deepEqual([comparison.lost, comparison.duplicated, comparison.differing], [0, 0, 1]);
  assert.match(comparison.examples[0], /is not what any peer sent/);
  assert.ok(!isFaithful(comparison));
});

Deno.test("a message that was never made differs, and its receipts are duplicates", async () => {
  const comparison = await comparedAfter("messages", (lines) => lines.slice(0, -1));
  assert.equal(comparison.differing, 1);
  assert.equal(comparison.duplicated, PEERS);
});

Deno.test("a message by its digest is faithful, and folded receipts stand for as many of their peer", async () => {
  for (const folds of [1, 2, 3]) {
    await using dir = await tempDir();
    const archive = dir.join("archive.duckdb");
    const raws = Array.from({ length: 3 }, (_, i) => plainMessage(i));
    const maker = new BatchMaker();
    const session = maker.session(0);
    const sha256 = createHash("sha256").update(raws[0]).digest();
    const digest = maker.message(encodeDigest({ sha256, facts: gossipFacts(raws[0]) }));
    const standIn = maker.message(Uint8Array.of(255, 255, ...new TextEncoder().encode("x")));
    maker.receipt(maker.epoch, digest, session);
    for (let i = 0; i < folds; i++) maker.receipt(maker.epoch + i, standIn, session);
    {
      await using store = await Store.open(
        { path: archive, memoryLimitBytes: 64 * 1024 * 1024, threads: 1 },
        { clock: new ManualClock(), random: seededRandom(1) },
      );
      await store.commit([maker.close()]);
    }
    using ledger = new Ledger(dir.path);
    raws.forEach((raw, i) => ledger.message(i, raw));
    for (const message of [0, 1, 2]) ledger.wrote(0, message);
    ledger.write([`${nodeId(0)}@127.0.0.1:1`]);
    const { lost, duplicated, differing, folded } = await compareWithLedger(archive, dir.path);
    assert.deepEqual([lost, duplicated, differing, folded], [
      Math.max(0, 2 - folds),
      Math.max(0, folds - 2),
      0,
      folds,
    ]);
  }
});
