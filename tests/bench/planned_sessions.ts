// The sessions of a planned run, one a peer: what a collector tells of them.

import type { CollectorEvent } from "../../shared/batch/batch.ts";
import { BEHAVIOURS } from "../simnet/behaviour.ts";
import { sessionFigures } from "../support/fixtures/session_figures.ts";
import { leavingSeconds, peerTimers, type TrafficOptions } from "../simnet/traffic.ts";
import type { Universe } from "../simnet/universe.ts";

/** Odd bits that today's nodes offer. */
const FEATURES = "20000000aa82";
/** A collector asks for what is not older than this. */
const FILTER_SECONDS = 3600;
/** Bytes of a receipt on the wire, about. */
const WIRE_BYTES = 280;

/** See the module. Sessions are numbered as their peers are. */
export class PlannedSessions {
  /** By peer: seconds into the run; Infinity for those that stay. */
  readonly #leaving: Float64Array;
  /** By peer: seconds of the run between its pings. */
  readonly #pingSeconds: number[];
  readonly #receipts: Float64Array;
  readonly #first: Float64Array;
  readonly #last: Float64Array;
  #latest = 0;

  /** All begin with the run. @param startedAt µs since the Unix epoch. @param universe its first nodes are the peers. */
  constructor(
    private readonly startedAt: number,
    options: TrafficOptions,
    private readonly universe: Universe,
  ) {
    this.#leaving = leavingSeconds(options);
    this.#pingSeconds = peerTimers(options).map(({ implementation }) =>
      BEHAVIOURS[implementation].pingSeconds / (options.compression ?? 1)
    );
    this.#receipts = new Float64Array(options.peers);
    this.#first = new Float64Array(options.peers).fill(NaN);
    this.#last = new Float64Array(options.peers).fill(NaN);
  }

  /** A receipt, `time` µs after the run's begin. */
  note(peer: number, time: number): void {
    if (this.#receipts[peer]++ === 0) this.#first[peer] = time;
    this.#last[peer] = time;
    this.#latest = time;
  }

  /** The run's begin, and its sessions. */
  opened(): CollectorEvent[] {
    const at = this.startedAt;
    const peers = this.#leaving.length;
    const sessions = Array.from({ length: peers }, (_, session): CollectorEvent => ({
      kind: "session_opened",
      session,
      node_id: this.universe.node(session).id,
      address: `198.18.${session >> 8}.${session & 255}:9735`,
      dialled_at: at,
      handshake_at: at,
      filter_at: at,
      filter_first: at / 1e6 - FILTER_SECONDS,
      features: FEATURES,
    }));
    return [{ kind: "run_started", at, version: "bench", target_peers: peers }, ...sessions];
  }

  /** The ends of all sessions and of the run, told together. @param receipts of the whole run. */
  closed(receipts: number): CollectorEvent[] {
    const end = this.startedAt + this.#latest;
    const events: CollectorEvent[] = [];
    for (const [session, left] of this.#leaving.entries()) {
      const count = this.#receipts[session];
      const instant = (time: number) => count === 0 ? null : this.startedAt + time;
      const hasLeft = left < this.#latest / 1e6;
      const pings = Math.floor(Math.min(left, this.#latest / 1e6) / this.#pingSeconds[session]);
      events.push({
        kind: "session_closed",
        session,
        at: hasLeft ? Math.round(this.startedAt + left * 1e6) : end,
        by: hasLeft ? "network" : "us",
        reason: hasLeft ? "connection reset" : "the collector stopped",
        ...sessionFigures({
          receipts: count,
          bytes_in: count * WIRE_BYTES,
          bytes_out: 1000,
          first_gossip_at: instant(this.#first[session]),
          last_gossip_at: instant(this.#last[session]),
          messages_in: count + pings,
          pings_received: pings,
        }),
      });
    }
    return [...events, { kind: "run_ended", at: end, receipts }];
  }
}
