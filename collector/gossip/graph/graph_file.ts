/**
 * The graph on disk: written to a new file that then takes the old one's name, so that there is always a whole one.
 *
 * @module
 */
import type { Clock } from "../../../shared/clock.ts";
import { errorText, UserError } from "../../../shared/errors.ts";
import type { Graph } from "./graph.ts";
import { BLOCK_BYTES } from "./graph_blocks.ts";
import { graphBlocks, GraphRestorer, type Restored } from "./graph_codec.ts";

/** A graph of the largest size has 1,700 blocks; a file above 256 MiB was not written here. */
const MAX_BLOCKS = 4096;

/** One graph and its file. */
export class GraphFile {
  readonly #path: string;
  readonly #graph: Graph;
  readonly #clock: Clock;
  #saving: Promise<void> | undefined;
  /** {@link Graph.changes} when it was read or written last. */
  #saved = -1;

  /** Nothing is read or written yet. `path` is the file's; `path.new` is used while writing. */
  constructor(path: string, graph: Graph, clock: Clock) {
    this.#path = path;
    this.#graph = graph;
    this.#clock = clock;
  }

  /** Whether the graph is not as it is on disk. */
  get isStale(): boolean {
    return this.#graph.changes !== this.#saved;
  }

  /**
   * Puts what the file holds into the graph, which should be empty; then what is too old by now goes. A file that is
   * not there is an empty graph. Any content is fine: what cannot be used is told in {@link Restored.problem}, which
   * is for a log line behind `Graph file PATH: `.
   *
   * @throws {UserError} when the file is there and cannot be read.
   */
  async load(): Promise<Restored> {
    const restorer = new GraphRestorer(this.#graph);
    try {
      using file = await Deno.open(this.#path);
      const block = new Uint8Array(BLOCK_BYTES);
      for (let i = 0; i < MAX_BLOCKS; i++) {
        const length = await fill(file, block);
        if (length === 0 || !restorer.take(block.subarray(0, length))) break;
      }
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) {
        return { messages: 0, savedAt: null, problem: null };
      }
      throw new UserError(`Cannot read graph file ${this.#path}: ${errorText(cause)}`, { cause });
    }
    const restored = restorer.finish();
    if (restored.problem === null) this.#saved = this.#graph.changes;
    this.#graph.prune();
    return restored;
  }

  /**
   * Writes the graph block by block, so that other work goes on; a call while another one is under way joins it.
   *
   * @throws {UserError} when it cannot be written; the file that was there is untouched.
   */
  save(): Promise<void> {
    this.#saving ??= this.#write().finally(() => this.#saving = undefined);
    return this.#saving;
  }

  async #write(): Promise<void> {
    const draft = `${this.#path}.new`;
    const { changes } = this.#graph;
    try {
      using file = await Deno.open(draft, { write: true, create: true, truncate: true });
      const savedAt = Math.floor(this.#clock.now() / 1_000_000);
      for (const block of graphBlocks(this.#graph, savedAt)) {
        for (let sent = 0; sent < block.length;) sent += await file.write(block.subarray(sent));
      }
      // Before the name points at it, else a power cut could leave an empty file under that name.
      await file.syncData();
      await Deno.rename(draft, this.#path);
    } catch (cause) {
      await Deno.remove(draft).catch(() => {});
      throw new UserError(`Cannot save graph file ${this.#path}: ${errorText(cause)}`, { cause });
    }
    this.#saved = changes;
  }
}

/** Reads until the buffer is full or the file ends; gives how many bytes it holds. */
async function fill(file: Deno.FsFile, buffer: Uint8Array): Promise<number> {
  let length = 0;
  while (length < buffer.length) {
    const read = await file.read(buffer.subarray(length));
    if (read === null) break;
    length += read;
  }
  return length;
}
