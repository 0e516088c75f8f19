// Other nodes' logs and stores as sources of receipts and graph, each read in a task of its own.

import type { SessionSource } from "../../shared/batch/batch.ts";
import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import { logger } from "../../shared/log.ts";
import { latenessOf, type LogKind, logReader } from "../../shared/node_logs/logs.ts";
import { every, pause } from "../../shared/waiting.ts";
import type { GraphView } from "../gossip/graph/graph_view.ts";
import { Verifier, type VerifierOptions } from "../gossip/verifier.ts";
import type { Pipeline } from "../pipeline.ts";
import type { SourceConfig } from "./config.ts";
import { drain, follow } from "./follower.ts";
import { LogSessions } from "./log_sessions.ts";
import { NamedReceipts } from "./named_receipts.ts";
import { fingerprint, type PlacesFile } from "./places.ts";
import { followStore } from "./store_follower.ts";

export interface SourcesDependencies {
  readonly pipeline: Pipeline;
  readonly places: PlacesFile;
  readonly view: GraphView;
  readonly clock: Clock;
  readonly chain: Uint8Array;
  readonly onValid: NonNullable<VerifierOptions["onValid"]>;
}

/** A file that cannot be read may be readable later. */
const RETRY_MS = 10_000;
const PUMP_MS = 1000;
/** Of signature checks: a backlog is not read faster than it is checked. */
const MAX_UNCHECKED = 4096;
const REPORT_MS = 3_600_000;

type Figures = Map<string, () => SourceFigures>;

const log = logger("collector", "sources");

/** Of a log, since it was last opened. */
export interface SourceFigures {
  readonly receipts: number;
  /** With a session now. */
  readonly peers: number;
  readonly unreadable: number;
  /** Receipts of messages that did not come in time, recorded by name. */
  readonly unresolved: number;
  /** Receipts of peers past the limit. */
  readonly dropped: number;
}

/** Sources that are read. Disposing ends that, and closes their sessions. */
export interface Sources extends AsyncDisposable {
  /** One figure of all logs, by source. */
  figure(what: keyof SourceFigures): Record<string, number>;
}

/** Reads all sources. */
export function startSources(
  sources: readonly SourceConfig[],
  dependencies: SourcesDependencies,
): Sources {
  const stop = new AbortController();
  const figures: Figures = new Map();
  const tasks = sources.map((source) => keepReading(source, dependencies, figures, stop.signal));
  return {
    figure: (what) =>
      Object.fromEntries([...figures].map(([name, figuresOf]) => [name, figuresOf()[what]])),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all(tasks);
    },
  };
}

async function keepReading(
  source: SourceConfig,
  dependencies: SourcesDependencies,
  figures: Figures,
  signal: AbortSignal,
): Promise<void> {
  const { name, path } = source;
  const { clock } = dependencies;
  let trouble = "";
  while (!signal.aborted) {
    try {
      if (source.kind === "cln_gossip_store") await readStore(source, dependencies, signal);
      else await readLog(source, source.kind, dependencies, figures, signal);
    } catch (error) {
      const reason = errorText(error);
      if (reason !== trouble) {
        log.error("Cannot read source {name}: {reason}", { name, path, reason });
      }
      trouble = reason;
      await pause(clock, RETRY_MS, signal);
    }
  }
}

async function readLog(
  { name, path, zone, node_id }: SourceConfig,
  kind: LogKind,
  { pipeline, places, view, clock }: SourcesDependencies,
  figures: Figures,
  signal: AbortSignal,
): Promise<void> {
  const uncertainty = latenessOf(kind);
  const source: SessionSource = { name, kind, uncertainty, ...node_id && { node_id } };
  const sessions = new LogSessions(pipeline, source, places.savedAt);
  const named = new NamedReceipts(sessions, view, clock);
  const reader = logReader(kind, named, zone);
  const figuresOf = () => ({
    receipts: sessions.receipts,
    peers: sessions.peers,
    unreadable: reader.counts.unreadable + reader.counts.tooLong,
    unresolved: named.unresolved,
    dropped: sessions.dropped,
  });
  figures.set(name, figuresOf);
  const report = () =>
    log.info(
      "Source {name}: {receipts} receipts, {peers} peers, {unreadable} unreadable, {unresolved} unresolved, {dropped} dropped",
      { name, ...figuresOf() },
    );
  const done = new AbortController();
  const upkeep = Promise.all([
    every(clock, PUMP_MS, done.signal, () => named.pump()),
    every(clock, REPORT_MS, done.signal, report),
  ]);
  try {
    const { isFifo } = await Deno.stat(path);
    log.info("Reading {kind} {path} as {name}", { kind, path, name });
    if (isFifo) return await drain(path, reader, signal);
    // Stamped before this run, or by an earlier try of it.
    const key = fingerprint(name);
    const place = pipeline.recorder.places.get(key) ?? places.get(key);
    await follow({
      path,
      reader,
      clock,
      signal,
      stopped: place && { ...place, isDrained: false },
      since: places.savedAt / 1000,
      onFile: (file) => named.onFile(file),
      onGap(reason) {
        log.warning("Source {name}: lost what came before: {reason}", { name, reason });
        named.gap(reason);
      },
      ready: async () => {
        if (pipeline.verifier.counts.queued > MAX_UNCHECKED) await pipeline.verifier.idle();
        while (named.isFull && !signal.aborted) await pause(clock, PUMP_MS, signal);
      },
    });
  } finally {
    done.abort();
    await upkeep;
    named.pump();
    named.drop();
    sessions.closeAll(signal.aborted ? "the collector stopped" : "the log cannot be read");
    report();
  }
}

/** Its messages are verified like any others, and go to the graph alone. */
async function readStore(
  { name, path }: SourceConfig,
  { view, clock, chain, onValid }: SourcesDependencies,
  signal: AbortSignal,
): Promise<void> {
  using verifier = new Verifier({
    chain,
    nodesOf: (scid) => view.nodesOf(scid),
    onValid,
    onVerdict: () => {},
    onBad: () => {},
  });
  log.info("Reading gossip_store {path} as {name}", { path, name });
  let messages = 0;
  const take = async (raw: Uint8Array) => {
    messages++;
    const message = { source: 0, number: 0, raw: raw.slice() };
    while (!verifier.push(message) && !signal.aborted) await verifier.idle();
  };
  await followStore(path, clock, signal, take, () => {
    log.info("Source {name}: {messages} messages of a gossip_store, and following it", {
      name,
      messages,
    });
  });
  await verifier.idle();
}
