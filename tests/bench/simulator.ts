// The simulator's speed, beside a bare loop of the same memory traffic, and its memory at mainnet's size.

import { type Benchmark, type Figure, figure } from "./figure.ts";

/** The run of 2025-09-26: 297.6 unique messages per minute. */
const REAL_RATE = 4.96;
const HOUR = { hours: 1, rate: REAL_RATE, observer: 0 };
const EIGHT_LINKS = {
  ...HOUR,
  network: { nodes: 2000, shape: "regular", links: 8 },
  population: { sync_links: { lnd: 8, cln: 8, ldk: 8, eclair: 8 } },
};
const MAINNET = { ...HOUR, network: { nodes: 10_000, shape: "regular", links: 8 } };
/** Messages on their way at a time: those of LND's 90 s. */
const WINDOW = Math.round(90 * REAL_RATE);
/** Batches on their way at a time: 15 million per hour, about 30 s each. */
const QUEUE = 1 << 17;

interface Outcome {
  readonly seconds: number;
  readonly deliveries: number;
  readonly batches: number;
  readonly messages: number;
  readonly rounds: number;
  readonly decoded: number;
  readonly agreed: number;
  readonly rss: number;
}

async function live(protocol: string, settings: object): Promise<Outcome> {
  const script = new URL("simulator_process.ts", import.meta.url).pathname;
  const args = ["run", "--quiet", "--no-check", "--allow-all", script, protocol];
  const command = new Deno.Command("deno", { args: [...args, JSON.stringify(settings)] });
  const { success, stdout, stderr } = await command.output();
  if (!success) throw new Error(`${protocol} failed:\n${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/**
 * Reads and writes what that many deliveries read and write: per batch a record of the queue; per message size, successor,
 * told bits of both edges, the receiver's bit, its place in the batch twice, and for first receipts log and reach. Edges
 * and messages are drawn by a linear congruence. No rules, timers or order of events.
 */
function bareLoop(
  { deliveries, batches, messages }: Outcome,
  nodes: number,
  degree: number,
): number {
  const batch = Math.round(deliveries / batches);
  const words = (messages + 31) >>> 5, edges = nodes * degree;
  const told = new Int32Array(edges * words), have = new Int32Array(nodes * words);
  const log = new Int32Array(nodes * messages), filled = new Int32Array(nodes);
  const reach = new Int32Array(messages), newer = new Int32Array(messages).fill(-1);
  const sizes = new Uint16Array(messages).fill(140);
  const queue = new Int32Array(8 * QUEUE), pool = new Int32Array(QUEUE * batch);
  let bytes = 0, state = 1, stale = 0;
  const started = performance.now();
  for (let done = 0; done < deliveries; done += batch) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const edge = state % edges, slot = state >>> 15;
    const from = Math.floor((messages - WINDOW) * (done / deliveries));
    queue[8 * slot] = edge;
    queue[8 * slot + 1] = done;
    for (let k = 0; k < batch; k++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const message = from + (state >>> 8) % WINDOW;
      told[edge * words + (message >>> 5)] |= 1 << (message & 31);
      if (newer[message] >= 0) stale++;
      bytes += sizes[message];
      pool[slot * batch + k] = message;
    }
    // A batch that was sent long ago arrives.
    const arrived = (slot + QUEUE / 2) % QUEUE;
    const back = edges - 1 - queue[8 * arrived], node = Math.floor(back / degree);
    for (let k = 0; k < batch; k++) {
      const message = pool[arrived * batch + k], word = message >>> 5, bit = 1 << (message & 31);
      told[back * words + word] |= bit;
      if ((have[node * words + word] & bit) !== 0) continue;
      have[node * words + word] |= bit;
      log[node * messages + filled[node]++] = message;
      reach[message]++;
    }
  }
  if (bytes + stale < 0) throw new Error("never: it keeps the sums alive");
  return (performance.now() - started) / 1000;
}

/** See the module. */
export const simulatorBenchmark: Benchmark = {
  name: "simulator",
  what: "simulated flooding, 2,000 nodes for an hour; with --full 10,000 nodes of the draft BOLT",
  async *run({ repeat, full, progress }): AsyncIterable<Figure> {
    const runs: Outcome[] = [], ratios: number[] = [];
    for (let i = 0; i < repeat; i++) {
      const run = await live("flood", EIGHT_LINKS);
      const bare = bareLoop(run, 2000, 8);
      runs.push(run);
      ratios.push(bare / run.seconds);
      progress(
        `${run.deliveries} deliveries in ${run.seconds.toFixed(1)} s, bare loop ${
          bare.toFixed(1)
        } s`,
      );
    }
    yield figure("flood: 2,000 nodes, 8 links, one hour", runs.map(({ seconds }) => seconds), "s", {
      sense: "<=",
      limit: 300,
    });
    const rates = runs.map(({ deliveries, seconds }) => deliveries / seconds);
    yield figure("simulated deliveries", rates, "deliveries/s");
    yield figure("simulated deliveries / bare loop of the same memory traffic", ratios, "ratio", {
      sense: ">=",
      limit: 0.25,
    });
    if (!full) return;
    const draft = await live("draft-bolt", MAINNET);
    progress(
      `${draft.rounds} rounds in ${draft.seconds.toFixed()} s, ${draft.agreed} of ${draft.decoded} decodes agree`,
    );
    yield figure("draft BOLT: 10,000 nodes, one hour", [draft.seconds], "s");
    yield figure("draft BOLT: 10,000 nodes, peak memory", [draft.rss / 2 ** 30], "GiB", {
      sense: "<=",
      limit: 8,
    });
  },
};
