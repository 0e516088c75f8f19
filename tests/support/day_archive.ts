/**
 * An archive with a few days in it, and its days.
 *
 * @module
 */
import { Days, type DaysOptions } from "../../archiver/days/days.ts";
import type { OnStep } from "../../archiver/store/steps.ts";
import type { Store } from "../../archiver/store/store.ts";
import { openArchive, receiptLines, rows } from "./archive.ts";
import { BatchMaker, plainMessage } from "./batch_maker.ts";
import { ManualClock } from "./manual_clock.ts";
import type { TempDir } from "./temp_dir.ts";

/** The first day, at its begin: 2025-09-26 UTC, in µs since the Unix epoch. */
export const FIRST_DAY: number = 1_758_844_800_000_000;
/** A day, in µs. */
export const DAY: number = 86_400_000_000;
/** Receipts of each message of {@link fillDay}. */
export const RECEIPTS_PER_MESSAGE = 3;

/** An instant. @param day from 0. */
export function at(day: number, seconds: number): number {
  return FIRST_DAY + day * DAY + seconds * 1_000_000;
}

/** An archive and its days, with a clock at noon of the fifth day. */
export interface DayArchive extends AsyncDisposable {
  /** The archive. */
  readonly store: Store;
  /** Its days, in `days/` of the test's folder. */
  readonly days: Days;
  /** By which days end. */
  readonly clock: ManualClock;
  /** What makes its batches. */
  readonly maker: BatchMaker;
}

/** Opens, or makes, the archive `a.duckdb` in a test's folder. */
export async function openDays(
  dir: TempDir,
  options: Partial<DaysOptions> = {},
  { onStep, indexedMessages, maker = new BatchMaker("alpha", FIRST_DAY) }: {
    readonly onStep?: OnStep;
    readonly indexedMessages?: number;
    readonly maker?: BatchMaker;
  } = {},
): Promise<DayArchive> {
  const clock = new ManualClock(at(4, 43_200));
  const store = await openArchive(dir.join("a.duckdb"), { clock, onStep, indexedMessages });
  const days = new Days({
    folder: dir.join("days"),
    after: 6 * 3_600_000,
    keep_hot: 86_400_000,
    keep_files: null,
    apply: true,
    memoryLimitBytes: 256 * 1024 * 1024,
    ...options,
  }, { store, clock, onStep });
  await days.recover();
  return {
    store,
    days,
    clock,
    maker,
    async [Symbol.asyncDispose]() {
      await days[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

/** Commits one batch of a day's receipts: of `messages` new messages, three each. @param day from 0. */
export async function fillDay(
  { store, maker }: Pick<DayArchive, "store" | "maker">,
  day: number,
  messages = 5,
): Promise<void> {
  const sessions = [1, 2, 3].map((peer) => maker.session(peer, at(day, 0)));
  for (let i = 0; i < messages; i++) {
    const number = maker.message(plainMessage(1000 * day + i));
    maker.verdict(number, i % 2 === 0 ? "valid" : "unknown_signer");
    for (const session of sessions) {
      maker.receipt(at(day, 100 * i + session), number, session, i === 0 ? 1 : 0);
    }
  }
  await store.commit([maker.close()]);
}

/** All that the views tell, as text: what must stay the same, wherever the rows are. */
export async function contents(store: Store): Promise<string[]> {
  const messages = await rows(store, "SELECT * FROM messages ORDER BY message_id");
  return [...await receiptLines(store), ...messages.map((message) => JSON.stringify(message))];
}

/** Names of all files in a folder, and in those inside, sorted. */
export async function filesIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  const walk = async (inner: string) => {
    for await (const { name, isDirectory } of Deno.readDir(`${folder}${inner}`)) {
      if (isDirectory) await walk(`${inner}/${name}`);
      else found.push(`${inner}/${name}`);
    }
  };
  await walk("");
  return found.map((name) => name.slice(1)).sort();
}
