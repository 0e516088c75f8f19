// Collectors whose clock is wrong or unknown, as the clock samples in their batches show it.

import type { Batch } from "../../shared/batch/batch.ts";

/** Collectors remembered; the one longest unheard makes way. */
const MAX_COLLECTORS = 4096;
/** NTP keeps clocks within 100 ms, so one that is a second off is not set. */
const WRONG_US = 1_000_000;
/** Samples come every minute. */
const UNMEASURED_US = 900_000_000;
/** A collector that sent nothing for this time is late, whatever its clock. */
const SILENT_US = 900_000_000;

interface HeardClock {
  /** When its last batch came, and its last sample: at first, when its first batch came. By the archiver's clock, µs. */
  heardAt: number;
  measuredAt: number;
  /** Null before the first sample. */
  offsetUs: number | null;
}

/** What the last samples of each collector say. */
export class ClockWatch {
  readonly #clocks = new Map<string, HeardClock>();

  /** Takes note of a committed batch. @param now µs since the Unix epoch. */
  batch({ collector, events }: Batch, now: number): void {
    const clock = this.#clocks.get(collector) ?? { heardAt: now, measuredAt: now, offsetUs: null };
    clock.heardAt = now;
    const sample = events.findLast((event) => event.kind === "clock_sample");
    if (sample) [clock.offsetUs, clock.measuredAt] = [sample.offset, now];
    this.#clocks.delete(collector);
    this.#clocks.set(collector, clock);
    if (this.#clocks.size > MAX_COLLECTORS) this.#clocks.delete(this.#clocks.keys().next().value!);
  }

  /** One line per problem. */
  problems(now: number): string[] {
    return [...this.#clocks].flatMap(([name, { heardAt, measuredAt, offsetUs }]) => {
      if (now - heardAt >= SILENT_US) return [];
      if (now - measuredAt >= UNMEASURED_US) {
        return [
          `the clock of ${name} has not been compared with the archiver's for ` +
          `${
            Math.floor((now - measuredAt) / 60_000_000)
          } minutes: how far its delays are off is unknown`,
        ];
      }
      if (offsetUs === null || Math.abs(offsetUs) < WRONG_US) return [];
      const seconds = Math.round(Math.abs(offsetUs) / 1_000_000);
      const where = offsetUs > 0 ? "behind" : "ahead of";
      return [`the clock of ${name} is ${seconds} s ${where} the archiver's: set it (NTP)`];
    });
  }
}
