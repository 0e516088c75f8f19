// The graph on disk: written to a new file that then takes the old one's name, so that there is always a whole one. The
// channels that come between two savings are in a file of their own, see `recent_channels.ts`.

import type { Clock } from "../../../shared/clock.ts";
import { errorText, UserError } from "../../../shared/errors.ts";
import { readFull, writeWholeFile } from "../../../shared/files.ts";
import { KEY_BYTES } from "../../../shared/bolt/codec.ts";
import type { Graph } from "./graph.ts";
import { type Block, BLOCK_BYTES, BlockFault, BlockWriter, readBlock } from "./graph_blocks.ts";
import type { GraphView } from "./graph_view.ts";
import { RecentChannels } from "./recent_channels.ts";

/** A graph of the largest size has 1,700 blocks; a file above 256 MiB was not written here. */
const MAX_BLOCKS = 4096;

/** One graph and its file. */
export class GraphFile implements Disposable {
  readonly #recent: RecentChannels;
  #saving: Promise<void> | undefined;
  /** {@link Graph.changes} when it was read or written last. */
  #saved = -1;

  /** Nothing is read or written yet. `path` is the file's; `path.new` is used while writing. */
  constructor(
    private readonly path: string,
    private readonly graph: Graph,
    private readonly clock: Clock,
  ) {
    this.#recent = new RecentChannels(path);
  }

  get isStale(): boolean {
    return this.graph.changes !== this.#saved;
  }

  /**
   * Puts what the file holds into the graph, which should be empty; then what is too old by now goes. A file that is
   * not there is an empty graph. Any content is fine: {@link Restored.problem} says what cannot be used, for a log
   * line after `Graph file PATH: `.
   * @throws {UserError} when the file is there and cannot be read.
   */
  async load(): Promise<Restored> {
    const { problem, ...restored } = await this.#loadBlocks();
    const recent = this.#recent.restore(this.graph);
    if (problem === null && recent === 0 && restored.savedAt !== null) {
      this.#saved = this.graph.changes;
    }
    this.graph.prune();
    return { ...restored, messages: restored.messages + recent, problem };
  }

  async #loadBlocks(): Promise<Restored> {
    const restorer = new GraphRestorer(this.graph);
    try {
      using file = await Deno.open(this.path);
      const block = new Uint8Array(BLOCK_BYTES);
      for (let i = 0; i < MAX_BLOCKS; i++) {
        const read = await readFull(file, block);
        if (read.length === 0 || !restorer.take(read)) break;
      }
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) {
        return { messages: 0, savedAt: null, problem: null };
      }
      throw new UserError(`Cannot read graph file ${this.path}: ${errorText(cause)}`, { cause });
    }
    return restorer.finish();
  }

  /** Keeps a channel_announcement that the graph took just now, until the graph is saved. */
  append(raw: Uint8Array): void {
    this.#recent.append(raw, Math.floor(this.clock.now() / 1_000_000));
  }

  [Symbol.dispose](): void {
    this.#recent[Symbol.dispose]();
  }

  /**
   * Writes the graph block by block, so that other work continues; a call while another one is under way joins it.
   * @throws {UserError} when it cannot be written; the file that was there is untouched.
   */
  save(): Promise<void> {
    this.#saving ??= this.#write().finally(() => this.#saving = undefined);
    return this.#saving;
  }

  async #write(): Promise<void> {
    const { changes } = this.graph;
    this.#recent.rotate();
    try {
      const savedAt = Math.floor(this.clock.now() / 1_000_000);
      await writeWholeFile(this.path, graphBlocks(this.graph, savedAt));
    } catch (cause) {
      throw new UserError(`Cannot save graph file ${this.path}: ${errorText(cause)}`, { cause });
    }
    this.#saved = changes;
    this.#recent.settle();
  }
}

