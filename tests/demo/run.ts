// The main job end to end: a simulated network, a collector, an archiver, each a process of its own; then the archive
// is held against what was sent, and queried.

import { join } from "node:path";
import { runQueries, type RunResult } from "../../query_results/run.ts";
import { printable } from "../../shared/text.ts";
import { type SimnetChild, startSimnet } from "../simnet/child.ts";
import type { Done } from "../simnet/ipc.ts";
import { type Broker, useBroker } from "./broker.ts";
import { compareWithLedger, type Comparison } from "./compare.ts";
import type { ProgressLine } from "../../shared/terminal.ts";
import { grouped } from "../../shared/text.ts";
import { type DemoFolder, prepareFolder } from "./folder.ts";
import { type ArchiverChild, startArchiver, startCollector } from "./programs.ts";
import { type Child, childFailure, stopChild, waitFor } from "./watch.ts";

/** What to run. */
export interface DemoOptions {
  /** How many simulated nodes. */
  readonly peers: number;
  /** How long they send. */
  readonly seconds: number;
  /** Equal seeds give equal traffic. */
  readonly seed: string;
  /** A NATS server; batches go to the archiver straight when absent. */
  readonly nats?: string;
  /** The folder for all results. */
  readonly out: string;
  /** Gives up; everything that was started is stopped. */
  readonly signal: AbortSignal;
  /** Shows how far it is. */
  readonly display: ProgressLine;
}

/** How it went. */
export interface DemoResult {
  /** Archive against ledger. */
  readonly comparison: Comparison;
  /** What the network says it did. */
  readonly sent: Done;
  /** Network seconds per second of the clock. */
  readonly compression: number;
  /** Seconds from the first process to the last one's end. */
  readonly seconds: number;
  /** The archive's file, and its bytes. */
  readonly archive: string;
  /** See {@link archive}. */
  readonly archiveBytes: number;
  /** The report, and what its queries found. */
  readonly queried: RunResult;
}

/** Processes compile on a first run, so they get time. */
const START_SECONDS = 60;
/** Beyond the traffic's own length, for a machine that cannot keep up. */
const SEND_EXTRA_SECONDS = 120;
/** From the last byte sent to the last receipt committed. */
const ARCHIVE_SECONDS = 60;
/** Without progress for so long, what is missing will not come. */
const STALL_MILLISECONDS = 30_000;
/** Connecting takes a few seconds for hundreds of peers. */
const CONNECT_SECONDS = 60;

/**
 * Runs the demo.
 *
 * @throws {UserError} when a folder, a broker or a process fails; the signal's reason. By then everything is stopped.
 */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const { display } = options;
  const begin = performance.now();
  // First, so that a mistake in --nats costs nobody an earlier demo's results.
  await using broker = options.nats === undefined ? null : await useBroker(options.nats);
  using folder = await prepareFolder(options.out);
  const { sent, compression } = await record(options, folder, broker);

  display.show("comparing the archive with what was sent …");
  const comparison = await compareWithLedger(folder.archive, sent.ledger);
  const queried = await runQueries({
    archive: folder.archive,
    out: folder.path,
    title: "Demo: a simulated Lightning network, observed",
    note: `${options.peers} simulated nodes on loopback, seed ${printable(options.seed)}. ` +
      `A second of this run is ${compression} s of network time.`,
    reference: { scale: compression },
    signal: options.signal,
    onProgress: ({ query, index, count }) => display.show(`query ${index} of ${count}: ${query} …`),
  });
  display.clear();
  return {
    comparison,
    sent,
    compression,
    seconds: (performance.now() - begin) / 1000,
    archive: folder.archive,
    archiveBytes: (await Deno.stat(folder.archive)).size,
    queried,
  };
}

