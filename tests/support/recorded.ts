/**
 * What sessions tell, through a real recorder and back out of its batches.
 *
 * @module
 */
import { Intake } from "../../collector/gossip/intake.ts";
import type { TextLimits } from "../../collector/gossip/text_quotas.ts";
import type { VerifierOptions } from "../../collector/gossip/verifier.ts";
import {
  type Batch,
  type CollectorEvent,
  type Verdict,
  VERDICTS,
} from "../../shared/batch/batch.ts";
import { decodeBatch } from "../../shared/batch/codec.ts";
import { chainHash } from "../../shared/bolt/chains.ts";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { seededRandom } from "../../shared/random.ts";
import { toHex } from "../../shared/text.ts";

/** One receipt with what its numbers mean. */
export interface RecordedReceipt {
  /** The peer's node id. */
  readonly nodeId: string;
  /** The message in hex. */
  readonly message: string;
  /** µs since the Unix epoch. */
  readonly receivedAt: number;
  /** The flags of its receipt. */
  readonly flags: number;
}

/** A collector's intake on regtest whose batches stay in memory. */
export class Recorded implements Disposable {
  /** The real thing. */
  readonly intake: Intake;
  /** Is told of bad messages. */
  onBad: VerifierOptions["onBad"] = () => {};
  /** Is told of messages whose signatures hold. */
  onValid: NonNullable<VerifierOptions["onValid"]> = () => {};
  readonly #batches: Batch[] = [];

  /** Begins an epoch. */
  constructor(clock: Clock = systemClock, textLimits: Partial<TextLimits> = {}) {
    this.intake = new Intake(
      { collector: "test", epoch: clock.now(), version: "0", targetPeers: 1 },
      {
        clock,
        textLimits,
        random: seededRandom(1),
        chain: chainHash("regtest"),
        sink: (bytes) => this.#batches.push(decodeBatch(bytes)),
        onValid: (raw, signer, bringer) => this.onValid(raw, signer, bringer),
        onBad: (bad) => this.onBad(bad),
      },
    );
  }

  /** Closes the open batch; all batches so far. */
  batches(): readonly Batch[] {
    this.intake.recorder.flush();
    return this.#batches;
  }

  /** The events of a kind so far. */
  events<K extends CollectorEvent["kind"]>(kind: K): Extract<CollectorEvent, { kind: K }>[] {
    return this.batches().flatMap((batch) => batch.events)
      .filter((event): event is Extract<CollectorEvent, { kind: K }> => event.kind === kind);
  }

  /** All receipts so far, in the order they were stamped. */
  receipts(): RecordedReceipt[] {
    const messages = this.messages();
    const nodes = new Map(this.events("session_opened").map((e) => [e.session, e.node_id]));
    return this.batches().flatMap(({ receipts }) =>
      Array.from(receipts.receivedAt, (receivedAt, i) => ({
        nodeId: nodes.get(receipts.sessions[i])!,
        message: messages.get(receipts.messages[i])!,
        receivedAt,
        flags: receipts.flags[i],
      }))
    );
  }

  /** Texts in hex by message number. */
  messages(): Map<number, string> {
    return new Map(
      this.batches().flatMap(({ messages }) =>
        messages.raws.map((raw, i) => [messages.numbers[i], toHex(raw)] as const)
      ),
    );
  }

  /** The last verdict on each message, by its text in hex. */
  verdicts(): Map<string, Verdict> {
    const messages = this.messages();
    return new Map(
      this.batches().flatMap(({ verdicts }) =>
        Array.from(
          verdicts.numbers,
          (number, i) => [messages.get(number)!, VERDICTS[verdicts.codes[i]]] as const,
        )
      ),
    );
  }

  /** Stops the intake. */
  [Symbol.dispose](): void {
    this.intake[Symbol.dispose]();
  }
}
