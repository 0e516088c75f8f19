import { type Subcommand, subcommand } from "../../shared/cli.ts";
import { readNatsAccess } from "../../shared/nats/access.ts";
import { dialPolicyOf } from "../peer/peer_choice.ts";
import { faultLines, readPeerFile } from "../peer/peer_file.ts";
import { CONFIG_FLAG, readCollectorConfig } from "../config.ts";
import { checkSandbox } from "./sandbox.ts";
import { describeLevel } from "../sources/level.ts";
import { PROGRAM } from "../program.ts";

export const checkConfigCommand: Subcommand = subcommand({
  name: `${PROGRAM} check-config`,
  summary:
    "Check the config, the peer file, the log level of each source, and the NATS credentials and CA file.\nMakes no connections. " +
    "Exit status: 0 no faults, 2 something must be fixed.",
  flags: { config: CONFIG_FLAG },
}, async ({ config: path }) => {
  const config = await readCollectorConfig(path);
  const { rules } = dialPolicyOf(config);
  const { file } = config.peers;
  if (file !== undefined) {
    const { peers, faults } = await readPeerFile(file);
    for (const line of faultLines(faults)) console.log(`Peer file ${file}: ${line.trim()}`);
    const refused = peers.filter(({ nodeId, end }) => rules.refusal(nodeId, end) !== null).length;
    console.log(
      `Peer file ${file}: ${peers.length} peers, ${refused} of them excluded by peers.allow, peers.deny or peers.open_networks`,
    );
  }
  for (const warning of await checkSandbox(config)) console.log(warning);
  for (const source of config.sources) console.log(await describeLevel(source));
  if (config.uplink.kind === "nats") await readNatsAccess(config.uplink);
  console.log(`Config ${path}: no faults`);
});
