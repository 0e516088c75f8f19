// How fast the readers of node logs are: samples over and over, in chunks as the collector reads them.

import { ClnIoLogReader } from "../../shared/node_logs/cln_io_log.ts";
import { LndLogReader } from "../../shared/node_logs/lnd_log.ts";
import type { LogReader, LogSink } from "../../shared/node_logs/reader.ts";
import { type Benchmark, figure } from "./figure.ts";

const CHUNK_BYTES = 262_144;
const BYTES = 256 * 1024 * 1024;

const nothing = () => {};
const SINK: LogSink = {
  receipt: nothing,
  named: nothing,
  opened: nothing,
  seen: nothing,
  closed: nothing,
  doubtful: nothing,
};

/** Samples one after another, some 2 MiB. */
function samples(...names: string[]): Uint8Array {
  const files = names.map((name) =>
    Deno.readFileSync(new URL(`../vectors/node_logs/${name}`, import.meta.url))
  );
  const length = files.reduce((sum, file) => sum + file.length, 0);
  const times = Math.ceil(2 * 1024 * 1024 / length);
  const bytes = new Uint8Array(times * length);
  for (let at = 0; at < bytes.length;) {
    for (const file of files) {
      bytes.set(file, at);
      at += file.length;
    }
  }
  return bytes;
}

/** Receipts per second of one reader. */
function rate(reader: LogReader, bytes: Uint8Array): number {
  const started = performance.now();
  for (let read = 0, at = 0; read < BYTES; read += CHUNK_BYTES, at += CHUNK_BYTES) {
    if (at >= bytes.length) at = 0;
    reader.push(bytes.subarray(at, at + CHUNK_BYTES));
  }
  return reader.counts.receipts / (performance.now() - started) * 1000;
}

/** The parts before recorder and signature checks. */
export const nodeLogsBenchmark: Benchmark = {
  name: "node-logs",
  what: "readers of Core Lightning's io log and LND's trace log",
  run: ({ repeat }) => {
    const clnLog = samples("cln_io.log");
    // Mainnet's mix is mostly updates; what is cut off at the samples' end is left out.
    const lndLog = samples("lnd_extra_tlv.log", "lnd_node_announcement.log");
    const cln: number[] = [], lnd: number[] = [];
    for (let i = 0; i < repeat; i++) {
      cln.push(rate(new ClnIoLogReader(SINK), clnLog));
      lnd.push(rate(new LndLogReader(SINK, { level: "trace", zone: "Europe/Berlin" }), lndLog));
    }
    return Promise.resolve([
      figure("receipts read from Core Lightning's io log", cln, "receipts/s", {
        sense: ">=",
        limit: 100_000,
      }),
      figure("receipts read from LND's trace log", lnd, "receipts/s", {
        sense: ">=",
        limit: 30_000,
      }),
    ]);
  },
};
