// A real collector with 200 simulated peers and a real nats-server: CPU a receipt, and bytes a receipt on the broker.

import { startCollecting } from "./collecting.ts";
import { floorMeanwhile } from "./decrypt_floor.ts";
import { type Benchmark, figure } from "./figure.ts";
import { cpuMicroseconds } from "./process_cost.ts";

const PEERS = 200;
const SECONDS = 30;

interface Run {
  readonly cpuRatio: number;
  readonly brokerBytesPerReceipt: number;
  readonly lost: number;
  readonly duplicated: number;
}

async function collectOnce(seed: string, progress: (line: string) => void): Promise<Run> {
  await using collecting = await startCollecting({ peers: PEERS, seconds: SECONDS, seed });
  const { simnet, collector } = collecting;
  const before = await cpuMicroseconds(collector.pid);
  await simnet.start();
  const floor = await floorMeanwhile(simnet, SECONDS);
  const { sent } = await simnet.done(SECONDS * 3000);
  const { batches, bytes } = await collecting.atRest();
  const cpu = await cpuMicroseconds(collector.pid) - before;
  await collector.terminate();
  progress(
    `${sent} receipts; ${(cpu / sent).toFixed(1)} µs CPU each, two decrypts ${
      floor.toFixed(1)
    } µs; ${batches} batches, ${bytes} bytes on the broker`,
  );
  let stored = 0;
  for await (const { receipts } of collecting.batches()) stored += receipts.messages.length;
  return {
    cpuRatio: cpu / sent / floor,
    brokerBytesPerReceipt: bytes / sent,
    lost: Math.max(0, sent - stored),
    duplicated: Math.max(0, stored - sent),
  };
}

/** CPU a receipt over its floor, and broker bytes a receipt. */
export const collectorBenchmark: Benchmark = {
  name: "collector",
  what: "a collector process with 200 simulated peers and a real nats-server",
  run: async ({ repeat, progress }) => {
    const runs: Run[] = [];
    for (let i = 0; i < repeat; i++) runs.push(await collectOnce(`bench-${i}`, progress));
    const all = (key: keyof Run) => runs.map((run) => run[key]);
    const none = { sense: "<=", limit: 0 } as const;
    return [
      figure("collector CPU per receipt / CPU of its two decrypts", all("cpuRatio"), "ratio", {
        sense: "<=",
        limit: 2,
      }),
      figure(
        "bytes on the broker per receipt at 200 peers",
        all("brokerBytesPerReceipt"),
        "bytes",
        { sense: "<=", limit: 24 },
      ),
      figure("collector: lost", all("lost"), "receipts", none),
      figure("collector: duplicated", all("duplicated"), "receipts", none),
    ];
  },
};
