/**
 * A real collector with 200 simulated peers and a real nats-server: CPU a receipt, and bytes a receipt on the broker.
 *
 * @module
 */
import type { JetStreamManager } from "nats";
import { decodeBatch } from "../../shared/batch/codec.ts";
import { systemClock } from "../../shared/clock.ts";
import { connectNats } from "../../shared/nats/connect.ts";
import { BATCHES, STREAM } from "../../shared/subjects.ts";
import { type SimnetChild, startSimnet } from "../simnet/child.ts";
import { startNatsServer } from "../support/nats_server.ts";
import { type Process, startProgram } from "../support/process.ts";
import { tempDir } from "../support/temp_dir.ts";
import { collectorConfig } from "../demo/configs.ts";
import { twoDecryptsMicroseconds } from "./decrypt_floor.ts";
import { type Benchmark, figure, median } from "./figure.ts";

const PEERS = 200;
const SECONDS = 30;
const READY_MILLISECONDS = 60_000;
/** Longer than the collector's batches stay open. */
const REST_MILLISECONDS = 3000;
/** The kernel counts a process's CPU in hundredths of a second. */
const TICK_MICROSECONDS = 10_000;
/** How often the floor is measured during a run. */
const FLOOR_ROUNDS = 9;
/** The real run's mean message. */
const MESSAGE_BYTES = 248;

interface Run {
  readonly cpuRatio: number;
  readonly brokerBytesPerReceipt: number;
  readonly lost: number;
  readonly duplicated: number;
}

/** One run: nobody takes batches off the stream, so that in the end it holds them all. */
async function collectOnce(seed: string, progress: (line: string) => void): Promise<Run> {
  await using nats = await startNatsServer();
  await using dir = await tempDir();
  const connection = await connectNats({ servers: [nats.url], name: "gossip benchmark" });
  try {
    const manager = await connection.jetstreamManager();
    await manager.streams.add({ name: STREAM, subjects: [BATCHES] });
    await using simnet = await startSimnet({ peers: PEERS, seconds: SECONDS, seed, dir: dir.path });
    const config = dir.join("collector.yaml");
    await Deno.writeTextFile(
      config,
      collectorConfig({
        peersFile: simnet.ready.addresses,
        peers: PEERS,
        dataDir: dir.join("data"),
        longestSeconds: 10 * SECONDS,
        uplink: { kind: "nats", server: nats.url },
      }),
    );
    await using collector = startProgram("collector/main.ts", ["--config", config], [
      "-P=collector",
      "--allow-net=127.0.0.0/8",
      `--allow-read=${dir.path}`,
      `--allow-write=${dir.path}`,
    ]);
    await untilSubscribed(simnet, collector);
    const before = await cpuMicroseconds(collector.pid);
    await simnet.start();
    const floor = await floorMeanwhile(simnet);
    const { sent } = await simnet.done(SECONDS * 3000);
    await streamAtRest(manager);
    const cpu = await cpuMicroseconds(collector.pid) - before;
    await collector.terminate();
    const { state } = await manager.streams.info(STREAM);
    progress(
      `${sent} receipts; ${(cpu / sent).toFixed(1)} µs CPU each, two decrypts ${
        floor.toFixed(1)
      } µs; ` +
        `${state.messages} batches, ${state.bytes} bytes on the broker`,
    );
    const stored = await storedReceipts(manager, state.last_seq);
    return {
      cpuRatio: cpu / sent / floor,
      brokerBytesPerReceipt: state.bytes / sent,
      lost: Math.max(0, sent - stored),
      duplicated: Math.max(0, stored - sent),
    };
  } finally {
    await connection.close();
  }
}

/**
 * CPU of the two decrypts, measured beside the run: a core that shares its caches and its neighbour with others takes
 * longer for the same work than an idle machine's does, for the floor as for what is held against it.
 */
async function floorMeanwhile(simnet: SimnetChild): Promise<number> {
  const rounds: number[] = [];
  while (simnet.finished() === null && rounds.length < FLOOR_ROUNDS) {
    await systemClock.sleep(SECONDS * 1000 / (FLOOR_ROUNDS + 1));
    rounds.push(twoDecryptsMicroseconds(MESSAGE_BYTES));
  }
  return median(rounds);
}

/** CPU that a process has used, user and system, all its threads: proc(5), fields 14 and 15 of its stat. */
async function cpuMicroseconds(pid: number): Promise<number> {
  // Deno itself reads /proc with --allow-all alone.
  const { stdout } = await new Deno.Command("cat", { args: [`/proc/${pid}/stat`] }).output();
  const stat = new TextDecoder().decode(stdout);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROSECONDS;
}

/** Waits until every simulated peer was asked for gossip. */
async function untilSubscribed(simnet: SimnetChild, collector: Process): Promise<void> {
  const end = performance.now() + READY_MILLISECONDS;
  while (simnet.progress()?.subscribed !== PEERS) {
    if (performance.now() > end || collector.status !== null) {
      throw new Error(
        `not all simulated peers were asked for gossip:\n${collector.lines.slice(-20).join("\n")}`,
      );
    }
    await systemClock.sleep(100);
  }
}

/** Waits until no batch has come for longer than a batch may stay open. */
async function streamAtRest(manager: JetStreamManager): Promise<void> {
  for (let last = -1;;) {
    const { state } = await manager.streams.info(STREAM);
    if (state.last_seq === last) return;
    last = state.last_seq;
    await systemClock.sleep(REST_MILLISECONDS);
  }
}

/** Receipts in all batches of the stream. */
async function storedReceipts(manager: JetStreamManager, lastSequence: number): Promise<number> {
  let receipts = 0;
  for (let seq = 1; seq <= lastSequence; seq++) {
    const { data } = await manager.streams.getMessage(STREAM, { seq });
    receipts += decodeBatch(data).receipts.messages.length;
  }
  return receipts;
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
        limit: 3,
      }),
      figure(
        "bytes on the broker per receipt at 200 peers",
        all("brokerBytesPerReceipt"),
        "bytes",
        {
          sense: "<=",
          limit: 24,
        },
      ),
      figure("collector: lost", all("lost"), "receipts", none),
      figure("collector: duplicated", all("duplicated"), "receipts", none),
    ];
  },
};
