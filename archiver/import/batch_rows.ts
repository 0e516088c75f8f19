import { type Batch, type Verdict, VERDICTS } from "../../shared/batch/batch.ts";

/** A receipt: µs since the Unix epoch, numbers of its message and session, flags as in a batch. */
export interface ReceiptRow {
  readonly at: number;
  readonly message: number;
  readonly session: number;
  readonly flags: number;
}

/** Messages and receipts of one batch, row by row. */
export class BatchRows {
  readonly receipts: ReceiptRow[] = [];
  rawBytes = 0;
  readonly #messages: { readonly number: number; readonly raw: Uint8Array; code: number }[] = [];

  message(number: number, raw: Uint8Array, verdict: Verdict): void {
    this.#messages.push({ number, raw, code: VERDICTS.indexOf(verdict) });
    this.rawBytes += raw.length;
  }

  /** @param shift added to the receipts' times, µs. */
  columns(shift = 0): Pick<Batch, "messages" | "verdicts" | "receipts"> {
    const [messages, receipts] = [this.#messages, this.receipts];
    const numbers = Uint32Array.from(messages, ({ number }) => number);
    return {
      messages: { numbers, raws: messages.map(({ raw }) => raw) },
      verdicts: { numbers, codes: Uint8Array.from(messages, ({ code }) => code) },
      receipts: {
        receivedAt: Float64Array.from(receipts, ({ at }) => at + shift),
        messages: Uint32Array.from(receipts, ({ message }) => message),
        sessions: Uint32Array.from(receipts, ({ session }) => session),
        flags: Uint8Array.from(receipts, ({ flags }) => flags),
      },
    };
  }
}
