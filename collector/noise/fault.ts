/**
 * Why a peer's transport was refused.
 *
 * @module
 */
import { Fault } from "../../shared/errors.ts";

/**
 * - `bad_version`, `bad_key`: an act of the handshake with another version, or with a key that is no point;
 * - `bad_mac`: a tag that does not fit: garbage, tampering or, in a handshake, another static key than expected;
 * - `unanswered`: the peer closed before the first byte of an act;
 * - `truncated`: the peer closed inside an act or a frame;
 * - `timeout`: an act did not come in time;
 * - `network`: the socket failed (the cause tells how);
 * - `oversized`: a message to send is longer than {@link MAX_MESSAGE_BYTES};
 * - `backlog`: the peer reads so slowly that too many bytes wait to be written;
 * - `closed`: sending on a connection that is closed.
 */
export type NoiseCode =
  | "bad_version"
  | "bad_key"
  | "bad_mac"
  | "unanswered"
  | "truncated"
  | "timeout"
  | "network"
  | "oversized"
  | "backlog"
  | "closed";

/** A refusal by the transport. */
export class NoiseFault extends Fault<NoiseCode> {
  /** Tells it apart in a log line. */
  override readonly name = "NoiseFault";
}
