// Where batches go: the one interface of its two kinds, a JetStream server and an archiver on the same host.

import { Fault } from "../../shared/errors.ts";
import type { BatchNumber } from "../spool/record.ts";

/**
 * Why a batch is not delivered yet. It is tried again after each of them.
 *
 * - `unreachable`: no connection, or no answer in time;
 * - `no_stream`: the server runs, but no stream takes batches yet: the archiver makes it when it starts;
 * - `full`: the stream holds as much as it may;
 * - `busy`: the archiver takes no batches for the moment;
 * - `refused`: the other side says no for another reason, such as a missing permission.
 */
export type UplinkCode = "unreachable" | "no_stream" | "full" | "busy" | "refused";

/** A batch that is not delivered yet. */
export class UplinkFault extends Fault<UplinkCode> {
  override readonly name = "UplinkFault";
}

/**
 * What became of a batch that need not be sent again.
 *
 * - `stored`: it is safe on the other side;
 * - `duplicate`: it was so already;
 * - `set_aside`: the archive could not read it and keeps its bytes as a dead letter.
 */
export type DeliveryOutcome = "stored" | "duplicate" | "set_aside";

export interface OutgoingBatch extends BatchNumber {
  readonly bytes: Uint8Array;
}

/** Where batches go. Disposing closes its connections; twice is harmless. */
export interface Uplink extends AsyncDisposable {
  readonly target: string;
  readonly maxOutstanding: number;
  /**
   * Delivers a batch; resolves when it need not be sent again.
   * @throws {UplinkFault} when it is not delivered; the signal's reason when that aborts.
   */
  send(batch: OutgoingBatch, signal: AbortSignal): Promise<DeliveryOutcome>;
}
