// What a batch is: a numbered run of one collector's receipts, with all that is needed to make sense of them. It is
// the unit that is spooled, published, acknowledged and committed.
//
// Messages and sessions are named by small numbers that the collector deals out within one **epoch** (one life of its
// process). A message's text travels once an epoch, in the batch that first names it; an archive that lost it asks
// again (see {@link ResendRequest}).

/** Receipt flag: this peer had already delivered this very message in this epoch. */
export const RECEIPT_REPEAT = 1;
/**
 * Receipt flag: no news. Taken in the first minutes of its session, or while its peer was asked for what it has, or much
 * older by the message's own time, or of a message whose text is not stored.
 */
export const RECEIPT_WARMUP = 2;

/** What a collector found out about a message's signatures; the order is the code on the wire. */
export const VERDICTS = [
  "unchecked",
  "valid",
  "invalid",
  "unknown_signer",
  "malformed",
  "rebuilt",
] as const;

/**
 * - `unchecked`: not looked at yet, or the verify queue was full;
 * - `valid`, `invalid`: every signature was checked against the key the message names or its channel implies;
 * - `unknown_signer`: a channel_update whose channel_announcement this collector has not seen;
 * - `malformed`: its bytes do not decode as its type;
 * - `rebuilt`: its bytes were rebuilt from a log, and its signatures do not prove them.
 */
export type Verdict = typeof VERDICTS[number];

/**
 * Messages whose bytes travel in this batch: those whose first receipt is in it, or that the archive requested. The archive
 * leaves others out, and requests one when a receipt names it.
 */
export interface NewMessages {
  readonly numbers: Uint32Array;
  /** Their bytes, type included: what BOLT 7 signs and hashes, without transport framing. */
  readonly raws: readonly Uint8Array[];
}

/** Verdicts since the last batch, in their order, on messages of this batch or an earlier one of this epoch. */
export interface NewVerdicts {
  readonly numbers: Uint32Array;
  /** Indices into {@link VERDICTS}. */
  readonly codes: Uint8Array;
}

/** Receipts as columns of one length, in the order they were stamped. */
export interface Receipts {
  /** When the bytes came off the socket: µs since the Unix epoch, integers, never descending. */
  readonly receivedAt: Float64Array;
  readonly messages: Uint32Array;
  readonly sessions: Uint32Array;
  /** {@link RECEIPT_REPEAT} and {@link RECEIPT_WARMUP}, or-ed. */
  readonly flags: Uint8Array;
}

/** Rare facts, in the order they happened. All instants are µs since the Unix epoch. */
export type CollectorEvent =
  | RunStarted
  | SessionOpened
  | SessionState
  | SessionClosed
  | DialOutcomes
  | BatchesDropped
  | ClockStep
  | ClockSample
  | Stalled
  | LogGap
  | RunEnded;

/** The first event of an epoch. */
export interface RunStarted {
  readonly kind: "run_started";
  readonly at: number;
  readonly version: string;
  readonly target_peers: number;
}

/** A peer finished init and got our gossip filter; comes before any receipt of that session. */
export interface SessionOpened {
  readonly kind: "session_opened";
  readonly session: number;
  /** The peer's node id: 33 bytes, lower-case hex. */
  readonly node_id: string;
  /** `host:port` as dialled. */
  readonly address: string;
  readonly dialled_at: number;
  readonly handshake_at: number;
  readonly filter_at: number;
  /** `first_timestamp` of our gossip_timestamp_filter, in seconds. */
  readonly filter_first: number;
  /** Its init feature bits, both bitmaps or-ed, hex. */
  readonly features: string;
  /** Null, or left out, for a connection of the collector's own. */
  readonly source?: SessionSource | null;
}

/** Of another node's session, read out of its log. */
export interface SessionSource {
  /** The source's name in the collector's config. */
  readonly name: string;
  readonly kind: SourceKind;
  /** How late the log's times may be, µs. */
  readonly uncertainty: number;
  /** The node's own id, where the config names it. */
  readonly node_id?: string;
}

/** What a collector reads of another node. */
export const SOURCE_KINDS = [
  "cln_io_log",
  "lnd_trace_log",
  "lnd_debug_log",
  "cln_gossip_store",
] as const;

/** See {@link SOURCE_KINDS}. */
export type SourceKind = typeof SOURCE_KINDS[number];

/** What a session has seen so far. The first collectors sent only the first five of these; the others are then null. */
export interface SessionFigures {
  readonly receipts: number;
  /** Off the wire, framing included, as in `bytes_out`. */
  readonly bytes_in: number;
  readonly bytes_out: number;
  readonly first_gossip_at: number | null;
  readonly last_gossip_at: number | null;
  readonly messages_in: number | null;
  readonly messages_out: number | null;
  readonly gossip_out: number | null;
  readonly pings_sent: number | null;
  readonly pings_answered: number | null;
  /** Least, median and longest time from our pings to their pongs, µs; null when none was answered. */
  readonly rtt_min: number | null;
  readonly rtt_median: number | null;
  readonly rtt_max: number | null;
  readonly pings_received: number | null;
  readonly pongs_sent: number | null;
}

