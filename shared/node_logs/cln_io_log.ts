// Core Lightning's log at `--log-level=io:connectd:FILE`: a line per message that goes in or out.
//
//     2026-11-30T20:16:50.785Z <node id>-connectd: [IN] 0102…
//
// Times are UTC, of when lightningd emptied its queue: up to 0.55 s late. Hex leaves a peer no way to write a line of its own.

import { initFeatures } from "../bolt/init.ts";
import { decodeMessage } from "../bolt/message.ts";
import { MAX_MESSAGE_BYTES } from "../bolt/message_types.ts";
import { INSTANT_CHARS, wallTime } from "./instant.ts";
import { LogReader, type LogSink } from "./reader.ts";

/** How late its times may be, µs. */
export const CLN_LATENESS_US = 550_000;

const PEER_AT = INSTANT_CHARS + "Z ".length;
const PEER_CHARS = 66;
const IN = "-connectd: [IN] ", OUT = "-connectd: [OUT] ";
const BODY_AT = PEER_AT + PEER_CHARS + IN.length;
const LONGEST_LINE = BODY_AT + 2 * MAX_MESSAGE_BYTES;
/** Types 256 to 258. */
const GOSSIP: ReadonlySet<string> = new Set(["0100", "0101", "0102"]);
const INIT = "0010";
const NODE_ID = /^0[23][0-9a-f]{64}$/;

/** Reads that log. Other lines, such as those of RPC calls, are passed over. */
export class ClnIoLogReader extends LogReader {
  constructor(private readonly sink: LogSink) {
    super(LONGEST_LINE);
  }

  protected take(text: string, offset: number): number {
    let at = 0;
    for (let end; (end = text.indexOf("\n", at)) >= 0; at = end + 1) {
      this.#line(text, at, end, offset + end + 1);
    }
    return at;
  }

  #line(text: string, start: number, end: number, next: number): void {
    const isIn = text.startsWith(IN, start + PEER_AT + PEER_CHARS);
    if (!isIn && !text.startsWith(OUT, start + PEER_AT + PEER_CHARS)) return;
    const at = wallTime(text, start);
    const peer = text.slice(start + PEER_AT, start + PEER_AT + PEER_CHARS);
    if (Number.isNaN(at) || !NODE_ID.test(peer)) return;
    const type = isIn ? text.slice(start + BODY_AT, start + BODY_AT + 4) : "";
    if (GOSSIP.has(type)) {
      const raw = bytesOf(text.slice(start + BODY_AT, end));
      if (raw === null) return void this.counts.unreadable++;
      this.counts.receipts++;
      this.sink.receipt(peer, raw, at, next);
    } else if (type === INIT) {
      this.sink.opened(peer, at, featuresOf(text.slice(start + BODY_AT, end)));
    } else this.sink.seen(peer, at);
  }
}

/** Null when `hex` is not whole. */
function bytesOf(hex: string): Uint8Array | null {
  try {
    return Uint8Array.fromHex(hex);
  } catch {
    return null;
  }
}

/** Empty when the init does not decode. */
function featuresOf(hex: string): string {
  try {
    const message = decodeMessage(Uint8Array.fromHex(hex));
    return message.known && message.type === 16 ? initFeatures(message).toHex() : "";
  } catch {
    return "";
  }
}
