// What an archiver goes through while it is killed: six days of two collectors' batches with what is hard about them
// (told late, come late, told again), and a pass over the days after each.

import { createHash } from "node:crypto";
import type { DaysOptions } from "../../../archiver/days/days.ts";
import type { Batch } from "../../../shared/batch/batch.ts";
import { DAY_MS } from "../../../shared/time.ts";
import { BatchMaker, nodeId, plainMessage } from "../fixtures/batch_maker.ts";
import { at, FIRST_DAY } from "../fixtures/day_archive.ts";

const HOUR_SECONDS = 3600;
const DAYS = 6;
/** When a day's pass is: on the next day, once it is finished. */
const PASS_SECONDS = 7 * HOUR_SECONDS;
const MESSAGES_PER_BATCH = 8;
const PEERS = 3;

/** How the days are kept: in the end the first three are off the disk, two are cold and one is hot. */
export const KEPT_DAYS: Pick<DaysOptions, "after" | "keep_hot" | "keep_files" | "apply"> = {
  after: 6 * HOUR_SECONDS * 1000,
  keep_hot: DAY_MS,
  keep_files: 3 * DAY_MS,
  apply: true,
};
/** Days whose receipts are off the disk in the end, from the first on. */
export const DROPPED_DAYS = 3;

/** One thing that an archiver does before the next. */
export type CrashAct =
  | { /** Commits them. */ readonly kind: "commit"; readonly batches: readonly Batch[] }
  | {
    /** Rolls days over. */ readonly kind: "pass";
    /** When it is then, µs since the Unix epoch. */ readonly now: number;
  };

/** All of it. */
export interface CrashScript {
  /** What an older archive has already. */
  readonly older: readonly Batch[];
  /** What follows, in order. */
  readonly acts: readonly CrashAct[];
  /** One line a receipt, as `receiptLines` has them. */
  readonly receipts: readonly string[];
  /** SHA-256 of each message, hex. */
  readonly messages: ReadonlySet<string>;
}

/** A maker of batches that notes what should be archived. */
class Noting {
  readonly maker: BatchMaker;
  readonly #sessions: number[] = [];

  constructor(
    name: string,
    private readonly receipts: string[],
    private readonly messages: Set<string>,
  ) {
    this.maker = new BatchMaker(name, FIRST_DAY);
  }

  /** A batch of new messages, one of them under a number that is told in the next batch. */
  batch(day: number, hour: number): Batch {
    const { maker } = this;
    const seconds = hour * HOUR_SECONDS;
    for (let peer = 0; peer < PEERS; peer++) {
      this.#sessions[peer] ??= maker.session(peer + 1, at(day, seconds));
    }
    for (let i = 0; i < MESSAGES_PER_BATCH; i++) {
      const seed = (day * 24 + hour) * MESSAGES_PER_BATCH + i;
      const number = maker.message(this.#note(seed));
      if (i % 2 === 0) maker.verdict(number, i % 4 === 0 ? "valid" : "unknown_signer");
      for (let peer = 0; peer < PEERS; peer++) {
        this.#receive(at(day, seconds + 60 * i + peer), number, seed, peer, peer === 2 ? 1 : 0);
      }
    }
    // The archive knows this one by another number, perhaps as a cold one.
    const again = maker.message(this.#note(hour % MESSAGES_PER_BATCH));
    maker.verdict(again, "invalid");
    this.#receive(at(day, seconds + 900), again, hour % MESSAGES_PER_BATCH, 0, 2);
    return maker.close();
  }

  /** A batch whose receipts name a message that only the batch behind it tells. */
  untold(day: number, hour: number): Batch[] {
    const { maker } = this;
    const number = 100_000 + day * 24 + hour;
    const raw = this.#note(number);
    this.#receive(at(day, hour * HOUR_SECONDS + 1), number, number, 1, 0);
    maker.verdict(number, "valid");
    const first = maker.close();
    maker.tell(number, raw);
    return [first, maker.close()];
  }

  #note(seed: number): Uint8Array {
    const raw = plainMessage(seed);
    this.messages.add(sha256(raw));
    return raw;
  }

  #receive(time: number, number: number, seed: number, peer: number, flags: number): void {
    this.maker.receipt(time, number, this.#sessions[peer], flags);
    this.receipts.push(
      [
        time,
        sha256(plainMessage(seed)),
        nodeId(peer + 1),
        this.maker.collector,
        flags & 1,
        flags >> 1,
      ]
        .join(" "),
    );
  }
}

/** Makes the script, the same each time. */
export function crashScript(): CrashScript {
  const receipts: string[] = [];
  const messages = new Set<string>();
  const [alpha, beta] = ["alpha", "beta"].map((name) => new Noting(name, receipts, messages));
  const older = [alpha.batch(0, 1), beta.batch(0, 2), ...alpha.untold(0, 3)];
  const acts: CrashAct[] = [];
  const commit = (...batches: Batch[]) => acts.push({ kind: "commit", batches });
  /** Batches that come two days after they were made. */
  const late = new Map<number, Batch>();
  for (let day = 0; day < DAYS; day++) {
    commit(alpha.batch(day, 4), beta.batch(day, 5));
    late.set(day + 2, beta.batch(day, 6));
    const [first, second] = alpha.untold(day, 7);
    commit(first);
    commit(beta.batch(day, 8));
    commit(second);
    const come = late.get(day);
    if (come !== undefined) {
      late.delete(day);
      commit(come);
    }
    acts.push({ kind: "pass", now: at(day + 1, PASS_SECONDS) });
  }
  commit(...late.values());
  // Of the last two days; nothing but what comes late is left to do.
  acts.push({ kind: "pass", now: at(DAYS, PASS_SECONDS + 1) });
  return { older, acts, receipts, messages };
}

function sha256(raw: Uint8Array): string {
  return createHash("sha256").update(raw).digest().toHex();
}
