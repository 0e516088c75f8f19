// What a protocol of `protocols/` is: one file, whose default export is a `ProtocolFile`.

import type * as v from "valibot";
import type { Simulation } from "./simulation.ts";

/** How messages travel on a directed edge. */
export const SILENT = 0;
/** In full, at the pace of the sender's implementation. */
export const FLOOD = 1;
/** As {@link Protocol.paced} says, at the same pace. */
export const PACED = 2;

/** The first event kind that is a protocol's own. */
export const FIRST_PROTOCOL_EVENT = 16;

/** One protocol in one simulation. */
export interface Protocol {
  /**
   * Chooses modes and starts timers. `links` holds one of the two edges of every link both of whose ends speak it; the
   * other links flood.
   */
  start(simulation: Simulation, links: Int32Array): void;
  /** Takes an event that it pushed on the wheel. */
  event?(simulation: Simulation, kind: number, a: number, b: number, c: number): void;
  /** Sends `ids[0 … count - 1]` on an edge in mode {@link PACED}. */
  paced?(simulation: Simulation, edge: number, ids: Int32Array, count: number): void;
}

/** What a protocol's file exports. */
export interface ProtocolFile {
  /** One line for `--help` and tables. */
  readonly summary: string;
  /** Its options with their defaults and ranges. */
  readonly options: v.GenericSchema;
  /** Whether it replaces timestamps by heights, so that one update per subject and block is sent. */
  readonly onePerBlock?: boolean;
  /** Makes one; `options` are what the schema gave. */
  // deno-lint-ignore no-explicit-any -- each file has options of its own, which its schema has checked
  create(options: any): Protocol;
}

const FOLDER = new URL("./protocols/", import.meta.url);

/** The protocols that there are, by their files' names, with hyphens. */
export async function allProtocols(): Promise<ReadonlyMap<string, ProtocolFile>> {
  const files = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).sort();
  const found = new Map<string, ProtocolFile>();
  for (const file of files) {
    const { default: protocol } = await import(new URL(file, FOLDER).href);
    found.set(file.replace(/\.ts$/, "").replaceAll("_", "-"), protocol);
  }
  return found;
}
