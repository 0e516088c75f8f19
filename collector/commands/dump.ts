import { join } from "node:path";
import { chainHash } from "../../shared/bolt/chains.ts";
import { decodeMessage } from "../../shared/bolt/message.ts";
import { stopSignal, type Subcommand, subcommand } from "../../shared/cli.ts";
import { systemClock } from "../../shared/clock.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import { configureLog } from "../../shared/log.ts";
import { expectPermitted } from "../../shared/sandbox.ts";
import { systemRandom } from "../../shared/random.ts";
import { announcedEndpoint } from "../addresses/endpoint.ts";
import { addressLine, channelLine, DUMP_FILES, DUMP_FOLDER, nodeLine } from "./dump_lists.ts";
import { AddressFault } from "../addresses/fault.ts";
import { type CollectorConfig, CONFIG_FLAG, readCollectorConfig } from "../config.ts";
import { holdDataDir } from "../spool/data_dir.ts";
import { storeGraph } from "./store_graph.ts";
import { fillGraph } from "./fill_graph.ts";
import { Graph } from "../gossip/graph/graph.ts";
import { GraphFile } from "../gossip/graph/graph_file.ts";
import type { GraphView } from "../gossip/graph/graph_view.ts";
import { GossipService, graphPath } from "../gossip/service.ts";
import { PROGRAM } from "../program.ts";

/** The lists are written, but the graph was still growing. */
const EXIT_UNSETTLED = 3;

export const dumpCommand: Subcommand = subcommand({
  name: `${PROGRAM} dump`,
  summary:
    "Ask a few peers for the whole graph until little new arrives, and write its nodes, channels\n" +
    "and node addresses. Exit status 3: the lists are written, but the graph was still growing.\n" +
    "Do not run it beside a collector of the same data_dir, except with --saved or --from.",
  flags: {
    config: CONFIG_FLAG,
    peers: { value: "FILE", help: "ask only the peers of this file" },
    from: {
      value: "FILE",
      help: "ask no peer: read this gossip_store of Core Lightning (versions 9 to 16)",
    },
    saved: { type: "boolean", help: "ask no peer: use the graph that the collector saved last" },
    out: { value: "FOLDER", help: "folder for the lists", default: DUMP_FOLDER },
    timestamps: { type: "boolean", help: "append each node's newest timestamp to its addresses" },
    settle: {
      type: "number",
      value: "SECONDS",
      help: "quiet time after which the graph counts as complete",
      default: 120,
      min: 1,
      max: 3600,
    },
    limit: {
      type: "number",
      value: "MINUTES",
      help: "time limit",
      default: 60,
      min: 1,
      max: 1440,
    },
  },
  examples: [
    `${PROGRAM} dump --peers peers.txt`,
    `${PROGRAM} dump --saved --timestamps --out lists`,
    `${PROGRAM} dump --from ~/.lightning/bitcoin/gossip_store`,
  ],
}, async ({ config: path, peers, from, saved, out, timestamps, settle, limit }) => {
  const config = await readCollectorConfig(path);
  if (from !== undefined) {
    expectPermitted([{ kind: "read", key: "--from", value: from }], "collector");
    const chain = chainHash(config.network);
    const { graph, messages, refused, unread } = await storeGraph(from, chain, systemClock);
    console.log(`${from}: ${messages} messages, ${refused} not valid, ${unread} bytes unread`);
    await writeLists(graph.view, out, timestamps);
    return 0;
  }
  if (saved) {
    await writeLists(await savedGraph(config), out, timestamps);
    return 0;
  }
  await configureLog(config.log);
  using _ = await holdForDump(config.data_dir);
  const asked = peers === undefined
    ? config
    : { ...config, peers: { ...config.peers, file: peers } };
  const file = graphPath(config.data_dir);
  await using gossip = await GossipService.open(chainHash(config.network), systemClock, file);
  const end = await fillGraph(asked, gossip, {
    settleMs: settle * 1000,
    limitMs: limit * 60_000,
    signal: stopSignal(),
    clock: systemClock,
    random: systemRandom,
    fileAlone: peers !== undefined,
  });
  if (gossip.graph.counts.channels === 0) {
    throw new UserError("Cannot dump the graph: no peer sent a channel");
  }
  await writeLists(gossip.graph.view, out, timestamps);
  if (end === "settled") return 0;
  const reason = end === "alone"
    ? "no peer is connected any more"
    : "the graph was still growing when time was up";
  console.log(`The lists may be incomplete: ${reason}`);
  return EXIT_UNSETTLED;
});

/** @throws {UserError} when a collector runs on the folder: it would overwrite the graph. */
async function holdForDump(dataDir: string): Promise<Disposable> {
  try {
    return await holdDataDir(dataDir);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${error.message}; use --saved to list what it saved last`, {
      cause: error,
    });
  }
}

/** @throws {UserError} when there is no graph file, or it cannot be used. */
async function savedGraph({ data_dir: dataDir, network }: CollectorConfig): Promise<GraphView> {
  const graph = new Graph({ chain: chainHash(network), clock: systemClock });
  const file = graphPath(dataDir);
  const { savedAt, problem } = await new GraphFile(file, graph, systemClock).load();
  if (problem !== null) throw new UserError(`Graph file ${file}: ${problem}`);
  if (savedAt === null) throw new UserError(`Cannot list the saved graph: ${file} does not exist`);
  return graph.view;
}

/** @throws {UserError} when a list cannot be written. */
async function writeLists(view: GraphView, out: string, timestamps: boolean): Promise<void> {
  for (const [name, lines] of listsOf(view, timestamps)) {
    const path = join(out, name);
    try {
      await Deno.mkdir(out, { recursive: true });
      await Deno.writeTextFile(path, lines.join(""));
    } catch (cause) {
      throw new UserError(`Cannot write ${path}: ${errorText(cause)}`, { cause });
    }
    console.log(`${path}: ${lines.length} lines`);
  }
}

/** By file name, each list in the order of its ids. */
function listsOf(view: GraphView, timestamps: boolean): Map<string, string[]> {
  const nodes: string[] = [], channels: string[] = [];
  const clearnet: string[] = [], onion: string[] = [], addresses: string[] = [];
  for (let i = 0; i < view.nodeCount; i++) {
    const node = view.nodeAt(i);
    const nodeId = view.nodeId(node).toHex();
    nodes.push(nodeLine(nodeId));
    const timestamp = timestamps ? view.nodeTimestamp(node) || undefined : undefined;
    for (const end of endsOf(view.nodeAnnouncement(node))) {
      const line = addressLine({ nodeId, end }, timestamp);
      addresses.push(line);
      (end.kind === "onion" ? onion : clearnet).push(line);
    }
  }
  for (let i = 0; i < view.channelCount; i++) {
    const scid = view.scid(view.at(i));
    channels.push(channelLine(scid, view.nodesOf(scid)!));
  }
  return new Map([
    [DUMP_FILES.nodes, nodes],
    [DUMP_FILES.channels, channels],
    [DUMP_FILES.addresses, addresses],
    [DUMP_FILES.clearnet, clearnet],
    [DUMP_FILES.onion, onion],
  ]);
}

/** Announced addresses that can be dialled. */
function endsOf(raw: Uint8Array | null): ReturnType<typeof announcedEndpoint>[] {
  const message = raw && decodeMessage(raw);
  if (!message?.known || message.type !== 257) return [];
  return message.addresses.flatMap((address) => {
    try {
      return [announcedEndpoint(address)];
    } catch (error) {
      if (error instanceof AddressFault) return [];
      throw error;
    }
  });
}
