// Batches into the archive: how fast, and how many bytes a receipt takes.

import { DEFAULT_MAX_RECEIPTS } from "../../archiver/config.ts";
import { Store } from "../../archiver/store/store.ts";
import { decodeBatch } from "../../shared/batch/codec.ts";
import { systemClock } from "../../shared/clock.ts";
import { systemRandom } from "../../shared/random.ts";
import { tempDir } from "../support/temp_dir.ts";
import { type Benchmark, figure } from "./figure.ts";
import { PlannedBatches, type PlannedRun, type PlannedTotals } from "./planned_batches.ts";

/** Fifteen minutes of mainnet at the real run's 978 peers: some 1.7 million receipts. */
const RUN: PlannedRun = {
  collector: "bench",
  startedAt: Date.UTC(2025, 8, 26, 20, 31, 10) * 1000,
  traffic: { seed: "archive", peers: 978, seconds: 900, cutSeconds: 1800 },
};
const MEMORY_LIMIT_BYTES = 1024 ** 3;

interface Outcome {
  readonly receiptsPerSecond: number;
  readonly bytesPerReceipt: number;
  readonly lost: number;
  readonly duplicated: number;
}

/** Decodes and commits all batches into a fresh archive, half of them a second time at the end. */
async function archiveOnce(
  planned: PlannedTotals,
  batches: readonly Uint8Array[],
): Promise<Outcome> {
  await using dir = await tempDir();
  const options = {
    path: dir.join("bench.duckdb"),
    memoryLimitBytes: MEMORY_LIMIT_BYTES,
    threads: 2,
  };
  let archived: number, seconds: number;
  {
    await using store = await Store.open(options, { clock: systemClock, random: systemRandom });
    const begin = performance.now();
    await commitAll(store, batches);
    seconds = (performance.now() - begin) / 1000;
    await commitAll(store, batches.slice(batches.length / 2));
    const [row] = await store.read("SELECT count(*) AS n FROM receipts");
    archived = Number(row.n);
  } // closing checkpoints: the file is then all there is
  const { size } = await Deno.stat(options.path);
  return {
    receiptsPerSecond: planned.receipts / seconds,
    bytesPerReceipt: (size - planned.messageBytes) / planned.receipts,
    lost: Math.max(0, planned.receipts - archived),
    duplicated: Math.max(0, archived - planned.receipts),
  };
}

async function commitAll(store: Store, encoded: readonly Uint8Array[]): Promise<void> {
  let group = [], receipts = 0;
  for (const bytes of encoded) {
    const batch = decodeBatch(bytes);
    group.push(batch);
    receipts += batch.receipts.messages.length;
    if (receipts < DEFAULT_MAX_RECEIPTS) continue;
    await store.commit(group);
    group = [];
    receipts = 0;
  }
  if (group.length > 0) await store.commit(group);
}

/** Decode and commit rate, archive bytes a receipt, and what was lost or doubled on the way. */
export const archiveBenchmark: Benchmark = {
  name: "archive",
  what: "encoded batches of 978 peers decoded and committed to a fresh archive",
  run: async ({ repeat, progress }) => {
    const plan = new PlannedBatches(RUN);
    const batches = Array.from(plan.batches(), ({ bytes }) => bytes);
    const planned = plan.totals;
    progress(
      `${planned.receipts} receipts of ${planned.messages} messages in ${planned.batches} batches`,
    );
    const runs: Outcome[] = [];
    for (let i = 0; i < repeat; i++) {
      runs.push(await archiveOnce(planned, batches));
      progress(`run ${i + 1}: ${Math.round(runs[i].receiptsPerSecond)} receipts/s`);
    }
    const all = (key: keyof Outcome) => runs.map((run) => run[key]);
    const none = { sense: "<=", limit: 0 } as const;
    return [
      figure("batches decoded and committed", all("receiptsPerSecond"), "receipts/s", {
        sense: ">=",
        limit: 400_000,
      }),
      figure("archive bytes per receipt, raw messages apart", all("bytesPerReceipt"), "bytes", {
        sense: "<=",
        limit: 12,
      }),
      figure("batch bytes per receipt at 978 peers", [planned.bytes / planned.receipts], "bytes", {
        sense: "<=",
        limit: 12,
      }),
      figure("archive: lost", all("lost"), "receipts", none),
      figure("archive: duplicated", all("duplicated"), "receipts", none),
    ];
  },
};
