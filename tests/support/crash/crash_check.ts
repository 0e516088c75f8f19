// The whole of an archive after its archiver was killed, held against what went in.

import type { DuckDBConnection } from "@duckdb/node-api";
import { join } from "node:path";
import { parseManifest } from "../../../archiver/days/manifest.ts";
import { rowsOf } from "../../../archiver/store/database.ts";
import { CHECKS } from "../../../archiver/verify/checks.ts";
import { openArchive } from "../../../query_results/archive/open.ts";
import { errorText } from "../../../shared/errors.ts";
import { RECEIPT_LINES } from "../fixtures/archive.ts";
import { CRASH_ARCHIVE, CRASH_DAYS } from "./crash_folder.ts";
import { type CrashScript, DROPPED_DAYS } from "./crash_script.ts";
import { at, DAY, filesIn, FIRST_DAY } from "../fixtures/day_archive.ts";

/** What a crash did. */
export interface CrashDamage {
  /** Receipts and messages that went in and are not there, nor listed as dropped on purpose. 0 when a file is unreadable. */
  readonly lost: number;
  /** Receipts and messages that are there more often than they went in. */
  readonly duplicated: number;
  /** Files that cannot be read whole. */
  readonly unreadable: number;
  /** Whatever else is not as it should be, in words: claims of `verify`, files left over. */
  readonly problems: readonly string[];
}

/** Checks the archive in `dir`, whose script was followed to its end. */
export async function crashDamage(dir: string, script: CrashScript): Promise<CrashDamage> {
  const path = join(dir, CRASH_ARCHIVE);
  let archive;
  try {
    archive = await openArchive(path, { memoryLimit: "256MiB", threads: 1 });
  } catch (error) {
    return { lost: 0, duplicated: 0, unreadable: 1, problems: [errorText(error)] };
  }
  using opened = archive;
  const { connection } = opened;
  const { unreadable, left } = await readFiles(connection, join(dir, CRASH_DAYS));
  // The views span all files: with one that is broken nothing can be counted.
  if (unreadable > 0) return { lost: 0, duplicated: 0, unreadable, problems: left };
  const differences = [
    ...await receiptDifferences(connection, script.receipts),
    ...await messageDifferences(connection, script.messages),
  ];
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
  return {
    lost: sum(differences.map((difference) => Math.max(0, difference))),
    duplicated: sum(differences.map((difference) => Math.max(0, -difference))),
    unreadable,
    problems: [...await brokenClaims(connection), ...left],
  };
}

/** For each receipt, and each dropped day of a collector, how many went in less how many are there. */
async function receiptDifferences(
  connection: DuckDBConnection,
  expected: readonly string[],
): Promise<number[]> {
  const counts = new Map<string, number>();
  const add = (key: string, count: number) => counts.set(key, (counts.get(key) ?? 0) + count);
  // A dropped day has no lines any more; the archive's list says how many it had.
  const key = (line: string) => {
    const [time, , , collector] = line.split(" ");
    const day = Math.floor((Number(time) - FIRST_DAY) / DAY);
    return Number(time) < at(DROPPED_DAYS, 0) ? `${collector} ${day}` : line;
  };
  for (const line of expected) add(key(line), 1);
  for (const { line } of await rowsOf(connection, RECEIPT_LINES)) add(key(String(line)), -1);
  const dropped = await rowsOf(
    connection,
    `SELECT c.name, date_diff('day', DATE '2025-09-26', f.day) AS day, sum(d.receipts) AS receipts
    FROM day_file_receipts d JOIN day_files f ON f.file_id = d.file_id
    JOIN collectors c ON c.collector_id = d.collector_id
    WHERE f.state = 'dropped' GROUP BY ALL`,
  );
  for (const { name, day, receipts } of dropped) add(`${name} ${day}`, -Number(receipts));
  return [...counts.values()];
}

/** For each message, how many times it went in, which is once, less how many are there. */
async function messageDifferences(
  connection: DuckDBConnection,
  expected: ReadonlySet<string>,
): Promise<number[]> {
  const counts = new Map([...expected].map((sha256) => [sha256, 1]));
  const rows = await rowsOf(connection, "SELECT lower(hex(sha256)) AS sha256 FROM messages");
  for (const { sha256 } of rows) {
    counts.set(String(sha256), (counts.get(String(sha256)) ?? 0) - 1);
  }
  return [...counts.values()];
}

/** Reads each file to its end; `left` tells of those that nothing needs. */
async function readFiles(
  connection: DuckDBConnection,
  folder: string,
): Promise<{ unreadable: number; left: string[] }> {
  let unreadable = 0;
  const names = await filesIn(folder);
  const left = names.filter((name) => !/\.(parquet|json)$/.test(name)).map(leftOver);
  for (const name of names) {
    const path = join(folder, name);
    const pair = name.endsWith(".json")
      ? name.replace(/json$/, "parquet")
      : name.replace(/parquet$/, "json");
    if (pair !== name && !names.includes(pair)) left.push(leftOver(name));
    try {
      if (name.endsWith(".json")) parseManifest(await Deno.readTextFile(path), path);
      if (name.endsWith(".parquet")) {
        await rowsOf(connection, `SELECT sum(hash(COLUMNS(*))) FROM read_parquet('${path}')`);
      }
    } catch {
      unreadable++;
    }
  }
  return { unreadable, left };
}

function leftOver(name: string): string {
  return `${name} is left over`;
}

async function brokenClaims(connection: DuckDBConnection): Promise<string[]> {
  const broken: string[] = [];
  for (const { claim, look } of CHECKS) {
    const { misfits } = await look(connection);
    if (misfits > 0) broken.push(`verify: ${misfits} misfits: ${claim}`);
  }
  return broken;
}
