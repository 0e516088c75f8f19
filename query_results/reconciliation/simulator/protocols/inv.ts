// Announce, then send: ids at the pace of today's flooding, messages in full to who asks.

import { HEADER_BYTES, ID_BYTES, wireBytes } from "../../algorithms/wire.ts";
import * as v from "valibot";
import { IntList } from "../id_pool.ts";
import {
  FIRST_PROTOCOL_EVENT,
  FLOOD,
  PACED,
  type Protocol,
  type ProtocolFile,
} from "../protocol.ts";
import type { Simulation } from "../simulation.ts";

class Announcing implements Protocol {
  /** Per node, which messages it has asked for. One that is lost on the way is not asked for again. */
  #asked!: Int32Array;
  readonly #wanted = new IntList();

  start({ have, mode, ownMode, graph }: Simulation, links: Int32Array): void {
    this.#asked = new Int32Array(have.length);
    for (const link of links) {
      for (const edge of [link, graph.reverse[link]]) {
        if (mode[edge] === FLOOD) mode[edge] = PACED;
        if (ownMode[edge] === FLOOD) ownMode[edge] = PACED;
      }
    }
  }

  paced(simulation: Simulation, edge: number, ids: Int32Array, count: number): void {
    const { measures, wheel, population } = simulation;
    measures.idBytes += wireBytes(HEADER_BYTES + ID_BYTES * count);
    const block = simulation.keep(ids, count);
    wheel.push(population.wayMs[edge], FIRST_PROTOCOL_EVENT, edge, block, count);
  }

  /** An announcement has come over `edge`. */
  event(simulation: Simulation, _kind: number, edge: number, block: number, count: number): void {
    const { pool, graph, words, measures, population } = simulation;
    const node = graph.target[edge];
    const announced = pool.ids.subarray(block, block + count);
    simulation.markSent(graph.reverse[edge], announced, count);
    const wanted = this.#wanted.cleared(count);
    for (const message of simulation.isUp(edge) ? announced : []) {
      const word = node * words + (message >>> 5), bit = 1 << (message & 31);
      if (((simulation.have[word] | this.#asked[word]) & bit) !== 0) continue;
      if (simulation.isRefused(node, message) || simulation.isSuperseded(node, message)) continue;
      this.#asked[word] |= bit;
      wanted.push(message);
    }
    pool.release(block, count);
    if (wanted.count === 0) return;
    measures.idBytes += wireBytes(HEADER_BYTES + ID_BYTES * wanted.count);
    simulation.sendMessages(edge, wanted.ids, wanted.count, population.wayMs[edge]);
  }
}

export default {
  summary: "ids first, full messages to who asks",
  options: v.strictObject({}),
  create: () => new Announcing(),
} satisfies ProtocolFile;
