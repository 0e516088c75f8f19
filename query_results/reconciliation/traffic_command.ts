// `deno task lab traffic`: an archive's messages for simulators.

import { dirname } from "node:path";
import { type Subcommand, subcommand, WINDOW_FLAGS } from "../../shared/cli.ts";
import { bothNeeds, expectPermitted, readNeeds } from "../../shared/sandbox.ts";
import { correctClocks } from "../archive/clocks.ts";
import { readFrame } from "../archive/frame.ts";
import { openArchive } from "../archive/open.ts";
import { DEFINITIONS } from "../catalog/catalog.ts";
import { formatPlural } from "../format/numbers.ts";
import { writeTraffic } from "./simulator/traffic_file.ts";

export const trafficCommand: Subcommand = subcommand({
  name: "deno task lab traffic",
  summary: "Export an archive's live messages as the Parquet table that lnconv-sim reads.",
  details: "deno task lab simulate --traffic FILE runs our own simulator on the same table.",
  flags: {
    archive: { value: "FILE", help: "the archive", required: true },
    out: { value: "FILE", help: "the Parquet file to write", required: true },
    ...WINDOW_FLAGS,
  },
  examples: [
    "deno task lab traffic --archive archive/gossip.duckdb --out query_results/runs/traffic.parquet",
  ],
}, async ({ archive, out, from, until }) => {
  // Its folder: a file beside it is renamed once it is whole.
  expectPermitted(
    [...readNeeds({ "--archive": archive }), ...bothNeeds("--out", dirname(out))],
    "lab",
  );
  using reader = await openArchive(archive);
  await reader.connection.run(DEFINITIONS);
  await correctClocks(reader.connection);
  const { window } = await readFrame(reader.connection, { from, to: until });
  const rows = await writeTraffic(reader.connection, window, out);
  console.log(`traffic: ${formatPlural(rows, "message")} file=${out}`);
});
