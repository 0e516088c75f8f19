// Whether the Parquet files of days are what the archive recorded of them.

import type { DuckDBConnection } from "@duckdb/node-api";
import { checkFile } from "../days/check_file.ts";
import { readDayFiles } from "../days/day_files.ts";
import type { Check, Finding } from "./check.ts";

/** Files told of, at most. */
const MAX_DETAILS = 20;

export const dayFilesCheck: Check = {
  kind: "contradiction",
  claim: "each day's file agrees with its manifest and the archive: SHA-256, count, bounds, sums",
  look,
};

async function look(connection: DuckDBConnection): Promise<Finding> {
  const details: string[] = [];
  let misfits = 0;
  let seen = 0;
  for (const file of await readDayFiles(connection)) {
    if (file.state === "dropped") continue;
    seen++;
    const { problem } = await checkFile(connection, file);
    if (problem === null) continue;
    misfits++;
    if (details.length < MAX_DETAILS) details.push(`${file.path}: ${problem}`);
  }
  return { misfits, seen, details };
}
