// Handshakes of the side that dials, over real sockets with simulated peers in a process of their own.

import { startSimnet } from "../simnet/child.ts";
import { startProgram } from "../support/servers/process.ts";
import { tempDir } from "../support/temp_dir.ts";
import { type Benchmark, figure, median } from "./figure.ts";
import type { HandshakeCosts } from "./handshake_process.ts";

const PEERS = 50;
const MOST_MILLISECONDS = 120_000;

async function measureOnce(seed: string): Promise<HandshakeCosts> {
  await using dir = await tempDir();
  await using simnet = await startSimnet({ peers: PEERS, seconds: 1, seed, dir: dir.path });
  await using dialling = startProgram("tests/bench/handshake_process.ts", [
    simnet.ready.addresses,
  ], ["--allow-net=127.0.0.1", `--allow-read=${dir.path}`]);
  return JSON.parse(
    await dialling.waitForLine(/^\{"handshake"/, { timeoutMilliseconds: MOST_MILLISECONDS }),
  );
}

/** What a handshake costs over its curve operations: its rate is the inverse of its CPU, and so is their limit. */
export const handshakesBenchmark: Benchmark = {
  name: "handshakes",
  what: "BOLT 8 handshakes of the side that dials, over real sockets",
  run: async ({ repeat, progress }) => {
    const rates: number[] = [], ratios: number[] = [];
    for (let i = 0; i < repeat; i++) {
      const { handshake, curve } = await measureOnce(`handshakes-${i}`);
      rates.push(1e6 / median(handshake));
      ratios.push(median(handshake.map((cost, round) => curve[round] / cost)));
      progress(
        `${median(handshake).toFixed()} µs CPU a handshake, ${median(curve).toFixed()} µs of ` +
          "them for the key and the three products that it cannot do without",
      );
    }
    return [
      figure("handshakes on one core", rates, "handshakes/s"),
      figure("handshakes on one core / limit of their four curve operations", ratios, "ratio", {
        sense: ">=",
        limit: 0.7,
      }),
    ];
  },
};
