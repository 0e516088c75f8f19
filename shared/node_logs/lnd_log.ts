// lnd.log at `PEER=trace`, which dumps each message that is decoded, or at `PEER=debug`, which only names it.
//
//     2026-11-30 20:44:56.814 [TRC] PEER: Peer(<node id>): readMessage from peer: (*lnwire.ChannelUpdate1)(0x38…)({
//      …
//     })
//
// Times are local, of after decoding. Text of a peer that is printed raw is at most an alias of 32 bytes, too short for
// the head of a line; it can spoil the dump of its own message, no more.

import { BoltFault } from "../bolt/fault.ts";
import { INSTANT_CHARS, wallTime } from "./instant.ts";
import { DUMPED_TYPES, DumpFault, rebuild } from "./lnd_dump.ts";
import { LocalTime } from "./local_time.ts";
import { LogReader, type LogSink, type MessageName } from "./reader.ts";

/** How late its times may be, µs: they have milliseconds, and decoding takes less. */
export const LND_LATENESS_US = 2000;

const SUBSYSTEM = "] PEER";
const SUBSYSTEM_AT = INSTANT_CHARS + " [TRC".length;
const PEER = ": Peer(";
const PEER_CHARS = 66;
/** Longer than `] PEER brontide.go:1234: Peer(`, where LND is set to name the place in its code. */
const MOST_BEFORE_PEER = 80;
const DUMP = "readMessage from peer: (*lnwire.";
const DUMP_BEGIN = ")({\n", DUMP_END = "\n})\n";
/** 65,535 bytes as a dump of hex, 79 characters per 16 bytes. */
const LONGEST_UNIT = 400_000;
const NODE_ID = /^0[23][0-9a-f]{64}$/;
const HOUR_US = 3_600_000_000;

const NAMED_CHANNEL =
  /^Received Channel(Announcement|Update)1?\(chain_hash=[0-9a-f]{64}, short_chan_id=(\d{1,20})(?:, mflags=[01]{8}, cflags=([01]{8}), update_time=(.{19}) \+0000 UTC)?\)/;
const NAMED_NODE =
  /^Received NodeAnnouncement1?\(node=(0[23][0-9a-f]{64}), update_time=(.{19}) \+0000 UTC\)/;

/** How a log is read. */
export interface LndLogOptions {
  /** `debug` takes the names of messages, `trace` their dumps: a log at trace has both. */
  readonly level: "trace" | "debug";
  /** The zone of its times, an IANA name. */
  readonly zone: string;
}

/** Reads that log. Other messages, such as those of the node's own channels, are passed over. */
export class LndLogReader extends LogReader {
  readonly #time: LocalTime;

  /** @throws {RangeError} when there is no such zone. */
  constructor(private readonly sink: LogSink, private readonly options: LndLogOptions) {
    super(LONGEST_UNIT);
    this.#time = new LocalTime(options.zone);
  }

  protected take(text: string, offset: number): number {
    for (let at = 0;;) {
      const end = text.indexOf("\n", at);
      if (end < 0) return at;
      const next = this.#line(text, at, end, offset);
      if (next < 0) return at;
      at = next;
    }
  }

  /** @returns where to go on; negative when the unit at `start` is not whole. */
  #line(text: string, start: number, end: number, offset: number): number {
    const next = end + 1;
    if (!text.startsWith(SUBSYSTEM, start + SUBSYSTEM_AT)) return next;
    const peerAt = text.indexOf(PEER, start + SUBSYSTEM_AT) + PEER.length;
    if (peerAt < PEER.length || peerAt - start > MOST_BEFORE_PEER) return next;
    const peer = text.slice(peerAt, peerAt + PEER_CHARS);
    const said = peerAt + PEER_CHARS + "): ".length;
    const wall = wallTime(text, start);
    if (said > end || Number.isNaN(wall) || !NODE_ID.test(peer)) return next;

    const type = text.startsWith(DUMP, said) ? dumpedType(text, said + DUMP.length, end) : null;
    const close = type === null ? end : text.indexOf(DUMP_END, end - 1);
    if (close < 0) return -1;
    const { at, isDoubtful } = this.#time.locate(wall);
    if (isDoubtful) this.sink.doubtful(at + HOUR_US);
    if (type === null) this.#said(text.slice(said, end), peer, at, offset + next);
    else if (this.options.level === "trace") {
      const dump = text.slice(next, close + 1);
      if (isTorn(dump)) return this.#unreadable(next);
      const after = close + DUMP_END.length;
      this.#dumped(type, dump, peer, at, offset + after);
      return after;
    } else this.sink.seen(peer, at);
    return next;
  }

  #unreadable(next: number): number {
    this.counts.unreadable++;
    return next;
  }

  #dumped(type: 256 | 257 | 258, dump: string, peer: string, at: number, end: number): void {
    let raw: Uint8Array;
    try {
      raw = rebuild(type, dump);
    } catch (error) {
      if (!(error instanceof DumpFault || error instanceof BoltFault)) throw error;
      this.counts.unreadable++;
      return this.sink.seen(peer, at);
    }
    this.counts.receipts++;
    this.sink.receipt(peer, raw, at, end);
  }

  #said(line: string, peer: string, at: number, end: number): void {
    if (line.startsWith("disconnecting ")) {
      const [, reason = "disconnecting"] = line.match(/, reason: (.*)$/) ?? [];
      return this.sink.closed(peer, at, reason);
    }
    if (line.startsWith("starting with conn[")) return this.sink.opened(peer, at, "");
    const name = this.options.level === "debug" ? nameOf(line) : null;
    if (name === null) return this.sink.seen(peer, at);
    this.counts.receipts++;
    this.sink.named(peer, name, at, end);
  }
}

function dumpedType(text: string, at: number, end: number): 256 | 257 | 258 | null {
  if (!text.startsWith(DUMP_BEGIN, end + 1 - DUMP_BEGIN.length)) return null;
  const name = text.slice(at, text.indexOf(")", at));
  return Object.hasOwn(DUMPED_TYPES, name) ? DUMPED_TYPES[name as keyof typeof DUMPED_TYPES] : null;
}

/** A process that was killed leaves half a dump; what follows it is the next process's. */
function isTorn(dump: string): boolean {
  return dump.includes(SUBSYSTEM + PEER) || dump.includes("] LTND: ");
}

/** The message that a line at debug names; null when it names none. */
function nameOf(line: string): MessageName | null {
  const [, kind, scidDigits, flags, updatedAt] = line.match(NAMED_CHANNEL) ?? [];
  if (kind === "Announcement") return { scid: BigInt(scidDigits) };
  if (kind === "Update" && flags !== undefined) {
    const direction = flags.endsWith("1") ? 1 : 0;
    return { scid: BigInt(scidDigits), direction, timestamp: seconds(updatedAt) };
  }
  const [, nodeId, announcedAt] = line.match(NAMED_NODE) ?? [];
  return nodeId === undefined ? null : { nodeId, timestamp: seconds(announcedAt) };
}

function seconds(utc: string): number {
  return wallTime(`${utc}.000`, 0) / 1e6;
}
