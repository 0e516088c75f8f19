import { type Subcommand, subcommand } from "../../shared/cli.ts";
import { holdDataDir } from "../spool/data_dir.ts";
import { keyPath, loadIdentity } from "../peer/identity.ts";
import { CONFIG_FLAG, readCollectorConfig } from "../config.ts";
import { PROGRAM } from "../program.ts";

export const keygenCommand: Subcommand = subcommand({
  name: `${PROGRAM} keygen`,
  summary: "Make the collector's key in its data_dir, if there is none, and print its node id.",
  flags: { config: CONFIG_FLAG },
}, async ({ config: path }) => {
  const { data_dir: dataDir } = await readCollectorConfig(path);
  using _ = await holdDataDir(dataDir);
  console.log((await loadIdentity(keyPath(dataDir))).nodeId);
});
