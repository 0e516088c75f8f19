// The channel graph from a list: `scid,node,node` per line, as `gossip_dump/channel_list.csv` and the first observer's
// lists have it, with or without a header.

import { errorText, UserError } from "../../../shared/errors.ts";
import { printable } from "../../../shared/text.ts";
import { components, type Graph, graphOf, MAX_LINKS, MAX_NODES } from "./graph.ts";

/** Faulty lines that are shown. */
const SHOWN = 10;
/** A longer file cannot be a channel list within the limits. */
const MAX_FILE_BYTES = 256 * 1024 ** 2;

const SCID = /^\d+$|^\d+x\d+x\d+$/;
const NODE_ID = /^0[23][0-9a-f]{64}$/i;

/** Reads a list. Throws as {@link parseGraph}. */
export async function readGraph(path: string, largestPart: boolean): Promise<Graph> {
  let text: string;
  try {
    const { size } = await Deno.stat(path);
    if (size > MAX_FILE_BYTES) {
      throw new UserError(`it has ${size} bytes, at most ${MAX_FILE_BYTES} are read`);
    }
    text = await Deno.readTextFile(path);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound ? "no such file" : errorText(error);
    throw new UserError(`Cannot read graph ${path}: ${why}`, { cause: error });
  }
  return parseGraph(text, path, largestPart);
}

/**
 * Parses a list; several channels of two nodes are one link.
 *
 * @param largestPart leave out what is not linked to the largest part.
 * @throws {UserError} with all faults, one per line: what is no channel, too many, in parts.
 */
export function parseGraph(text: string, name: string, largestPart: boolean): Graph {
  const numbers = new Map<string, number>();
  const links = new Map<string, readonly [number, number]>();
  const faults: string[] = [];
  const lines = text.split(/\r?\n/);
  let faulty = 0;
  lines.forEach((line, i) => {
    if (line.trim() === "") return;
    const [scid = "", ...ends] = line.split(",").map((field) => field.trim().replaceAll('"', ""));
    if (i === 0 && /[a-z]/i.test(scid) && !SCID.test(scid)) return;
    const [a = "", b = ""] = ends;
    const fault = !SCID.test(scid)
      ? `"${printable(scid, 30)}" is no short channel id`
      : !NODE_ID.test(a)
      ? `"${printable(a, 30)}" is no node id`
      : !NODE_ID.test(b)
      ? `"${printable(b, 30)}" is no node id`
      : a.toLowerCase() === b.toLowerCase()
      ? "both ends are the same node"
      : undefined;
    if (fault !== undefined) {
      if (++faulty <= SHOWN) faults.push(`line ${i + 1}: ${fault}`);
      return;
    }
    const pair = [a, b].map((id) => {
      const key = id.toLowerCase();
      if (!numbers.has(key)) numbers.set(key, numbers.size);
      return numbers.get(key)!;
    }).sort((x, y) => x - y) as [number, number];
    links.set(pair.join(), pair);
  });
  if (faulty > SHOWN) faults.push(`and ${faulty - SHOWN} more lines`);
  if (links.size === 0) faults.push("no channel; lines should read scid,node_id,node_id");
  if (numbers.size > MAX_NODES) faults.push(`${numbers.size} nodes; at most ${MAX_NODES}`);
  if (links.size > MAX_LINKS) faults.push(`${links.size} links; at most ${MAX_LINKS}`);
  if (faults.length === 0) {
    const graph = graphOf(numbers.size, [...links.values()]);
    const part = components(graph);
    const sizes = Array.from<number>({ length: part.reduce((a, b) => Math.max(a, b), 0) + 1 })
      .fill(0);
    for (const component of part) sizes[component]++;
    const largest = sizes.indexOf(Math.max(...sizes));
    if (sizes.length === 1) return graph;
    if (largestPart) return onlyPart(graph, part, largest);
    const some = sizes.toSorted((a, b) => b - a).slice(0, 3).join(", ");
    faults.push(
      `${sizes.length} parts that no channel links, the largest of ${some} nodes; ` +
        "largest_part: true leaves out all but the first",
    );
  }
  throw new UserError(`Cannot use graph ${name}:\n${faults.map((line) => `  ${line}`).join("\n")}`);
}

function onlyPart(graph: Graph, part: Int32Array, kept: number): Graph {
  const numbers = new Map<number, number>();
  part.forEach((component, node) => {
    if (component === kept) numbers.set(node, numbers.size);
  });
  const links: [number, number][] = [];
  for (let edge = 0; edge < graph.source.length; edge++) {
    const [a, b] = [numbers.get(graph.source[edge]), numbers.get(graph.target[edge])];
    if (a !== undefined && b !== undefined && edge < graph.reverse[edge]) links.push([a, b]);
  }
  return graphOf(numbers.size, links);
}
