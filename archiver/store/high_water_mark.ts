// Which batches of an epoch are in the archive: all below the mark except the gaps.

/**
 * `dropped`: the collector reported that it dropped them from a full spool. `elsewhere`: they came before this archive took
 * the collector over from another one. `missing`: no reason is known.
 */
export type GapReason = "missing" | "dropped" | "elsewhere";

/** A run of batches below the mark that are not in the archive. */
export interface Gap {
  readonly first: number;
  readonly last: number;
  /** Receipts stamped in the epoch before it; null when unknown. */
  readonly receiptsBefore: number | null;
  /** Receipts its batches held; null when unknown. */
  readonly receipts: number | null;
  /** When it was noticed, µs since the Unix epoch. */
  readonly noticedAt: number;
  readonly reason: GapReason;
}

/** The mark and the gaps of one epoch. */
export class HighWaterMark {
  next: number;
  /** Receipts stamped before batch {@link next}, as far as batches say. */
  stamped: number;
  /** Ascending, without overlap, all below {@link next}. Replaced when it changes, never altered. */
  gaps: readonly Gap[];

  constructor(next = 0, stamped = 0, gaps: readonly Gap[] = []) {
    this.next = next;
    this.stamped = stamped;
    this.gaps = gaps;
  }

  /**
   * Notes a batch.
   * @param receiptsBefore receipts stamped before it; `receipts` those in it. @param reason of a gap before it.
   * @returns `duplicate` when it is in the archive already (nothing changes), `next` when it is at the mark or past it,
   * `late` when it fills a gap.
   */
  note(
    number: number,
    receiptsBefore: number,
    receipts: number,
    now: number,
    reason: GapReason = "missing",
  ): "next" | "late" | "duplicate" {
    if (number < this.next) return this.#noteLate(number, receiptsBefore, receipts);
    if (number > this.next) this.#openGap(this.next, number - 1, receiptsBefore, now, reason);
    else this.#boundLastGap(receiptsBefore);
    this.next = number + 1;
    this.stamped = Math.max(this.stamped, receiptsBefore + receipts);
    return "next";
  }

  /** Notes that the collector dropped batches `first` to `last`. */
  noteDropped(first: number, last: number, now: number): void {
    if (first > last) return;
    if (this.gaps.some((gap) => first <= gap.last && gap.first <= last)) {
      this.gaps = this.gaps.flatMap((gap) => markDropped(gap, first, last));
    }
    if (last < this.next) return;
    if (first > this.next) this.#openGap(this.next, first - 1, null, now, "missing");
    this.#openGap(Math.max(first, this.next), last, null, now, "dropped");
    this.next = last + 1;
  }

  #noteLate(number: number, receiptsBefore: number, receipts: number): "late" | "duplicate" {
    const at = this.gaps.findIndex((gap) => gap.first <= number && number <= gap.last);
    if (at < 0) return "duplicate";
    const gap = this.gaps[at];
    const gapEnd = gap.receiptsBefore === null || gap.receipts === null
      ? null
      : gap.receiptsBefore + gap.receipts;
    const left = { ...gap, last: number - 1, receipts: span(gap.receiptsBefore, receiptsBefore) };
    const after = receiptsBefore + receipts;
    // It may be the batch just below the mark, reported as dropped until now.
    this.stamped = Math.max(this.stamped, after);
    const right = {
      ...gap,
      first: number + 1,
      receiptsBefore: after,
      receipts: span(after, gapEnd),
    };
    const parts = [left, right].filter((part) => part.first <= part.last);
    this.gaps = this.gaps.toSpliced(at, 1, ...parts);
    return "late";
  }

  #openGap(
    first: number,
    last: number,
    receiptsAfter: number | null,
    now: number,
    reason: GapReason,
  ): void {
    // After a gap of unknown end, the start of this one is unknown, too.
    const receiptsBefore = this.#lastGapIsUnbounded() ? null : this.stamped;
    const receipts = span(receiptsBefore, receiptsAfter);
    const gap = { first, last, receiptsBefore, receipts, noticedAt: now, reason };
    this.gaps = [...this.gaps, gap];
    this.next = last + 1;
  }

  #boundLastGap(receiptsAfter: number): void {
    if (!this.#lastGapIsUnbounded()) return;
    const gap = this.gaps.at(-1)!;
    const receipts = span(gap.receiptsBefore, receiptsAfter);
    if (receipts !== null) this.gaps = this.gaps.with(-1, { ...gap, receipts });
  }

  #lastGapIsUnbounded(): boolean {
    const gap = this.gaps.at(-1);
    return gap !== undefined && gap.last === this.next - 1 && gap.receipts === null;
  }
}

/** The receipts between two counts; null when one is unknown. Never negative, whatever a collector says. */
function span(before: number | null, after: number | null): number | null {
  return before === null || after === null ? null : Math.max(0, after - before);
}

/** `gap` in up to three pieces, the one within `first` to `last` marked as dropped. */
function markDropped(gap: Gap, first: number, last: number): Gap[] {
  if (gap.last < first || last < gap.first) return [gap];
  if (first <= gap.first && gap.last <= last) return [{ ...gap, reason: "dropped" }];
  // How the receipts divide among the pieces is unknown.
  const piece = (from: number, to: number, reason: GapReason): Gap => ({
    ...gap,
    first: from,
    last: to,
    receiptsBefore: from === gap.first ? gap.receiptsBefore : null,
    receipts: null,
    reason,
  });
  return [
    piece(gap.first, first - 1, gap.reason),
    piece(Math.max(first, gap.first), Math.min(last, gap.last), "dropped"),
    piece(last + 1, gap.last, gap.reason),
  ].filter((part) => part.first <= part.last);
}
