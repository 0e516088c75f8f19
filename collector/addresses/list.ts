// Sorting a list of node addresses, and counting how old their news is: the `addresses` command without I/O.
//
// A line is `pubkey@host:port`, or `pubkey@host:port,timestamp` with the timestamp of the node's newest
// node_announcement in seconds since the Unix epoch. `#` starts a comment; blank lines are fine.

import { UserError } from "../../shared/errors.ts";
import {
  type Endpoint,
  formatNodeAddress,
  isLocalName,
  type NodeAddress,
  parseNodeAddress,
} from "./endpoint.ts";
import { AddressFault } from "./fault.ts";
import { parseIp } from "./ip.ts";
import { notPublic } from "./public_address.ts";
import { zeros } from "../zeros.ts";

/** Ten times the addresses of mainnet; more is no address list. */
export const MAX_LIST_LINES = 400_000;

export interface LeftOut {
  malformed: number;
  torV2: number; // onion services that no longer exist
  local: number; // private, loopback and otherwise special addresses, names of local networks
  repeated: number;
}

export interface SortedList {
  readonly clearnet: readonly string[];
  readonly onion: readonly string[];
  readonly leftOut: Readonly<LeftOut>;
  readonly ages: Ages;
  readonly undated: number;
}

interface Line {
  readonly address: NodeAddress;
  /** Seconds since the Unix epoch. */
  readonly timestamp?: number;
}

/**
 * Sorts a list.
 * @param now seconds since the Unix epoch.
 * @throws {UserError} for more than {@link MAX_LIST_LINES} lines.
 */
export function sortList(text: string, now: number): SortedList {
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.length > MAX_LIST_LINES) {
    throw new UserError(
      `Cannot use address list: it has ${lines.length} lines, at most ${MAX_LIST_LINES} are read`,
    );
  }
  const leftOut: LeftOut = { malformed: 0, torV2: 0, local: 0, repeated: 0 };
  const sorted = { clearnet: [] as string[], onion: [] as string[] };
  const seen = new Set<string>();
  /** -1 without any. */
  const newest = new Map<string, number>();
  for (const written of lines) {
    const content = written.replace(/#.*/s, "").trim();
    if (content === "") continue;
    const line = readLine(content);
    if (typeof line === "string") {
      leftOut[line]++;
      continue;
    }
    const { address: { nodeId, end }, timestamp } = line;
    const name = formatNodeAddress(line.address);
    if (isLocal(end)) leftOut.local++;
    else if (seen.has(name)) leftOut.repeated++;
    else {
      seen.add(name);
      const list = end.kind === "onion" ? sorted.onion : sorted.clearnet;
      list.push(timestamp === undefined ? name : `${name},${timestamp}`);
      newest.set(nodeId, Math.max(newest.get(nodeId) ?? -1, timestamp ?? -1));
    }
  }
  const dated = [...newest.values()].filter((timestamp) => timestamp >= 0);
  return { ...sorted, leftOut, ages: countAges(dated, now), undated: newest.size - dated.length };
}

function readLine(content: string): Line | "malformed" | "torV2" {
  const [written, timestamp, ...more] = content.split(",");
  if (more.length > 0 || (timestamp !== undefined && !/^\d{1,10}$/.test(timestamp))) {
    return "malformed";
  }
  try {
    const address = parseNodeAddress(written);
    return { address, timestamp: timestamp === undefined ? undefined : Number(timestamp) };
  } catch (error) {
    if (!(error instanceof AddressFault)) throw error;
    return error.code === "tor_v2" ? "torV2" : "malformed";
  }
}

function isLocal({ kind, host }: Endpoint): boolean {
  if (kind === "onion") return false;
  return kind === "dns" ? isLocalName(host) : notPublic(parseIp(host)!) !== null;
}

const HOUR_SECONDS = 3600;
const DAY_SECONDS = 24 * HOUR_SECONDS;
const WEEK_SECONDS = 7 * DAY_SECONDS;
/** Four weeks, as in the figures published so far. */
const MONTH_SECONDS = 4 * WEEK_SECONDS;

/** Name and greatest age in seconds. */
export const AGE_BINS = [
  ["hour", HOUR_SECONDS],
  ["day", DAY_SECONDS],
  ["week", WEEK_SECONDS],
  ["2 weeks", 2 * WEEK_SECONDS],
  ["month", MONTH_SECONDS],
  ["3 months", 3 * MONTH_SECONDS],
  ["6 months", 6 * MONTH_SECONDS],
  ["12 months", 12 * MONTH_SECONDS],
  ["older", Infinity],
] as const;

export type AgeBin = typeof AGE_BINS[number][0];

export type Ages = Readonly<Record<AgeBin, number>>;

/** Counts ages, each in the first bin that it fits; the future counts as now. Times are seconds since the Unix epoch. */
export function countAges(timestamps: Iterable<number>, now: number): Ages {
  const counts = zeros(AGE_BINS.map(([name]) => name));
  for (const timestamp of timestamps) {
    const [name] = AGE_BINS.find(([, limit]) => now - timestamp <= limit)!;
    counts[name]++;
  }
  return counts;
}

/** The ages as table lines: bin, nodes, share, and both summed up. */
export function ageLines(ages: Ages): string[] {
  const all = AGE_BINS.reduce((sum, [name]) => sum + ages[name], 0);
  const share = (count: number) => (all === 0 ? "-" : `${(100 * count / all).toFixed(1)} %`);
  let sum = 0;
  const rows = AGE_BINS.map(([name]) => {
    sum += ages[name];
    return [name, `${ages[name]}`, share(ages[name]), `${sum}`, share(sum)];
  });
  return [["within", "nodes", "share", "so far", "share"], ...rows].map(([name, ...columns]) =>
    name.padEnd(10) + columns.map((column) => column.padStart(9)).join("")
  );
}
