// What goes wrong with collectors and no batch or heartbeat says by itself: batches that never came, two collectors of one
// name, and wrong clocks.

import { firstLine } from "../../shared/errors.ts";
import type { Batch } from "../../shared/batch/batch.ts";
import type { Clock } from "../../shared/clock.ts";
import { logger } from "../../shared/log.ts";
import { DAY_US } from "../../shared/time.ts";
import { every } from "../../shared/waiting.ts";
import type { Row } from "../store/store.ts";
import { ClockWatch } from "./clock_watch.ts";

/**
 * A missing batch may still come after later ones: while a collector catches up, several are under way, and one that was
 * refused is sent again within seconds.
 */
export const AWAITED_US = 60_000_000;
const CHECK_EVERY_MS = 10_000;
/** Losses are a health problem for a day. */
const REPORTED_US = DAY_US;
/** Two collectors of one name are a health problem while their signs come, which heartbeats bring every 10 s. */
const RIVALS_US = 120_000_000;
/** How far an epoch's receipts may reach into the next: the next begins by a clock that may have been set back. */
const OVERLAP_US = 60_000_000;
/** Collectors and gaps remembered. */
const MAX_REMEMBERED = 10_000;

const log = logger("archiver", "collectors");

export interface WatchDependencies {
  readonly store: { read(sql: string): Promise<Row[]> };
  readonly clock: Clock;
}

/** Watches until disposed. */
export class CollectorWatch implements AsyncDisposable {
  readonly #dependencies: WatchDependencies;
  readonly #stop = new AbortController();
  /** By collector: when its newest epoch began, and when an older one was last seen at work, µs. */
  readonly #epochs = new Map<string, { newest: number; rivalAt: number }>();
  readonly #clocks = new ClockWatch();
  readonly #logged = new Set<string>();
  #losses: readonly string[] = [];
  #loop: Promise<void> = Promise.resolve();

  constructor(dependencies: WatchDependencies) {
    this.#dependencies = dependencies;
  }

  start(): void {
    const { clock } = this.#dependencies;
    this.#loop = every(clock, CHECK_EVERY_MS, this.#stop.signal, async () => {
      try {
        await this.check();
      } catch (error) {
        log.debug("Cannot look for lost batches: {error}", { error: firstLine(error) });
      }
    });
  }

  problems(): string[] {
    const now = this.#dependencies.clock.now();
    const rivals = [...this.#epochs].filter(([, { rivalAt }]) => now - rivalAt < RIVALS_US);
    return [
      ...this.#losses,
      ...rivals.map(([name]) =>
        `two collectors run as ${name}: give each its own name and data folder`
      ),
      ...this.#clocks.problems(now),
    ];
  }

  batch(batch: Batch): void {
    const { collector, epoch, receipts: { receivedAt } } = batch;
    this.#clocks.batch(batch, this.#dependencies.clock.now());
    this.#sign(collector, epoch, receivedAt.at(-1) ?? 0);
  }

  /** Takes note of a heartbeat of a collector's epoch. @param at by the collector's clock, µs. */
  heartbeat(collector: string, epoch: number, at: number): void {
    this.#sign(collector, epoch, at);
  }

  /** Looks for lost batches. @throws {Error} while the archive cannot be read. */
  async check(): Promise<void> {
    const now = this.#dependencies.clock.now();
    const gaps = await this.#dependencies.store.read(
      `SELECT c.name, g.epoch_id, epoch_us(e.started_at) AS epoch, g.first_batch, g.last_batch, g.receipts, g.reason
      FROM gaps g JOIN epochs e ON e.epoch_id = g.epoch_id JOIN collectors c ON c.collector_id = e.collector_id
      WHERE epoch_us(g.noticed_at) > ${now - REPORTED_US}
        AND g.reason <> 'elsewhere' AND (g.reason <> 'missing' OR epoch_us(g.noticed_at) <= ${
        now - AWAITED_US
      })
      ORDER BY c.name, g.epoch_id, g.first_batch`,
    );
    this.#losses = [...Map.groupBy(gaps, ({ name }) => String(name))].map(([name, own]) => {
      const batches = own.reduce((sum, gap) => sum + batchesOf(gap), 0);
      const unknown = own.some(({ receipts }) => receipts === null);
      const receipts = own.reduce((sum, gap) => sum + Number(gap.receipts ?? 0), 0);
      const least = unknown ? " or more" : "";
      return `${name} lost batches in the last day: ${batches} (receipts: ${receipts}${least})`;
    });
    for (const gap of gaps) this.#log(gap);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }

  #log(gap: Row): void {
    const key = `${gap.epoch_id}/${gap.first_batch}/${gap.last_batch}/${gap.reason}`;
    if (this.#logged.has(key)) return;
    if (this.#logged.size >= MAX_REMEMBERED) this.#logged.clear();
    this.#logged.add(key);
    log.warning(
      "{collector} lost batches {first} to {last} of its run {epoch}: {receipts} receipts, {reason}",
      {
        collector: String(gap.name),
        first: Number(gap.first_batch),
        last: Number(gap.last_batch),
        epoch: Number(gap.epoch),
        receipts: gap.receipts === null ? "unknown" : Number(gap.receipts),
        reason: String(gap.reason),
      },
    );
  }

  #sign(collector: string, epoch: number, at: number): void {
    const known = this.#epochs.get(collector);
    if (known === undefined) {
      if (this.#epochs.size >= MAX_REMEMBERED) this.#epochs.clear();
      this.#epochs.set(collector, { newest: epoch, rivalAt: -Infinity });
    } else if (epoch > known.newest) {
      known.newest = epoch;
    } else if (epoch < known.newest && at > known.newest + OVERLAP_US) {
      const now = this.#dependencies.clock.now();
      if (now - known.rivalAt >= RIVALS_US) {
        log.warning(
          "Two collectors run as {collector}: an older run still sends after a newer began",
          {
            collector,
          },
        );
      }
      known.rivalAt = now;
    }
  }
}

function batchesOf(gap: Row): number {
  return Number(gap.last_batch) - Number(gap.first_batch) + 1;
}
