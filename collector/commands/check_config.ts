import { type Subcommand, subcommand } from "../../shared/cli.ts";
import { readNatsAccess } from "../../shared/nats/access.ts";
import { dialPolicyOf } from "../peer/peer_choice.ts";
import { faultLines, readPeerFile } from "../peer/peer_file.ts";
import { CONFIG_FLAG, readCollectorConfig } from "../config.ts";
import { PROGRAM } from "../program.ts";

export const checkConfigCommand: Subcommand = subcommand({
  name: `${PROGRAM} check-config`,
  summary:
    "Reads the config, its peer file and what NATS asks for (secrets, authorities), and connects to\n" +
    "nobody. Ends with 2 when something must be mended.",
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
      `Peer file ${file}: ${peers.length} peers, ${refused} of them not to be dialled by peers.allow, peers.deny and peers.open_networks`,
    );
  }
  if (config.uplink.kind === "nats") await readNatsAccess(config.uplink);
  console.log(`Config ${path}: no faults`);
});