/** How an open session is doing: sent now and then, so that the archive knows it even if the collector is killed. */
export interface SessionState extends SessionFigures {
  readonly kind: "session_state";
  readonly session: number;
  readonly at: number;
}

/** The end of a session. */
export interface SessionClosed extends SessionFigures {
  readonly kind: "session_closed";
  readonly session: number;
  readonly at: number;
  /** Unknown where a log does not say. */
  readonly by: "us" | "peer" | "network" | "unknown";
  readonly reason: string;
}

/**
 * What becomes of a dial, each once:
 *
 * - `connected`: init done, filter sent: a session began;
 * - `refused`: the host refused the connection; `unreachable`: no route to it, or its onion service is down;
 * - `timed_out`: no connection in time; `dns`: its name could not be looked up, or has no address;
 * - `our_side`: out of descriptors, or without a network; `proxy`: the SOCKS5 proxy is missing or out of order; `not_allowed`: our own rules or sandbox forbid the address;
 * - `handshake`: the peer closed or fell silent within the three acts; `wrong_key`: it does not hold the key;
 * - `closed_before_init`: it closed after the handshake, as full nodes do; `no_init`: it sent none in time;
 * - `incompatible`: its first message is not init, asks for what we lack, or is for another network;
 * - `protocol_error`: it broke the transport's rules before init.
 */
export const DIAL_OUTCOMES = [
  "connected",
  "refused",
  "unreachable",
  "timed_out",
  "dns",
  "our_side",
  "proxy",
  "not_allowed",
  "handshake",
  "wrong_key",
  "closed_before_init",
  "no_init",
  "incompatible",
  "protocol_error",
] as const;

/** One of {@link DIAL_OUTCOMES}. */
export type DialOutcome = typeof DIAL_OUTCOMES[number];

/** What was dialled: an IP address, a DNS name or a Tor onion service. */
export const ADDRESS_KINDS = ["ipv4", "ipv6", "dns", "onion"] as const;

/** One of {@link ADDRESS_KINDS}. */
export type AddressKind = typeof ADDRESS_KINDS[number];

/** What became of the dials of a span of time. */
export interface DialOutcomes {
  readonly kind: "dial_outcomes";
  readonly since: number;
  readonly at: number;
  /** How many dials came to which end, by what was dialled; each pair of the two at most once. */
  readonly dials: readonly {
    readonly outcome: DialOutcome;
    readonly address: AddressKind;
    readonly count: number;
  }[];
}

/** Unsent batches that the spool had to drop: at its size cap, on a full disk, or because they were damaged. */
export interface BatchesDropped {
  readonly kind: "batches_dropped";
  readonly at: number;
  readonly epoch: number;
  readonly first: number;
  /** The last number that is gone. Some of first to last may have been delivered all the same. */
  readonly last: number;
}

/** The wall clock jumped; stamps follow the monotonic clock and did not. */
export interface ClockStep {
  readonly kind: "clock_step";
  readonly at: number;
  /** How far it jumped, µs; negative when it went back. */
  readonly step: number;
}

/** How far the archiver's clock was from this collector's. */
export interface ClockSample {
  readonly kind: "clock_sample";
  readonly at: number;
  /** What to add to this collector's time to get the archiver's, µs. */
  readonly offset: number;
  /** The true offset differs from it by no more, µs: half the round trip of the best of several questions. */
  readonly uncertainty: number;
}

/**
 * The collector was held up: frozen, starved of its core, or busy. What arrived in the span was stamped late, at its end
 * or soon after.
 */
export interface Stalled {
  readonly kind: "stalled";
  readonly since: number;
  readonly at: number;
}

/** Part of another node's log could not be read: a file of it is gone, damaged or cut short. */
export interface LogGap {
  readonly kind: "log_gap";
  readonly source: SessionSource;
  /** The last time read before it, and the first one after it. */
  readonly since: number;
  readonly at: number;
  readonly reason: string;
}

/** The last event of an epoch that ended in order. */
export interface RunEnded {
  readonly kind: "run_ended";
  readonly at: number;
  readonly receipts: number;
}

/** A batch in memory. `shared/batch/codec.ts` gives its bytes. */
export interface Batch {
  readonly collector: string;
  /** When this life of the collector began, µs since the Unix epoch; with the name it is unique. */
  readonly epoch: number;
  /** From 0 and without holes within an epoch. */
  readonly number: number;
  /** Receipts stamped in this epoch before this batch: with it a gap knows how many receipts it swallowed. */
  readonly receiptsBefore: number;
  readonly messages: NewMessages;
  readonly verdicts: NewVerdicts;
  readonly receipts: Receipts;
  readonly events: readonly CollectorEvent[];
}

/** What an archive asks a collector to send again, because receipts name it and the archive lacks it. */
export interface ResendRequest {
  readonly epoch: number;
  readonly messages: readonly number[];
  readonly sessions: readonly number[];
}

/** What a collector may be called: also one token of a NATS subject, so no dots, stars or spaces. */
export const COLLECTOR_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** The name that makes a batch one of its kind everywhere: log lines, dead letters. */
export function batchId(batch: Pick<Batch, "collector" | "epoch" | "number">): string {
  return `${batch.collector}/${batch.epoch}/${batch.number}`;
}
