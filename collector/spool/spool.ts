// The spool: closed batches on disk until they are delivered. It is the only buffer of the collector that may grow.
//
// A folder of append-only segments. Batches are read back for delivery through the page cache, in the order in which
// they were written, those of earlier epochs first. A segment's file goes when all of its batches are delivered; what
// was delivered out of a segment that is still there is delivered once more after a restart, which changes nothing in
// the archive. A write that returned survives SIGKILL; what the loss of power may take depends on {@link FsyncPolicy}.
//
// One process at a time: the lock of the data folder sees to it.

import { join } from "node:path";
import { MAX_BATCH_BYTES } from "../../shared/batch/codec.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import { logger } from "../../shared/log.ts";
import { keepDamaged } from "./damage.ts";
import { type DroppedRange, DroppedRanges } from "./dropped_ranges.ts";
import { type BatchNumber, encodeRecord, recordBatch, recordNumber } from "./record.ts";
import { Segment } from "./segment.ts";
import { type FsyncPolicy, Syncer } from "./syncer.ts";

const log = logger("collector", "spool");

/** A segment's file: ten digits, in the order of creation. */
const SEGMENT_NAME = /^(\d{10})\.seg$/;
/** Segments that fit below the cap: dropping one costs at most this share of what is kept. */
const MIN_SEGMENTS = 4;
/** An active segment of which everything is delivered is given up at this size, so that a crash repeats little. */
const GIVE_UP_BYTES = MAX_BATCH_BYTES;

export interface SpoolOptions {
  /** The cap: at it the oldest segment is dropped, and with it what of it was not delivered. */
  readonly maxBytes: number;
  /** When the next segment is begun; at most a quarter of the cap is taken. */
  readonly segmentBytes: number;
  readonly fsync?: FsyncPolicy;
  readonly onDropped: (dropped: DroppedRange) => void;
}

export interface SpooledBatch extends BatchNumber {
  readonly bytes: Uint8Array;
}

export interface SpoolCounters {
  recovered: number;
  tornBytes: number;
  dropped: number;
  damaged: number;
  damagedFiles: number;
}

/** Batches on disk. Disposing closes its files, `await using` brings them to disk, too; twice is harmless. */
export class Spool implements Disposable, AsyncDisposable {
  readonly counters: Readonly<SpoolCounters>;
  onAppended: (() => void) | null = null;

