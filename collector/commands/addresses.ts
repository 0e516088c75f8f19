import { join } from "node:path";
import { type Subcommand, subcommand } from "../../shared/cli.ts";
import { systemClock } from "../../shared/clock.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import { loadAddressBook } from "../addresses/book_store.ts";
import { leftAloneLines } from "../addresses/left_alone.ts";
import { CONFIG_FLAG, readCollectorConfig } from "../config.ts";
import { bookPath, dialPolicyOf, refusalOf } from "../peer/peer_choice.ts";
import { readPeerFile } from "../peer/peer_file.ts";
import { ageLines, sortList } from "../addresses/list.ts";
import { DUMP_FILES, DUMP_FOLDER } from "./dump_lists.ts";
import { PROGRAM } from "../program.ts";

const LIST = join(DUMP_FOLDER, DUMP_FILES.addresses);

export const addressesCommand: Subcommand = subcommand({
  name: `${PROGRAM} addresses`,
  summary:
    "Sort a list of node addresses (pubkey@host:port, one per line) into clearnet and onion\n" +
    "addresses. Leave out what cannot be dialled, and count the ages of lines with a timestamp\n" +
    "(pubkey@host:port,seconds). With a collector's config, also list the peers of its peer file that\n" +
    "it leaves alone or has never reached, and why.",
  flags: {
    config: {
      value: "FILE",
      help: `the collector's config (default: ${CONFIG_FLAG.default}, if there is one)`,
    },
    list: { value: "FILE", help: `the list (default: ${LIST})` },
    out: { value: "FOLDER", help: "folder for the two lists", default: DUMP_FOLDER },
  },
  examples: [`${PROGRAM} addresses --list /var/lib/gossip-observer/addresses.txt`],
}, async ({ config, list, out }) => {
  const hasShown = await showPeerFile(config);
  if (hasShown && list === undefined && !await exists(LIST)) return;
  await sortInto(list ?? LIST, out);
});

/** Lists the peers of the peer file that are not connected to; false without a config or a peer file. */
async function showPeerFile(given: string | undefined): Promise<boolean> {
  if (given === undefined && !await exists(CONFIG_FLAG.default)) return false;
  const config = await readCollectorConfig(given ?? CONFIG_FLAG.default);
  const { data_dir: dataDir, network, peers: { file, tor_share: torShare } } = config;
  if (file === undefined) return false;
  const { peers } = await readPeerFile(file);
  const { records } = await loadAddressBook(bookPath(dataDir), network);
  const policy = dialPolicyOf(config);
  const lines = leftAloneLines(
    peers,
    records,
    (peer) => refusalOf(peer, policy, torShare),
    systemClock.now(),
  );
  console.log(
    `${file}: ${lines.length} of ${peers.length} peers are left alone or were never reached`,
  );
  for (const line of lines) console.log(line);
  return true;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

async function sortInto(list: string, out: string): Promise<void> {
  const { clearnet, onion, leftOut, ages, undated } = sortList(
    await withFile(list, "read", () => Deno.readTextFile(list)),
    Math.floor(systemClock.now() / 1_000_000),
  );
  for (
    const [name, lines] of [[DUMP_FILES.clearnet, clearnet], [DUMP_FILES.onion, onion]] as const
  ) {
    const path = join(out, name);
    const text = lines.map((line) => `${line}\n`).join("");
    await withFile(path, "write", () => Deno.writeTextFile(path, text));
    console.log(`${path}: ${lines.length} addresses`);
  }
  const { malformed, torV2, local, repeated } = leftOut;
  console.log(
    `Left out: ${malformed} malformed, ${torV2} Tor v2, ${local} local, ${repeated} repeated`,
  );
  for (const line of ageLines(ages)) console.log(line);
  console.log(`Without a timestamp: ${undated} nodes`);
}

async function withFile<T>(path: string, what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new UserError(`Cannot ${what} ${path}: ${errorText(cause)}`, { cause });
  }
}
