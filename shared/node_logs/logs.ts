// The logs that can be read, by kind, and the sessions that they show.

import type { SessionClosed, SessionOpened, SessionSource, SourceKind } from "../batch/batch.ts";
import { CLN_LATENESS_US, ClnIoLogReader } from "./cln_io_log.ts";
import { LND_LATENESS_US, LndLogReader } from "./lnd_log.ts";
import type { LogReader, LogSink } from "./reader.ts";

/** A source that is a log. */
export type LogKind = Exclude<SourceKind, "cln_gossip_store">;

/** The reader of a log. @param zone of LND's times, an IANA name. @throws {RangeError} when there is no such zone. */
export function logReader(kind: LogKind, sink: LogSink, zone: string): LogReader {
  if (kind === "cln_io_log") return new ClnIoLogReader(sink);
  return new LndLogReader(sink, { level: kind === "lnd_trace_log" ? "trace" : "debug", zone });
}

/** How late a log's times may be, µs. */
export function latenessOf(kind: LogKind): number {
  return kind === "cln_io_log" ? CLN_LATENESS_US : LND_LATENESS_US;
}

/** What a log says of a session that begins. */
export function heardOpening(
  peer: string,
  at: number,
  features: string,
  source: SessionSource,
): Omit<SessionOpened, "kind" | "session"> {
  return {
    ...{ node_id: peer, address: "", dialled_at: at, handshake_at: at, filter_at: at },
    ...{ filter_first: Math.floor(at / 1e6), features, source },
  };
}

/** A session of another node, from a peer's first message to its last line. */
export class HeardSession {
  #receipts = 0;
  #bytes = 0;
  #firstAt: number | null = null;
  #lastAt: number | null = null;

  constructor(readonly number: number, public seenAt: number) {}

  /** Counts a receipt. */
  receipt(bytes: number, at: number): void {
    this.#receipts++;
    this.#bytes += bytes;
    // A clock that was set back makes times of a log go back.
    this.#firstAt = Math.min(this.#firstAt ?? at, at);
    this.#lastAt = Math.max(this.#lastAt ?? at, at);
    this.seen(at);
  }

  /** A line of this time is of it. */
  seen(at: number): void {
    this.seenAt = Math.max(this.seenAt, at);
  }

  /** What is known of its end. */
  end(reason: string): Omit<SessionClosed, "kind"> {
    return {
      ...{ session: this.number, at: this.seenAt, by: "unknown", reason },
      ...{ receipts: this.#receipts, bytes_in: this.#bytes, bytes_out: 0 },
      ...{ first_gossip_at: this.#firstAt, last_gossip_at: this.#lastAt },
      ...{ messages_in: null, messages_out: null, gossip_out: null, pings_sent: null },
      ...{ pings_answered: null, pings_received: null, pongs_sent: null },
      ...{ rtt_min: null, rtt_median: null, rtt_max: null },
    };
  }
}
