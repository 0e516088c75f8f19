// What a simulated network's process and its parent say to each other: JSON lines on standard input and output.

/** The process listens: its peers' addresses are in a file. */
export interface Ready {
  /** Tells it apart. */
  readonly event: "ready";
  /** The file of `node id@host:port` lines. */
  readonly addresses: string;
  /** How many. */
  readonly peers: number;
  /** Network seconds per second of the clock. */
  readonly compression: number;
  /** How long the rate takes to settle, in seconds of the clock; 0 for a run that has no rate to hold. */
  readonly settling_seconds: number;
}

/** Where the run is, a few times a second. */
export interface Progress {
  /** Tells it apart. */
  readonly event: "progress";
  /** Open connections. */
  readonly connected: number;
  /** Of them, those that asked for gossip. */
  readonly subscribed: number;
  /** Gossip messages written. */
  readonly sent: number;
}

/** All is written, and so is the ledger. */
export interface Done {
  /** Tells it apart. */
  readonly event: "done";
  /** Distinct messages made. */
  readonly messages: number;
  /** Gossip messages written. */
  readonly sent: number;
  /** Scheduled for a peer that nobody was subscribed to. */
  readonly skipped: number;
  /** Written to connections that broke meanwhile. */
  readonly uncertain: number;
  /** Gossip that came from the collector. */
  readonly forwarded: number;
  /** The worst delay against the schedule. */
  readonly worst_lag_seconds: number;
  /** From the first to the last write. */
  readonly seconds: number;
  /** The ledger's folder, see `ledger.ts`; a run at a rate keeps none. */
  readonly ledger: string;
  /** Pings that were answered. */
  readonly pongs: number;
  /** What pongs took, in milliseconds: of 100 pongs the 50th and the 99th fastest, and the slowest of all. */
  readonly pong_milliseconds: {
    readonly p50: number;
    readonly p99: number;
    readonly worst: number;
  };
  /** CPU that this process took meanwhile, in seconds. */
  readonly cpu_seconds: number;
  /** The first failures of connections, in words. */
  readonly failures: readonly string[];
}

/** A line of the process. */
export type SimnetEvent = Ready | Progress | Done;

/** A line to the process: begin to send. The end of its standard input ends it. */
export interface Start {
  /** Tells it apart. */
  readonly command: "start";
}

/** The event of a line; null for any other line. */
export function parseEvent(line: string): SimnetEvent | null {
  return line.startsWith('{"event":') ? JSON.parse(line) as SimnetEvent : null;
}
