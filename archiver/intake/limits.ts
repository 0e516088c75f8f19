// What one collector may bring, so that a stolen or broken one can fill neither the disk nor the calendar.

import type { Batch } from "../../shared/batch/batch.ts";
import { DAY_US } from "../../shared/time.ts";

const HOUR_US = 3_600_000_000;
/** Collectors counted at once; the one longest unheard makes way. */
const MAX_COLLECTORS = 4096;
/** Runs per hour: a collector that restarts every ten seconds has 360. */
const MAX_EPOCHS = 1000;
/** Days per hour: a spool that waited for months brings one batch of each and more. */
const MAX_DAYS = 400;

/** What a receipt counts as; the archive keeps one in about 5 bytes. */
const RECEIPT_BYTES = 8;

/** Per collector; see `limits` in `archiver.example.yaml`. */
export interface LimitOptions {
  /** Unpacked: raw messages, and {@link RECEIPT_BYTES} per receipt. */
  readonly bytesPerHour: number;
  readonly messagesPerHour: number;
  readonly sessionsPerHour: number;
  /** How far receipts may be stamped ahead of the archiver's clock. */
  readonly aheadMs: number;
}

interface Usage {
  /** µs since the Unix epoch. */
  readonly since: number;
  bytes: number;
  messages: number;
  sessions: number;
  readonly epochs: Set<number>;
  readonly days: Set<number>;
}

/** Why a batch is not taken: `over_limit` passes with the hour, `ahead` does not. */
export interface LimitFault {
  readonly code: "over_limit" | "ahead";
  readonly reason: string;
}

/** Counts what each collector brings, in hours that begin with its first batch. */
export class CollectorLimits {
  readonly #options: LimitOptions;
  readonly #usage = new Map<string, Usage>();

  constructor(options: LimitOptions) {
    this.#options = options;
  }

  /** Counts a batch, unless it must not be taken. @param now µs since the Unix epoch. */
  take(batch: Batch, now: number): LimitFault | null {
    const { bytesPerHour, messagesPerHour, sessionsPerHour, aheadMs } = this.#options;
    const { receivedAt } = batch.receipts;
    const latest = Math.max(batch.epoch, receivedAt.at(-1) ?? 0, ...eventTimes(batch));
    if (latest > now + aheadMs * 1000) {
      const seconds = Math.round((latest - now) / 1_000_000);
      return {
        code: "ahead",
        reason: `stamped ${seconds} s ahead of the archiver's clock; limits.ahead is ${
          aheadMs / 1000
        } s`,
      };
    }
    const bytes = batch.messages.raws.reduce((sum, raw) => sum + raw.length, 0) +
      receivedAt.length * RECEIPT_BYTES;
    const usage = this.#hour(batch.collector, now);
    const sessions = batch.events.filter(({ kind }) => kind === "session_opened").length;
    const days = receivedAt.length === 0
      ? []
      : [Math.floor(receivedAt[0] / DAY_US), Math.floor(receivedAt.at(-1)! / DAY_US)];
    const sums = [
      ["bytes_per_hour", usage.bytes + bytes, bytesPerHour],
      ["messages_per_hour", usage.messages + batch.messages.numbers.length, messagesPerHour],
      ["sessions_per_hour", usage.sessions + sessions, sessionsPerHour],
      ["runs per hour", sizeWith(usage.epochs, [batch.epoch]), MAX_EPOCHS],
      ["days per hour", sizeWith(usage.days, days), MAX_DAYS],
    ] as const;
    const over = sums.find(([, sum, limit]) => sum > limit);
    if (over !== undefined) {
      const [name, , limit] = over;
      return {
        code: "over_limit",
        reason: `${batch.collector} is over its limit of ${limit} ${name}`,
      };
    }
    usage.bytes += bytes;
    usage.messages += batch.messages.numbers.length;
    usage.sessions += sessions;
    usage.epochs.add(batch.epoch);
    for (const day of days) usage.days.add(day);
    return null;
  }

  #hour(collector: string, now: number): Usage {
    let usage = this.#usage.get(collector);
    if (usage === undefined || now - usage.since >= HOUR_US) {
      usage = {
        since: now,
        bytes: 0,
        messages: 0,
        sessions: 0,
        epochs: new Set(),
        days: new Set(),
      };
    }
    this.#usage.delete(collector);
    this.#usage.set(collector, usage);
    if (this.#usage.size > MAX_COLLECTORS) this.#usage.delete(this.#usage.keys().next().value!);
    return usage;
  }
}

/** The instants of a batch's events that become rows by themselves. */
function eventTimes({ events }: Batch): number[] {
  return events.map((event) => event.kind === "session_opened" ? event.filter_at : event.at);
}

function sizeWith(set: ReadonlySet<number>, more: readonly number[]): number {
  return set.size + new Set(more.filter((value) => !set.has(value))).size;
}
