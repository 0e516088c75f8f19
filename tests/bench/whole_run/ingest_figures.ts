// How fast a run comes into an archive, what it takes there and on the way, and what DuckDB alone makes of its rows.

import { type Bar, type Figure, figure } from "../figure.ts";
import { archiveIn } from "./bench_archiver.ts";
import { ingest, type Ingested } from "./ingest.ts";
import { insertSelect } from "./insert_select.ts";
import type { WholeRun } from "./part.ts";

const NONE: Bar = { sense: "<=", limit: 0 };
const GB = 1e9;

/** Leaves the archive in the run's folder. */
export async function* ingestFigures(whole: WholeRun): AsyncGenerator<Figure, void, void> {
  const { source, dir, full, repeat, progress, atFullSize } = whole;
  const { receipts, messageBytes } = source.planned;
  const take = async (isFilled: boolean) => {
    await Deno.remove(archiveIn(dir)).catch(() => {});
    const how = isFilled ? "all batches on the broker" : "batches published meanwhile";
    progress(`archiving, ${how}`);
    const ingested = await ingest(source, dir, isFilled, progress);
    progress(`${how}: ${Math.round(ingested.receiptsPerSecond)} receipts/s`);
    return ingested;
  };
  const filled: Ingested[] = [], inserted: number[] = [];
  for (let i = 0; i < (full ? 1 : repeat); i++) {
    filled.push(await take(true));
    inserted.push(await insertSelect(archiveIn(dir), dir, receipts));
  }
  const all = [...filled, await take(false)];
  const last = all.at(-1)!;
  const rates = filled.map(({ receiptsPerSecond }) => receiptsPerSecond);
  const rss = all.map(({ peakRss }) => peakRss / GB);

  yield figure("from a nats-server to committed rows", rates, "receipts/s", {
    sense: ">=",
    limit: 1_000_000,
  });
  yield figure("the same while they are published", [last.receiptsPerSecond], "receipts/s");
  const wall = atFullSize({ sense: "<=", limit: 300 });
  yield figure("published and archived in", [last.seconds], "s", wall);
  yield figure("the archiver's peak RSS", rss, "GB", { sense: "<=", limit: 3 });
  yield figure("DuckDB's own INSERT … SELECT of the rows", inserted, "receipts/s");
  const ratios = rates.map((rate, i) => rate / inserted[i]);
  yield figure("archiving / INSERT … SELECT", ratios, "ratio", { sense: ">=", limit: 0.2 });
  const broker = filled.map(({ brokerBytes }) => brokerBytes! / receipts);
  yield figure("bytes on the broker per receipt", broker, "bytes", { sense: "<=", limit: 12 });
  const hot = all.map(({ archiveBytes }) => (archiveBytes - messageBytes) / receipts);
  yield figure("hot archive bytes per receipt, raw messages apart", hot, "bytes", {
    sense: "<=",
    limit: 7.5,
  });
  yield figure("lost", all.map(({ lost }) => lost), "receipts", NONE);
  yield figure("duplicated", all.map(({ duplicated }) => duplicated), "receipts", NONE);
}
