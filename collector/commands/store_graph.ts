// The graph of a gossip_store file, without any connection.

import type { Clock } from "../../shared/clock.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import { StoreReader } from "../../shared/node_logs/gossip_store.ts";
import { Graph } from "../gossip/graph/graph.ts";
import { ChannelKeys, checkMessage } from "../gossip/verify.ts";

export interface StoreGraph {
  readonly graph: Graph;
  readonly messages: number;
  /** Messages whose signatures do not hold, or whose channel the store does not announce. */
  readonly refused: number;
  /** Bytes at its end that are no whole records. */
  readonly unread: number;
}

/** Reads a store, and checks each signature in it. @throws {UserError} when it cannot be read, or is none. */
export async function storeGraph(
  path: string,
  chain: Uint8Array,
  clock: Clock,
): Promise<StoreGraph> {
  const graph = new Graph({ chain, clock });
  const keys = new ChannelKeys();
  const reader = new StoreReader();
  let messages = 0, refused = 0;
  try {
    for await (const chunk of (await Deno.open(path)).readable) {
      for (const view of reader.push(chunk)) {
        messages++;
        const raw = view.slice();
        const { verdict, channel, signer } = checkMessage(raw, keys, chain);
        if (channel) keys.add(channel.scid, channel.nodes);
        if (verdict !== "valid") refused++;
        graph.accept(raw, verdict, signer ?? null);
      }
    }
    if (reader.version === 0) throw new Error("it is empty");
  } catch (error) {
    throw new UserError(`Cannot read gossip_store ${path}: ${errorText(error)}`, { cause: error });
  }
  return { graph, messages, refused, unread: reader.unread };
}
