// A collector process on one core with 1,000 peers, who deliver some 30,000 receipts a second and ping. The peers, all
// in one process, and the broker have another core.

import { systemClock } from "../../shared/clock.ts";
import { UserError } from "../../shared/errors.ts";
import { type Collecting, startCollecting } from "./collecting.ts";
import { floorMeanwhile } from "./decrypt_floor.ts";
import { type Benchmark, type BenchmarkOptions, type Figure, figure } from "./figure.ts";
import { coresOf, cpuMicroseconds, peakRss, pin } from "./process_cost.ts";

const PEERS = 1000;
/** A tenth above the bar, so that a thinner second of the traffic stays above it. */
const OFFERED_RECEIPTS_PER_SECOND = 33_000;
const SECONDS = 60;
const FULL_SECONDS = 600;
const COLLECTOR_CORE = "0";
const OTHER_CORE = "1";
const MB = 1_000_000;

interface Run {
  /** Peers whose receipts came in the measured time. */
  readonly delivering: number;
  /** Sessions that ended. */
  readonly dropped: number;
  /** Receipts stamped in the measured time, by its seconds. */
  readonly perSecond: number;
  /** CPU a receipt over that of its two decrypts, once the rate has settled and the compiler is done. */
  readonly cpuRatio: number;
  /** MB. */
  readonly peakRss: number;
  /** Of 100 pongs the 99th fastest, ms. */
  readonly pongP99: number;
  readonly lost: number;
  readonly duplicated: number;
}

async function holdOnce(
  seconds: number,
  seed: string,
  progress: (line: string) => void,
): Promise<Run> {
  await using collecting = await startCollecting({
    peers: PEERS,
    seconds,
    seed,
    rate: OFFERED_RECEIPTS_PER_SECOND,
  });
  const { simnet, collector } = collecting;
  await pin(collector.pid, COLLECTOR_CORE);
  const settling = simnet.ready.settling_seconds;
  await simnet.start();
  await systemClock.sleep(settling * 1000);
  const cpuBefore = await cpuMicroseconds(collector.pid);
  const floor = await floorMeanwhile(simnet, seconds);
  const done = await simnet.done((settling + seconds) * 3000);
  await collecting.atRest();
  const cpu = await cpuMicroseconds(collector.pid) - cpuBefore;
  const rss = await peakRss(collector.pid) / MB;
  const stamped = await readStamped(collecting, settling, seconds);
  progress(
    `${stamped.receipts} of ${done.sent} receipts in ${done.seconds.toFixed(1)} s, ` +
      `${(cpu / stamped.settled).toFixed(1)} µs CPU each (two decrypts alone: ` +
      `${floor.toFixed(1)}); at most ` +
      `${done.worst_lag_seconds.toFixed(2)} s behind the plan; ${done.pongs} pongs: half within ` +
      `${done.pong_milliseconds.p50.toFixed(1)} ms, all within ` +
      `${done.pong_milliseconds.worst.toFixed(1)} ms; the peers' process used ` +
      `${(100 * done.cpu_seconds / done.seconds).toFixed()} % of its core` +
      [...new Set(done.failures)].map((reason) => `; ${reason}`).join(""),
  );
  return {
    delivering: stamped.delivering,
    dropped: stamped.ended,
    perSecond: stamped.measured / seconds,
    cpuRatio: cpu / stamped.settled / floor,
    peakRss: rss,
    pongP99: done.pong_milliseconds.p99,
    lost: Math.max(0, done.sent - stamped.receipts),
    duplicated: Math.max(0, stamped.receipts - done.sent),
  };
}

/** What the broker holds: all receipts, those stamped once the rate has settled, and of them those in `seconds`. */
async function readStamped(
  collecting: Collecting,
  settlingSeconds: number,
  seconds: number,
): Promise<
  { receipts: number; settled: number; measured: number; delivering: number; ended: number }
> {
  const nodes = new Map<number, string>();
  const delivering = new Set<string>();
  let receipts = 0, settled = 0, measured = 0, ended = 0, from = Infinity;
  for await (const { receipts: batch, events } of collecting.batches()) {
    for (const event of events) {
      if (event.kind === "session_opened") nodes.set(event.session, event.node_id);
      else if (event.kind === "session_closed") ended++;
    }
    receipts += batch.receivedAt.length;
    if (from === Infinity && batch.receivedAt.length > 0) {
      from = batch.receivedAt[0] + settlingSeconds * 1e6;
    }
    for (let i = 0; i < batch.receivedAt.length; i++) {
      const since = batch.receivedAt[i] - from;
      if (since < 0) continue;
      settled++;
      if (since >= seconds * 1e6) continue;
      measured++;
      delivering.add(nodes.get(batch.sessions[i])!);
    }
  }
  return { receipts, settled, measured, delivering: delivering.size, ended };
}

async function run({ repeat, full, progress }: BenchmarkOptions): Promise<readonly Figure[]> {
  if (navigator.hardwareConcurrency < 2) {
    throw new UserError("The benchmark of 1,000 peers needs two cores: one is the collector's");
  }
  const before = await coresOf(Deno.pid);
  // What this process starts is on its core, until it is told otherwise.
  await pin(Deno.pid, OTHER_CORE);
  const runs: Run[] = [];
  try {
    for (let i = 0; i < repeat; i++) {
      runs.push(await holdOnce(full ? FULL_SECONDS : SECONDS, `peers-${i}`, progress));
    }
  } finally {
    await pin(Deno.pid, before);
  }
  const all = (key: keyof Run) => runs.map((run) => run[key]);
  const at = `at ${PEERS} peers`;
  const none = { sense: "<=", limit: 0 } as const;
  return [
    figure("collector: peers held, all delivering", all("delivering"), "peers", {
      sense: ">=",
      limit: PEERS,
    }),
    figure(`collector: peers dropped ${at}`, all("dropped"), "peers", none),
    figure(`collector: receipts on one core ${at}`, all("perSecond"), "receipts/s", {
      sense: ">=",
      limit: 30_000,
    }),
    figure(`collector CPU per receipt / CPU of its two decrypts ${at}`, all("cpuRatio"), "ratio", {
      sense: "<=",
      limit: 2,
    }),
    figure(`collector: RSS ${at}`, all("peakRss"), "MB", { sense: "<=", limit: 250 }),
    figure(`collector: pong delay, p99, ${at}`, all("pongP99"), "ms", { sense: "<=", limit: 200 }),
    figure(`collector: lost ${at}`, all("lost"), "receipts", none),
    figure(`collector: duplicated ${at}`, all("duplicated"), "receipts", none),
  ];
}

/** What a collector sustains at 1,000 peers. */
export const peersBenchmark: Benchmark = {
  name: "peers",
  what: "a collector process on one core with 1,000 simulated peers: rate, memory, pongs, losses",
  run,
};
