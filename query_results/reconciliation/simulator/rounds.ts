// Rounds of reconciliation over links: timers, what travels, and what it costs. How a difference is found is a
// `Codec`'s.

import { allIdsBytes } from "../algorithms/estimators.ts";
import { HEADER_BYTES, ID_BYTES, wireBytes } from "../algorithms/wire.ts";
import * as v from "valibot";
import { duration, integer, oneOf } from "../../../shared/config.ts";
import { randomInteger } from "../../../shared/random.ts";
import { Difference } from "./difference.ts";
import { FIRST_PROTOCOL_EVENT, FLOOD, type Protocol, SILENT } from "./protocol.ts";
import type { Simulation } from "./simulation.ts";

/** Ids that a liar makes up for each round: half of the draft's limit of new ids. */
const JUNK_IDS = 64;

/** What it took to find a difference. */
export interface Found {
  /** Bytes of sketches or the like, framed. */
  sketchBytes: number;
  /** Bytes of ids sent as nothing else worked, framed. */
  fallbackBytes: number;
  /** The first attempt failed. */
  failed: boolean;
  /** Ways between the two ends until the target knows the difference: 1 when the first sketch decodes. */
  ways: number;
  /** Computing time of both ends, milliseconds. */
  cpuMs: number;
}

export interface Codec {
  /** What the round over `edge` takes; `isBad` when an end's sketches are wrong. */
  find(simulation: Simulation, edge: number, difference: Difference, isBad: boolean): Found;
}

/** Options of all protocols by rounds, with the draft BOLT's defaults. */
export const ROUND_OPTIONS = {
  interval: v.optional(duration(1000, 86_400_000), "30s"),
  initiators: v.optional(oneOf(["one", "both"]), "one"),
  /** New ids taken up per direction and round. */
  max_new_ids: v.optional(integer(1, 65_535), 128),
  /** What a node made is sent to all peers in full. */
  flood_on_originate: v.optional(v.boolean("should be true or false"), true),
  lie: v.optional(oneOf(["bad-sketch", "junk-ids"]), "bad-sketch"),
  /**
   * Rounds in a row after which a link floods again, as its sketches never decode or ids that the other end claimed never
   * come; 0: never.
   */
  distrust_after: v.optional(integer(0, 1000), 3),
};

/** Parsed {@link ROUND_OPTIONS}; `interval` in milliseconds, between two rounds that one end starts. */
export type RoundOptions = v.InferOutput<v.StrictObjectSchema<typeof ROUND_OPTIONS, undefined>>;

export type LinkModes = (simulation: Simulation, edge: number, back: number) => void;

/** Rounds instead of flooding, but for own messages where the options say so. */
export function quietLinks({ flood_on_originate }: RoundOptions): LinkModes {
  return ({ mode, ownMode }, edge, back) => {
    mode[edge] = mode[back] = SILENT;
    ownMode[edge] = ownMode[back] = flood_on_originate ? FLOOD : SILENT;
  };
}

/** A protocol of rounds. */
export class Rounds implements Protocol {
  #difference!: Difference;
  /** Per edge that starts rounds, how many in a row came to nothing; -1 once its link floods again. */
  #strikes!: Int32Array;

  /** `modes` says what else links carry. */
  constructor(
    private readonly options: RoundOptions,
    private readonly codec: Codec,
    private readonly modes: LinkModes = quietLinks(options),
  ) {}

  start(simulation: Simulation, links: Int32Array): void {
    const { graph, wheel, random } = simulation;
    const { interval, initiators } = this.options;
    this.#difference = new Difference(simulation);
    this.#strikes = new Int32Array(graph.source.length);
    for (const edge of links) {
      const back = graph.reverse[edge];
      this.modes(simulation, edge, back);
      for (const end of initiators === "both" ? [edge, back] : [edge]) {
        wheel.push(randomInteger(random, interval), FIRST_PROTOCOL_EVENT, end, 0, 0);
      }
    }
  }

  event(simulation: Simulation, kind: number, edge: number): void {
    if (this.#strikes[edge] < 0) return;
    simulation.wheel.push(this.options.interval, kind, edge, 0, 0);
    if (simulation.isUp(edge)) this.#round(simulation, edge);
  }

  #round(simulation: Simulation, edge: number): void {
    const { measures, graph, population } = simulation;
    const { lie, max_new_ids: most, distrust_after } = this.options;
    const difference = this.#difference;
    difference.compare(edge);
    const liars = population.lies[graph.source[edge]] + population.lies[graph.target[edge]];
    const junk = lie === "junk-ids" ? JUNK_IDS * liars : 0;
    difference.size[0] += junk;
    const found = this.codec.find(simulation, edge, difference, lie === "bad-sketch" && liars > 0);
    measures.rounds++;
    measures.differences += difference.size.reduce((sum, size) => sum + size, 0);
    measures.sketchBytes += found.sketchBytes;
    measures.fallbackBytes += found.fallbackBytes;
    measures.cpuMs += found.cpuMs;
    if (found.failed) measures.failedRounds++;
    if (found.fallbackBytes > 0) measures.fallbacks++;
    // The target knows the difference: it sends what the source lacks and asks for the rest.
    const { here, there } = difference;
    const back = graph.reverse[edge], wayMs = population.wayMs[edge];
    difference.settle(edge, here, most);
    difference.settle(back, there, most);
    if (here.count + junk > 0) {
      measures.idBytes += wireBytes(HEADER_BYTES + ID_BYTES * (here.count + junk));
    }
    this.#send(simulation, edge, here.ids, here.count, (found.ways + 1) * wayMs);
    this.#send(simulation, back, there.ids, there.count, found.ways * wayMs);
    this.#strikes[edge] = junk > 0 || found.fallbackBytes > 0 ? this.#strikes[edge] + 1 : 0;
    if (this.#strikes[edge] !== distrust_after || distrust_after === 0) return;
    this.#strikes[edge] = this.#strikes[back] = -1;
    measures.distrusted++;
    if (liars === 0) measures.wronglyDistrusted++;
    simulation.flood(edge);
    simulation.flood(back);
  }

  #send(simulation: Simulation, edge: number, ids: Int32Array, count: number, delayMs: number) {
    if (count === 0) return;
    simulation.markSent(edge, ids, count);
    simulation.sendMessages(edge, ids, count, delayMs);
  }
}

/** Bytes when both ends send all ids that came since the last round. */
export function idsOfBoth({ newHere, newThere }: Difference): number {
  return allIdsBytes([...newHere, ...newThere].reduce((a, b) => a + b, 0));
}
