// One replay: a recording, its pairs, and the tables of all questions, as temporary tables that SQL reads.

import type { DuckDBConnection } from "@duckdb/node-api";
import { seededRandom } from "../../../shared/random.ts";
import { loadTable } from "../../archive/load_table.ts";
import type { Window } from "../../catalog/parameters.ts";
import type { Table } from "../../format/table.ts";
import type { Findings } from "./answers.ts";
import { resample } from "./bootstrap.ts";
import { collisions } from "./collisions.ts";
import { bytesTable, cpuTable } from "./costs.ts";
import { differencesByImplementation } from "./by_implementation.ts";
import { compareDifferences } from "./differences.ts";
import { draftOf, estimatorTable, qTable, replayDesigns } from "./estimation.ts";
import { drawPairs } from "./pairs.ts";
import { delayWithPeers, missingMessages, slowPeers } from "./reach.ts";
import { readRecording } from "./recording.ts";

export interface ReplayOptions {
  readonly window: Window;
  readonly scale: number;
  readonly pairs: number;
  readonly seed: number;
  /** Called before each step with its name and the share that is done. */
  readonly onProgress?: (step: string, done: number) => void;
}

/** Leaves the tables of all questions on `connection`. @throws {UserError} where the window has too little for them. */
export async function replay(
  connection: DuckDBConnection,
  { window, scale, pairs: wanted, seed, onProgress = () => {} }: ReplayOptions,
): Promise<Findings> {
  const random = (name: string) => seededRandom(`${seed}/${name}`);
  onProgress("reading receipts", 0);
  const recording = await readRecording(connection, {
    window,
    scale,
    peers: Infinity,
    random: random("peers"),
  });
  onProgress("comparing pairs", 0.5);
  const pairs = drawPairs(recording, wanted, random("pairs"));
  const { fromMs, untilMs } = recording;
  const resamples = resample(pairs.length, fromMs, untilMs, random("bootstrap"));
  const differences = compareDifferences(recording, pairs, resamples, random("phase"));
  onProgress("replaying designs", 0.75);
  const designs = replayDesigns(recording, pairs, resamples, random("designs"));
  const draft = draftOf(designs);
  onProgress("counting collisions", 0.9);
  const tables = new Map<string, Table>([
    ["differences", differences.differences],
    ["identities", differences.identities],
    ["by_implementation", differencesByImplementation(recording, pairs, random("implementations"))],
    ["estimators", estimatorTable(designs)],
    ["q", qTable(recording, pairs, random("q"))],
    ["delay_with_peers", delayWithPeers(recording)],
    ["slow_peers", slowPeers(recording)],
    ["missing", missingMessages(recording, pairs)],
    ["collisions", collisions(recording, random("salts"))],
    ["cpu", cpuTable(designs)],
    ["bytes", bytesTable(recording, draft)],
  ]);
  for (const [name, table] of tables) await loadTable(connection, `replay_${name}`, table);
  return { recording, pairs: pairs.length, resamples, differences, designs };
}
