// A real collector process with simulated peers and a real nats-server, as benchmarks of the collector need it. Nobody
// takes batches off the stream, so that in the end it holds them all.

import { runFlags } from "../../collector/deploy/build.ts";
import type { Batch } from "../../shared/batch/batch.ts";
import { decodeBatch } from "../../shared/batch/codec.ts";
import { systemClock } from "../../shared/clock.ts";
import { connectNats } from "../../shared/nats/connect.ts";
import { BATCHES, STREAM } from "../../shared/subjects.ts";
import { collectorConfig } from "../demo/configs.ts";
import { type SimnetChild, type SimnetChildOptions, startSimnet } from "../simnet/child.ts";
import { startNatsServer } from "../support/servers/nats_server.ts";
import { type Process, startProgram } from "../support/servers/process.ts";
import { tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

/** How long all peers may take to be asked for gossip. */
const READY_MILLISECONDS = 120_000;
/** Longer than the collector's batches stay open. */
const REST_MILLISECONDS = 3000;

/** What to collect from. */
export type CollectingOptions = Omit<SimnetChildOptions, "dir">;

/** Stopped where all peers are subscribed and none sends yet. Disposing ends all of it. */
export interface Collecting extends AsyncDisposable {
  /** The simulated peers. */
  readonly simnet: SimnetChild;
  /** The collector. */
  readonly collector: Process;
  /** Waits until no batch has come for longer than one may stay open; gives how much the stream holds. */
  atRest(): Promise<{ batches: number; bytes: number }>;
  /** All batches of the stream, in order. */
  batches(): AsyncGenerator<Batch>;
}

/** Starts all three. @throws {Error} with the collector's last lines when not all peers are asked for gossip. */
export async function startCollecting(options: CollectingOptions): Promise<Collecting> {
  await using stack = new AsyncDisposableStack();
  const nats = stack.use(await startNatsServer());
  const dir = stack.use(await tempDir());
  const connection = await connectNats({ servers: [nats.url], name: "gossip benchmark" });
  stack.defer(() => connection.close());
  const { streams } = await connection.jetstreamManager();
  await streams.add({ name: STREAM, subjects: [BATCHES] });
  const simnet = stack.use(await startSimnet({ ...options, dir: dir.path }));
  const config = dir.join("collector.yaml");
  await Deno.writeTextFile(
    config,
    collectorConfig({
      peersFile: simnet.ready.addresses,
      peers: options.peers,
      dataDir: dir.join("data"),
      longestSeconds: 10 * options.seconds + 600,
      uplink: { kind: "nats", server: nats.url },
    }),
  );
  const collector = stack.use(
    startProgram("collector/main.ts", ["--config", config], [
      ...await runFlags(),
      "--allow-net=127.0.0.0/8",
      `--allow-read=${dir.path}`,
      `--allow-write=${dir.path}`,
    ]),
  );
  await until(
    () => simnet.progress()?.subscribed === options.peers || collector.status !== null,
    () => collector.lines.slice(-20).join("\n"),
    READY_MILLISECONDS,
  );
  if (collector.status !== null) throw new Error(collector.lines.slice(-20).join("\n"));
  const owned = stack.move();
  return {
    simnet,
    collector,
    async atRest() {
      for (let last = -1;;) {
        const { state } = await streams.info(STREAM);
        if (state.last_seq === last) return { batches: state.messages, bytes: state.bytes };
        last = state.last_seq;
        await systemClock.sleep(REST_MILLISECONDS);
      }
    },
    async *batches() {
      const { state } = await streams.info(STREAM);
      for (let seq = 1; seq <= state.last_seq; seq++) {
        yield decodeBatch((await streams.getMessage(STREAM, { seq })).data);
      }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
