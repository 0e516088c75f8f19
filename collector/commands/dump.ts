/**
 * `deno task collect dump`: the collected graph as lists.
 *
 * @module
 */
import { join } from "node:path";
import { chainHash } from "../../shared/bolt/chains.ts";
import { decodeMessage } from "../../shared/bolt/message.ts";
import { type Subcommand, subcommand } from "../../shared/cli.ts";
import { systemClock } from "../../shared/clock.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import { toHex } from "../../shared/text.ts";
import { announcedEndpoint } from "../addresses/announced.ts";
import { addressLine, channelLine, DUMP_FILES, nodeLine } from "../addresses/dump_format.ts";
import { AddressFault } from "../addresses/fault.ts";
import { Graph } from "../gossip/graph/graph.ts";
import { GraphFile } from "../gossip/graph/graph_file.ts";
import type { GraphView } from "../gossip/graph/graph_view.ts";
import { graphPath } from "../gossip/service.ts";
import { CONFIG_FLAG, readCollectorConfig } from "./config_flag.ts";

/** See the module. */
export const dumpCommand: Subcommand = subcommand({
  name: "deno task collect dump",
  summary:
    "Writes the nodes, channels and node addresses of the graph that the collector saved last.",
  flags: {
    config: CONFIG_FLAG,
    out: { type: "string", value: "FOLDER", help: "where the lists go", default: "." },
    timestamps: { type: "boolean", help: "put each node's newest timestamp behind its addresses" },
  },
}, async ({ config: path, out, timestamps }) => {
  const { data_dir: dataDir, network } = await readCollectorConfig(path);
  const graph = new Graph({ chain: chainHash(network), clock: systemClock });
  const file = graphPath(dataDir);
  const { savedAt, problem } = await new GraphFile(file, graph, systemClock).load();
  if (problem !== null) throw new UserError(`Graph file ${file}: ${problem}`);
  if (savedAt === null) throw new UserError(`There is no graph file ${file}`);
  for (const [name, lines] of listsOf(graph.view, timestamps)) {
    const path = join(out, name);
    try {
      await Deno.writeTextFile(path, lines.join(""));
    } catch (cause) {
      throw new UserError(`Cannot write ${path}: ${errorText(cause)}`, { cause });
    }
    console.log(`${path}: ${lines.length} lines`);
  }
});

/** The lists by file name, each in the order of its ids. */
function listsOf(view: GraphView, timestamps: boolean): Map<string, string[]> {
  const nodes: string[] = [], channels: string[] = [];
  const clearnet: string[] = [], onion: string[] = [], addresses: string[] = [];
  for (let i = 0; i < view.nodeCount; i++) {
    const node = view.nodeAt(i);
    const nodeId = toHex(view.nodeId(node));
    nodes.push(nodeLine(nodeId));
    const timestamp = timestamps ? view.nodeTimestamp(node) || undefined : undefined;
    for (const end of endsOf(view.nodeAnnouncement(node))) {
      const line = addressLine({ nodeId, end }, timestamp);
      addresses.push(line);
      (end.kind === "onion" ? onion : clearnet).push(line);
    }
  }
  for (let i = 0; i < view.channelCount; i++) {
    const slot = view.at(i);
    const [nodeOne, nodeTwo] = ([0, 1] as const).map((direction) =>
      toHex(view.nodeId(view.nodeOf(slot, direction)))
    );
    channels.push(channelLine({ scid: view.scid(slot), nodeOne, nodeTwo }));
  }
  return new Map([
    [DUMP_FILES.nodes, nodes],
    [DUMP_FILES.channels, channels],
    [DUMP_FILES.addresses, addresses],
    [DUMP_FILES.clearnet, clearnet],
    [DUMP_FILES.onion, onion],
  ]);
}

/** The addresses of a node_announcement that somebody could dial. */
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