/**
 * The blocks of a graph's file in order, each a view that holds until the next one is asked for. The graph may change
 * in between: what was written by then is not written again.
 * @param savedAt seconds since the Unix epoch.
 */
export function* graphBlocks(graph: Graph, savedAt: number): Generator<Uint8Array<ArrayBuffer>> {
  const writer = new BlockWriter();
  yield writer.header(graph.chain, savedAt);
  // Positions do not outlive a yield, so the next scid and node id are kept instead.
  for (let next = 0n; (next = addChannels(writer, graph.view, next)) >= 0n;) yield writer.data();
  yield writer.data();
  let next: Uint8Array | null = new Uint8Array(KEY_BYTES);
  while ((next = addNodes(writer, graph.view, next))) yield writer.data();
  yield writer.data();
  yield writer.end();
}

/** Fills a block with channels from the scid `from` on, each with its updates; gives the next scid, or -1n. */
function addChannels(writer: BlockWriter, view: GraphView, from: bigint): bigint {
  for (let position = view.lowerBound(from); position < view.channelCount; position++) {
    const slot = view.at(position);
    const updates = [view.update(slot, 0), view.update(slot, 1)].filter((raw) => raw !== null);
    const announcement = view.announcement(slot);
    const bytes = updates.reduce((sum, raw) => sum + raw.length, announcement.length);
    if (!writer.fits(1 + updates.length, bytes)) return view.scid(slot);
    writer.add(announcement, view.addedAt(slot));
    for (const raw of updates) writer.add(raw, 0);
  }
  return -1n;
}

/** Likewise with node_announcements; gives the next node id, or null. */
function addNodes(writer: BlockWriter, view: GraphView, from: Uint8Array): Uint8Array | null {
  for (let position = view.nodeLowerBound(from); position < view.nodeCount; position++) {
    const node = view.nodeAt(position);
    const raw = view.nodeAnnouncement(node);
    if (!raw) continue;
    if (!writer.fits(1, raw.length)) return view.nodeId(node).slice();
    writer.add(raw, 0);
  }
  return null;
}

export interface Restored {
  readonly messages: number;
  /** When the file was written, seconds since the Unix epoch; null when that is unknown. */
  readonly savedAt: number | null;
  /** What was wrong with the file and what that means; null when it was whole. */
  readonly problem: string | null;
}

/** Puts blocks into a graph, in the order of the file. */
export class GraphRestorer {
  #number = 0;
  #savedAt: number | null = null;
  #restored = 0;
  #damaged = 0;
  #end = false;
  #refusal: string | null = null;

  constructor(private readonly graph: Graph) {}

  take(bytes: Uint8Array): boolean {
    const number = this.#number++;
    let block: Block;
    try {
      block = readBlock(bytes, number, this.graph.chain);
    } catch (error) {
      if (!(error instanceof BlockFault)) throw error;
      if (number === 0) {
        this.#refusal = error.code === "foreign" ? error.message : "its first block is damaged";
      } else this.#damaged++;
      return number > 0;
    }
    if (block.kind === "header") this.#savedAt = block.savedAt;
    else if (block.kind === "data") {
      for (const { raw, addedAt } of block.records) {
        if (this.graph.restore(raw, addedAt) === "added") this.#restored++;
      }
    } else this.#end = true;
    return !this.#end;
  }

  finish(): Restored {
    return { messages: this.#restored, savedAt: this.#savedAt, problem: this.#problem() };
  }

  #problem(): string | null {
    if (this.#refusal) return `${this.#refusal}; starting with an empty graph`;
    if (this.#number === 0) return "it is empty; starting with an empty graph";
    const faults = [
      this.#damaged > 0 ? `${this.#damaged} of its ${this.#number} blocks are damaged` : "",
      this.#end ? "" : "its end is missing",
    ].filter((fault) => fault !== "");
    if (faults.length === 0) return null;
    return `${faults.join(" and ")}; starting with the ${this.#restored} messages that are whole`;
  }
}
