import { Fault } from "../../shared/errors.ts";

export type NoiseCode =
  | "bad_version" // of an act
  | "bad_key" // an act's key is no point
  | "bad_mac" // garbage, tampering or, in a handshake, another static key than expected
  | "unanswered" // the peer closed before the first byte of an act
  | "truncated" // the peer closed inside an act or a frame
  | "timeout" // an act did not come in time
  | "network" // the socket failed; see the cause
  | "oversized" // a message to send is longer than 65,535 bytes
  | "backlog" // a slow reader: too many bytes wait to be written
  | "closed"; // sending on a closed connection

/** A refusal by the transport. */
export class NoiseFault extends Fault<NoiseCode> {
  override readonly name = "NoiseFault";
}
