// A simulated Lightning network as a process of its own. See `ipc.ts` for what it says and hears.

import { join } from "node:path";
import { cpuUsage } from "node:process";
import { runMain } from "../../shared/cli.ts";
import { systemClock } from "../../shared/clock.ts";
import type { Done, SimnetEvent, Start } from "./ipc.ts";
import { SimulatedNetwork } from "./network.ts";
import { squeezedRun, steadyRun } from "./run_shape.ts";

const PROGRESS_MILLISECONDS = 200;

const command = {
  name: "deno run tests/simnet/main.ts",
  summary: "Runs a simulated Lightning network on loopback: one key and one port a node, real " +
    "BOLT 8, traffic in the shape of the real network's. Driven by JSON lines (tests/simnet/ipc.ts).",
  flags: {
    peers: { type: "number", help: "how many nodes listen", default: 200, min: 1, max: 5000 },
    seconds: { type: "number", help: "how long they send", default: 30, min: 1, max: 86_400 },
    rate: {
      type: "number",
      help: "receipts a second, held for --seconds once they have settled; no ledger is kept",
      min: 1,
      max: 1_000_000,
    },
    seed: { help: "equal seeds give equal traffic", default: "1" },
    out: { help: "existing folder for addresses and ledger", value: "DIR", default: "." },
  },
} as const;

if (import.meta.main) {
  await runMain(command, async ({ peers, seconds, rate, seed, out }) => {
    const plan = rate === undefined
      ? squeezedRun({ peers, seconds, seed })
      : steadyRun({ peers, seconds, seed, receiptsPerSecond: rate });
    await using network = new SimulatedNetwork({
      traffic: plan,
      ledgerDir: rate === undefined ? out : null,
      clock: systemClock,
    });
    const addresses = join(out, "peers.txt");
    await Deno.writeTextFile(addresses, network.addresses.join("\n") + "\n");
    tell({
      event: "ready",
      addresses,
      peers: network.addresses.length,
      compression: plan.compression,
      settling_seconds: plan.cutSeconds / plan.compression - seconds,
    });

    const { tally } = network;
    const progress = setInterval(() => {
      const { connected, subscribed, sent } = tally;
      tell({ event: "progress", connected, subscribed, sent });
    }, PROGRESS_MILLISECONDS);
    const stop = new AbortController();
    let run: Promise<void> | null = null;
    const send = async () => {
      const before = cpuUsage();
      const { messages, seconds: taken, worstLagSeconds } = await network.run(stop.signal);
      const { user, system } = cpuUsage(before);
      tell({
        event: "done",
        messages,
        sent: tally.sent,
        skipped: tally.skipped,
        uncertain: tally.uncertain,
        forwarded: tally.forwarded,
        worst_lag_seconds: worstLagSeconds,
        seconds: taken,
        ledger: out,
        pongs: tally.pongs,
        pong_milliseconds: quantiles(tally.pongDelays),
        cpu_seconds: (user + system) / 1e6,
        failures: tally.reasons,
      });
    };
    try {
      // It never outlives its parent: when that ends, so does this input.
      for await (const line of lines(Deno.stdin.readable)) {
        if ((JSON.parse(line) as Start).command === "start") run ??= send();
      }
    } finally {
      clearInterval(progress);
      stop.abort(new Error("stopped"));
      await run?.catch((error) => {
        if (error !== stop.signal.reason) throw error;
      });
    }
  });
}

function quantiles(values: readonly number[]): Done["pong_milliseconds"] {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  return { p50: at(0.5), p99: at(0.99), worst: at(1) };
}

function tell(event: SimnetEvent): void {
  console.log(JSON.stringify(event));
}

async function* lines(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    yield* parts.filter((line) => line !== "");
  }
}
