// The graph of a gossip_store file, without any connection.

import type { Clock } from "../../shared/clock.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import { readRecords, storeVersion } from "../../shared/node_logs/gossip_store.ts";
import { Graph } from "../gossip/graph/graph.ts";
import { ChannelKeys, checkMessage } from "../gossip/verify.ts";

/** Holds the longest record many times. */
const CHUNK_BYTES = 1_048_576;

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
  let messages = 0, refused = 0, at = 1;
  try {
    using file = await Deno.open(path);
    const { size } = await file.stat();
    const chunk = new Uint8Array(CHUNK_BYTES);
    await file.read(chunk.subarray(0, 1));
    const version = storeVersion(chunk[0]);
    for (;;) {
      await file.seek(at, Deno.SeekMode.Start);
      const length = await file.read(chunk) ?? 0;
      const read = readRecords(chunk.subarray(0, length), version);
      for (const view of read.messages) {
        messages++;
        const raw = view.slice();
        const { verdict, channel, signer } = checkMessage(raw, keys, chain);
        if (channel) keys.add(channel.scid, channel.nodes);
        if (verdict !== "valid") refused++;
        graph.accept(raw, verdict, signer ?? null);
      }
      at += read.used;
      if (read.used === 0) return { graph, messages, refused, unread: size - at };
    }
  } catch (error) {
    throw new UserError(`Cannot read gossip_store ${path}: ${errorText(error)}`, { cause: error });
  }
}