/** From nothing to a complete archive that no process holds any more. */
async function record(
  options: DemoOptions,
  folder: DemoFolder,
  broker: Broker | null,
): Promise<{ sent: Done; compression: number }> {
  const { peers, seconds, seed, signal, display } = options;
  const started: Child[] = [];
  // Disposed in reverse: whatever happens, no process is left behind.
  await using stack = new AsyncDisposableStack();
  stack.defer(() => display.clear());
  // A second Ctrl-C ends this process at once, past all disposing.
  const killAll = () => started.forEach(({ process }) => process.signal("SIGKILL"));
  globalThis.addEventListener("unload", killAll);
  stack.defer(() => globalThis.removeEventListener("unload", killAll));

  display.print(`starting an archiver and ${peers} simulated Lightning nodes …`);
  const archiver = await startArchiver(folder, broker);
  started.push(archiver);
  stack.defer(() => writeLogs(folder, started));
  stack.use(archiver.process);
  const simnet = stack.use(await startSimnet({ peers, seconds, seed, dir: folder.run }));
  const network: Child = { name: "simulated network", process: simnet.process };
  started.push(network);
  const { compression } = simnet.ready;
  display.print(
    `${peers} simulated nodes listen on loopback; ${
      minutes(seconds * compression)
    } of network time pass in ` +
      `${seconds} s`,
  );
  await waitFor({
    what: "the archiver",
    holds: async () => await archiver.receipts() !== null,
    limitSeconds: START_SECONDS,
    children: [archiver, network],
    signal,
  });

  const uplink = broker === null
    ? { kind: "local", url: archiver.url, tokenFile: join(folder.path, "token") } as const
    : { kind: "nats", server: broker.url } as const;
  const collector = await startCollector(
    folder,
    {
      peersFile: simnet.ready.addresses,
      peers,
      uplink,
      longestSeconds: CONNECT_SECONDS + seconds + SEND_EXTRA_SECONDS + ARCHIVE_SECONDS,
    },
    broker?.address ?? null,
  );
  stack.use(collector.process);
  started.push(collector);
  const children = [archiver, network, collector];
  display.print(`watch it live at ${archiver.url}/`);
  await connectAll({ simnet, peers, children, signal, display });
  const sent = await sendAll({ simnet, archiver, seconds, children, signal, display });
  await archiveAll({ sent: sent.sent, archiver, children, signal, display });

  display.show("stopping the collector …");
  await stopChild(collector);
  await archiveAll({ sent: sent.sent, archiver, children: [archiver], signal, display });
  await stopChild(archiver);
  return { sent, compression };
}

/** What the phases of a run share. */
interface Phase {
  readonly children: readonly Child[];
  readonly signal: AbortSignal;
  readonly display: ProgressLine;
}

async function connectAll(phase: Phase & { simnet: SimnetChild; peers: number }): Promise<void> {
  const { simnet, peers, display } = phase;
  await waitFor({
    ...phase,
    what: "the collector to connect to all peers",
    limitSeconds: CONNECT_SECONDS,
    holds() {
      const subscribed = simnet.progress()?.subscribed ?? 0;
      display.show(`connecting: ${subscribed} of ${peers} peers`);
      return subscribed === peers;
    },
  });
  display.print(`the collector is connected to all ${peers} and has asked them for gossip`);
}

async function sendAll(
  phase: Phase & { simnet: SimnetChild; archiver: ArchiverChild; seconds: number },
): Promise<Done> {
  const { simnet, archiver, seconds, display, children } = phase;
  const begin = performance.now();
  await simnet.start();
  let done: Done | null = null;
  await waitFor({
    ...phase,
    what: "the simulated network to send everything",
    limitSeconds: seconds + SEND_EXTRA_SECONDS,
    async holds() {
      done = simnet.finished();
      const archived = await archiver.receipts();
      const { connected = 0, sent = 0 } = simnet.progress() ?? {};
      const elapsed = (performance.now() - begin) / 1000;
      const when = elapsed < seconds + 1
        ? `${Math.min(seconds, elapsed).toFixed(0).padStart(2)} of ${seconds} s`
        : "catching up";
      display.show(
        `${when}: ${connected} peers, ${grouped(sent)} sent, ` +
          `${archived === null ? "–" : grouped(archived)} archived`,
      );
      return done !== null;
    },
  });
  if (done === null) throw childFailure(children[1], "said nothing of its end");
  return done;
}

/** Waits until as many receipts are committed as were sent, or until that makes no progress: the comparison will tell. */
async function archiveAll(phase: Phase & { sent: number; archiver: ArchiverChild }): Promise<void> {
  const { archiver, sent, display } = phase;
  let last = -1;
  let lastAt = performance.now();
  await waitFor({
    ...phase,
    what: "the last receipts to be archived",
    limitSeconds: ARCHIVE_SECONDS,
    async holds() {
      const archived = await archiver.receipts();
      if (archived === null) return false;
      display.show(`all sent; ${grouped(archived)} of ${grouped(sent)} archived`);
      if (archived !== last) lastAt = performance.now();
      last = archived;
      return archived >= sent || performance.now() - lastAt > STALL_MILLISECONDS;
    },
  });
}

async function writeLogs(folder: DemoFolder, children: readonly Child[]): Promise<void> {
  for (const { name, process } of children) {
    const path = join(folder.run, `${name.replaceAll(" ", "-")}.log`);
    await Deno.writeTextFile(path, process.lines.join("\n") + "\n");
  }
}

function minutes(seconds: number): string {
  return seconds < 5400
    ? `${Math.round(seconds / 60)} minutes`
    : `${(seconds / 3600).toFixed(1)} hours`;
}
