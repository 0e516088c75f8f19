// `deno task fleet`. Here `init`: the configs, passwords and accounts of a broker, an archive host and N collectors.

import { dirname, join } from "node:path";
import { isIP } from "node:net";
import { refuseFlag, runProgram, subcommand } from "../../shared/cli.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import { ifThere, writeWholeFile } from "../../shared/files.ts";
import { bothNeeds, expectPermitted, readNeeds } from "../../shared/sandbox.ts";
import { setCommand, statusCommand } from "../fleet/commands.ts";
import { collectorNames, foldersIn } from "../commands/names.ts";
import { planCommand } from "../fleet/plan_command.ts";
import { brokerFolder, type FleetFile, fleetFiles, natsUrl, passwordPath, ROUTE } from "./fleet.ts";

/** 192 bits, as hex. */
const PASSWORD_BYTES = 24;
/** Half of the connections that the broker's config allows. */
const MAX_COLLECTORS = 500;
/** Of three any one may fail; of two, none. */
const CLUSTER_SIZES = [1, 3];
const PASSWORD = /^[0-9a-f]{48}$/;

const COMMAND = "deno task fleet init";

const init = subcommand({
  name: COMMAND,
  summary:
    "Write all that a fleet needs into a folder: the broker's config and accounts, and the archiver's and\n" +
    "each collector's config, password, systemd unit and install script. For the next steps, see\n" +
    "collector/deploy/INSTALL.md. Run it again to add collectors; existing passwords and configs are kept.",
  flags: {
    collectors: { value: "NAMES", help: "the collectors' names, comma-separated", required: true },
    broker: {
      value: "ADDRESS",
      help: "the broker's IP address in the VPN, or three, comma-separated, for a cluster",
      required: true,
    },
    peers: {
      value: "FILE",
      help: "pubkey@host:port lines for each collector (default: ask DNS seeds)",
    },
    out: { value: "DIR", help: "the folder", default: "fleet" },
  },
  examples: [
    "deno task fleet init --collectors vps1,vps2,vps3 --broker 100.64.0.7",
    "deno task fleet init --collectors vps1,vps2 --broker 100.64.0.7,100.64.0.8,100.64.0.9",
    "deno task fleet init --collectors vps4 --broker 100.64.0.7 --peers peers.txt",
  ],
}, async ({ collectors: given, broker: addresses, peers, out }) => {
  const added = collectorNames(given, COMMAND);
  const brokers = [...new Set(addresses.split(",").map((address) => address.trim()))];
  if (!brokers.every((broker) => isIP(broker) !== 0) || !CLUSTER_SIZES.includes(brokers.length)) {
    refuseFlag(COMMAND, "broker", addresses, "an IP address, or three");
  }
  expectPermitted([...readNeeds({ "--peers": peers }), ...bothNeeds("--out", out)], "fleet");
  const collectors = [...new Set([...await foldersIn(`${out}/collectors`), ...added])];
  if (collectors.length > MAX_COLLECTORS) {
    throw new UserError(
      `${COMMAND}: ${collectors.length} collectors are too many; ${MAX_COLLECTORS} are the limit`,
    );
  }
  await refuseOtherBroker(out, brokers);
  const users = ["archiver", ...brokers.length > 1 ? [ROUTE] : [], ...collectors];
  const passwords = new Map<string, string>();
  for (const user of users) passwords.set(user, await passwordOf(join(out, passwordPath(user))));
  const files = [
    ...fleetFiles({ collectors, brokers, passwords, hasPeers: peers !== undefined }),
    ...await copiedFiles(collectors, brokers, peers),
  ];
  for (const file of files) console.log(`${await write(out, file)} ${join(out, file.path)}`);
});

/** Configs are kept, so that a new address has to be written into them first. */
async function refuseOtherBroker(out: string, brokers: readonly string[]): Promise<void> {
  const path = join(out, "archive/archiver.yaml");
  const config = await read(path, true);
  const named = brokers.map((broker) => JSON.stringify(natsUrl(broker))).join(", ");
  if (config === null || config.includes(`[${named}]`)) return;
  throw new UserError(
    `Cannot set up a broker at ${
      brokers.join(", ")
    }: ${path} names another; change it there and in each ` +
      "collector.yaml, or remove these files, and run it again",
  );
}

async function passwordOf(path: string): Promise<string> {
  const kept = await read(path, true);
  if (kept === null) return crypto.getRandomValues(new Uint8Array(PASSWORD_BYTES)).toHex();
  const password = kept.trim();
  if (PASSWORD.test(password)) return password;
  throw new UserError(
    `Cannot use ${path}: it should hold 48 hex digits; remove it for a new password`,
  );
}

async function copiedFiles(
  collectors: readonly string[],
  brokers: readonly string[],
  peers: string | undefined,
): Promise<FleetFile[]> {
  const here = new URL("./", import.meta.url).pathname;
  const there = new URL("../../collector/deploy/", import.meta.url).pathname;
  const copies = [
    ...brokers.map((
      broker,
    ) => [`${brokerFolder(brokers, broker)}/install.sh`, `${here}install-broker.sh`]),
    ["archive/install.sh", `${here}install.sh`],
    ["archive/gossip-archiver.service", `${here}gossip-archiver.service`],
    ...collectors.flatMap((name) => [
      [`collectors/${name}/install.sh`, `${there}install.sh`],
      [`collectors/${name}/gossip-collector.service`, `${there}gossip-collector.service`],
      ...peers === undefined ? [] : [[`collectors/${name}/peers.txt`, peers]],
    ]),
  ];
  return await Promise.all(copies.map(async ([path, from]) => ({
    path,
    text: (await read(from))!,
    isSecret: false,
    isKept: path.endsWith("peers.txt"),
  })));
}

async function read(path: string, mayLack = false): Promise<string | null> {
  try {
    const text = Deno.readTextFile(path);
    return await (mayLack ? ifThere(text) : text);
  } catch (error) {
    throw new UserError(`Cannot read ${path}: ${errorText(error)}`, { cause: error });
  }
}

/** Writes a file whole or not at all. @returns what became of it. */
async function write(out: string, file: FleetFile): Promise<"wrote" | "kept "> {
  const path = join(out, file.path);
  const before = await read(path, true);
  if (before !== null && (file.isKept || before === file.text)) return "kept ";
  try {
    await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const text = new TextEncoder().encode(file.text);
    await writeWholeFile(path, [text], file.isSecret ? 0o600 : 0o644);
  } catch (error) {
    throw new UserError(`Cannot write ${path}: ${errorText(error)}`, { cause: error });
  }
  return "wrote";
}

if (import.meta.main) {
  await runProgram({
    name: "deno task fleet",
    summary:
      "Set up a fleet of collectors with their broker and archive host, look at it and steer it.",
    commands: { init, status: statusCommand, set: setCommand, plan: planCommand },
  });
}