  readonly #path: string;
  readonly #options: SpoolOptions;
  readonly #segmentBytes: number;
  readonly #counters: SpoolCounters = {
    recovered: 0,
    tornBytes: 0,
    dropped: 0,
    damaged: 0,
    damagedFiles: 0,
  };
  /** Oldest first; only the last may be open for appending. */
  readonly #segments: Segment[] = [];
  #nextSequence = 1;
  #bytes = 0;
  /** Given out by {@link next}, and not delivered yet. */
  readonly #outstanding = new Map<SpooledBatch, Segment>();
  readonly #unreported = new DroppedRanges();
  readonly #syncer = new Syncer();
  #newest: BatchNumber | null = null;
  /** Reports of dropped batches, by the batch that carries them: until that is delivered they may be lost themselves. */
  readonly #reported = new Map<string, DroppedRange[]>();
  #trouble: string | null = null;

  private constructor(path: string, options: SpoolOptions) {
    this.#path = path;
    this.#options = options;
    this.#segmentBytes = Math.min(options.segmentBytes, options.maxBytes / MIN_SEGMENTS);
    this.counters = this.#counters;
  }

  /**
   * Opens the spool in a folder, which is made if need be, with what an earlier process left there.
   * @throws {UserError} when the folder or a file in it cannot be used.
   */
  static async open(path: string, options: SpoolOptions): Promise<Spool> {
    const spool = new Spool(path, options);
    try {
      await Deno.mkdir(path, { recursive: true });
      const names: string[] = [];
      for await (const { name } of Deno.readDir(path)) {
        if (SEGMENT_NAME.test(name)) names.push(name);
      }
      for (const name of names.sort()) spool.#recover(name);
    } catch (error) {
      spool[Symbol.dispose]();
      throw new UserError(`Cannot use spool ${path}: ${errorText(error)}`, { cause: error });
    }
    const { recovered, tornBytes } = spool.#counters;
    if (recovered > 0 || tornBytes > 0) {
      log.info("found {recovered} batches of earlier runs; cut {tornBytes} torn bytes", {
        recovered,
        tornBytes,
      });
    }
    return spool;
  }

  get batches(): number {
    return this.#segments.reduce((sum, { records, done }) => sum + records - done, 0);
  }

  /** The batch that was appended last, in this life or an earlier one; null when nothing is left of it. */
  get newest(): BatchNumber | null {
    return this.#newest;
  }

  get syncs(): Pick<Syncer, "syncs" | "failures"> {
    return this.#syncer;
  }

  get trouble(): string | null {
    return this.#trouble;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a batch. Never throws: what cannot be kept is dropped, counted and reported. */
  append(bytes: Uint8Array, id: BatchNumber): void {
    if (!this.adopt(bytes, id)) return;
    const ranges = this.#unreported.take();
    if (ranges.length === 0) return;
    // What is reported now goes into the next batch.
    this.#reported.set(nameOf({ epoch: id.epoch, number: id.number + 1 }), ranges);
    for (const range of ranges) this.#options.onDropped(range);
  }

  /** As {@link append}, but what is dropped is reported with the next one. @returns whether the batch is kept. */
  adopt(bytes: Uint8Array, id: BatchNumber): boolean {
    const record = encodeRecord(bytes, id);
    while (this.#segments.length > 0 && this.#bytes + record.length > this.#options.maxBytes) {
      this.#dropOldest();
    }
    try {
      const segment = this.#activeSegment(record.length);
      segment.append(record);
      if (this.#options.fsync === "batch") this.#syncer.sync(segment.path);
    } catch (error) {
      this.#lose(id);
      this.#setTrouble(errorText(error));
      return false;
    }
    this.#bytes += record.length;
    this.#newest = id;
    this.#setTrouble(null);
    this.onAppended?.();
    return true;
  }

  /**
   * The next batch to deliver, or null when all were given out. Each is given out once.
   *
   * Throws what the file system throws, such as too many open files; a later call may succeed.
   */
  next(): SpooledBatch | null {
    for (;;) {
      const segment = this.#segments.find((segment) => segment.hasUnread);
      if (!segment) return null;
      const record = segment.read();
      const bytes = record && recordBatch(record);
      if (bytes) {
        const batch = { ...recordNumber(record), bytes };
        this.#outstanding.set(batch, segment);
        return batch;
      }
      if (record) segment.done++;
      this.#counters.damaged++;
      log.error("A spooled batch is damaged and cannot be delivered; the archive will show a gap");
      this.#release(segment);
    }
  }

  /** Marks a batch that {@link next} gave as delivered; harmless twice. */
  acknowledge(batch: SpooledBatch): void {
    const segment = this.#outstanding.get(batch);
    if (!segment) return;
    this.#outstanding.delete(batch);
    this.#reported.delete(nameOf(batch));
    segment.done++;
    if (segment.isDone && segment.bytes >= GIVE_UP_BYTES) segment.seal();
    this.#release(segment);
  }

  [Symbol.dispose](): void {
    for (const segment of [...this.#segments]) {
      segment.seal();
      this.#release(segment);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { fsync = "never" } = this.#options;
    if (fsync !== "never") {
      for (const { isDone, path } of this.#segments) if (!isDone) this.#syncer.sync(path);
    }
    this[Symbol.dispose]();
    await this.#syncer.idle();
  }

  #recover(name: string): void {
    this.#nextSequence = Number(SEGMENT_NAME.exec(name)![1]) + 1;
    const path = join(this.#path, name);
    const { segment, tornBytes } = Segment.recover(path, () => this.#keepDamaged(path));
    this.#counters.tornBytes += tornBytes;
    this.#counters.recovered += segment.records;
    this.#bytes += segment.bytes;
    this.#newest = segment.newest ?? this.#newest;
    this.#segments.push(segment);
    this.#release(segment);
  }

  #keepDamaged(path: string): void {
    this.#counters.damagedFiles++;
    let kept: string;
    try {
      const copy = keepDamaged(path);
      kept = copy === null ? "No copy kept: the limit is reached" : `Copy kept in ${copy}`;
    } catch (error) {
      kept = `No copy kept: ${errorText(error)}`;
    }
    log.error(
      "Spool file {path} is damaged; batches after the damage are lost. {kept}",
      { path, kept },
    );
  }

  #activeSegment(length: number): Segment {
    const last = this.#segments.at(-1);
    if (last && !last.isSealed) {
      if (last.bytes === 0 || last.bytes + length <= this.#segmentBytes) return last;
      last.seal();
      if (this.#options.fsync === "segment") this.#syncer.sync(last.path);
      this.#release(last);
    }
    const name = `${String(this.#nextSequence++).padStart(10, "0")}.seg`;
    const segment = Segment.create(join(this.#path, name));
    this.#segments.push(segment);
    // The name of a new file is the folder's.
    if ((this.#options.fsync ?? "never") !== "never") this.#syncer.sync(this.#path);
    return segment;
  }

  /** Gives up the oldest segment: at the cap the newest batches are worth more. */
  #dropOldest(): void {
    const [segment] = this.#segments;
    let batches = 0;
    const drop = (id: BatchNumber) => {
      this.#lose(id);
      batches++;
    };
    for (const [batch, home] of this.#outstanding) {
      if (home !== segment) continue;
      this.#outstanding.delete(batch);
      drop(batch);
    }
    for (const id of segment.unreadNumbers()) drop(id);
    log.warning("The spool is full; its oldest {batches} batches are dropped", { batches });
    this.#remove(segment);
  }

  #lose(id: BatchNumber): void {
    const name = nameOf(id);
    for (const range of this.#reported.get(name) ?? []) this.#unreported.addRange(range);
    this.#reported.delete(name);
    this.#unreported.add(id);
    this.#counters.dropped++;
  }

  /** Lets go of a segment of which nothing is left to deliver, nor will be. */
  #release(segment: Segment): void {
    if (segment.isSealed && segment.isDone) this.#remove(segment);
  }

  #remove(segment: Segment): void {
    const at = this.#segments.indexOf(segment);
    if (at < 0) return;
    this.#segments.splice(at, 1);
    this.#bytes -= segment.bytes;
    try {
      segment.remove();
    } catch (error) {
      // What is in it is delivered once more after a restart, which does no harm.
      log.warning("Cannot remove a spool file: {reason}", { reason: errorText(error) });
    }
  }

  /** Says once when writing stops to work, and once when it works again. */
  #setTrouble(trouble: string | null): void {
    if (trouble !== null && this.#trouble === null) {
      log.error("Cannot write to spool {path}: {trouble}; batches are dropped until it works", {
        path: this.#path,
        trouble,
      });
    } else if (trouble === null && this.#trouble !== null) {
      log.info("Spool {path} takes batches again", { path: this.#path });
    }
    this.#trouble = trouble;
  }
}

function nameOf({ epoch, number }: BatchNumber): string {
  return `${epoch}/${number}`;
}
