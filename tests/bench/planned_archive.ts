// Planned traffic as an archive, committed by the archiver's own store.

import { DEFAULT_MAX_RECEIPTS } from "../../archiver/config.ts";
import { Store } from "../../archiver/store/store.ts";
import { decodeBatch } from "../../shared/batch/codec.ts";
import { systemClock } from "../../shared/clock.ts";
import { systemRandom } from "../../shared/random.ts";
import { PlannedBatches, type PlannedRun, type PlannedTotals } from "./planned_batches.ts";

const MEMORY_LIMIT_BYTES = 1024 ** 3;

/** Makes an archive at `path`; gives what is in it. */
export async function makePlannedArchive(path: string, run: PlannedRun): Promise<PlannedTotals> {
  const plan = new PlannedBatches(run);
  const options = { path, memoryLimitBytes: MEMORY_LIMIT_BYTES, threads: 2 };
  await using store = await Store.open(options, { clock: systemClock, random: systemRandom });
  let group: ReturnType<typeof decodeBatch>[] = [], receipts = 0;
  for (const { bytes, receipts: count } of plan.batches()) {
    group.push(decodeBatch(bytes));
    receipts += count;
    if (receipts < DEFAULT_MAX_RECEIPTS) continue;
    await store.commit(group);
    [group, receipts] = [[], 0];
  }
  if (group.length > 0) await store.commit(group);
  return plan.totals;
}
