/**
 * How the algorithms refuse bytes and ids.
 *
 * @module
 */
import { Fault } from "../../../shared/errors.ts";

/**
 * - `bad_length`: bytes that are no whole sketch or message;
 * - `bad_element`: zero, or an id that needs more bits than the field has;
 * - `mismatch`: two sketches of different fields;
 * - `too_large`: a capacity or a frame outside its limits;
 * - `bad_message`: a range-based message that breaks the protocol;
 * - `bad_version`: a range-based protocol version that we do not speak.
 */
export type ReconciliationCode =
  | "bad_length"
  | "bad_element"
  | "mismatch"
  | "too_large"
  | "bad_message"
  | "bad_version";

/** The only thing that this folder throws for bytes or ids of others, whatever they are. */
export class ReconciliationFault extends Fault<ReconciliationCode> {
  /** The class's name, for logs. */
  override readonly name = "ReconciliationFault";
}
