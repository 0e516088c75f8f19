// The delivery loop: batches go from the spool to the uplink, in order, until each is safe on the other side.

import { errorText } from "../../shared/errors.ts";
import type { Clock } from "../../shared/clock.ts";
import { logger } from "../../shared/log.ts";
import type { Random } from "../../shared/random.ts";
import { pause } from "../../shared/waiting.ts";
import type { Spool, SpooledBatch } from "../spool/spool.ts";
import { type DeliveryOutcome, type Uplink, type UplinkCode, UplinkFault } from "./uplink.ts";

const log = logger("collector", "uplink");

/** Bytes of batches under way at once, at most; they are in memory meanwhile. */
const MAX_OUTSTANDING_BYTES = 8 * 1024 * 1024;
/**
 * After the first failure; doubled with each further one, and shortened by up to a half at random. It stays short for as
 * long as a cluster takes to elect a leader.
 */
const FIRST_BACKOFF_MS = 250;
const SHORT_BACKOFF_MS = 500;
const SHORT_BACKOFFS = 30;
const MAX_BACKOFF_MS = 5000;

export interface DeliveryDependencies {
  readonly spool: Spool;
  readonly uplink: Uplink;
  readonly clock: Clock;
  readonly random: Random;
}

export interface DeliveryStatus {
  /** Why batches wait, or null while nothing stops them; `spool` when they cannot be read. */
  readonly trouble: UplinkCode | "spool" | null;
  readonly reason: string | null;
  readonly delivered: number;
  readonly duplicates: number;
  readonly setAside: number;
  readonly failures: number;
}

/** What is in the spool after {@link Delivery.drain}. */
export interface Leftover {
  readonly batches: number;
  readonly bytes: number;
}

interface Entry {
  readonly batch: SpooledBatch;
  attempt: Promise<void> | null;
}

/** Delivers batches from its creation until it is disposed of. */
export class Delivery implements AsyncDisposable {
  readonly #dependencies: DeliveryDependencies;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  readonly #window: Entry[] = [];
  #windowBytes = 0;
  readonly #counters = { delivered: 0, duplicates: 0, setAside: 0, failures: 0 };
  #trouble: DeliveryStatus["trouble"] = null;
  #reason: string | null = null;
  #saidHello = false;
  #failed = false;
  #backOffs = 0;
  #wake: () => void = () => {};
  #onDelivered: () => void = () => {};

  constructor(dependencies: DeliveryDependencies) {
    this.#dependencies = dependencies;
    this.#running = this.#run();
  }

  get status(): DeliveryStatus {
    return { trouble: this.#trouble, reason: this.#reason, ...this.#counters };
  }

  async drain(timeoutMs: number): Promise<Leftover> {
    const { spool, clock } = this.#dependencies;
    const emptied = new AbortController();
    this.#onDelivered = () => {
      if (spool.batches === 0) emptied.abort();
    };
    this.#onDelivered();
    await pause(clock, timeoutMs, emptied.signal);
    return { batches: spool.batches, bytes: spool.bytes };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { spool } = this.#dependencies;
    const { signal } = this.#stop;
    spool.onAppended = () => this.#wake();
    while (!signal.aborted) {
      // Made before anything can happen that it is for.
      const woken = new Promise<void>((resolve) => this.#wake = resolve);
      if (!this.#failed) this.#sendMore();
      if (this.#failed) await this.#backOff();
      else await woken;
    }
    spool.onAppended = null;
    await Promise.all(this.#window.map(({ attempt }) => attempt));
  }

  /** Fills the window and sends what is in it. After a failure one batch goes ahead, to see how things are. */
  #sendMore(): void {
    const { spool, uplink } = this.#dependencies;
    const limit = this.#backOffs > 0 ? 1 : uplink.maxOutstanding;
    try {
      while (this.#window.length < limit && this.#windowBytes < MAX_OUTSTANDING_BYTES) {
        const batch = spool.next();
        if (batch === null) break;
        this.#window.push({ batch, attempt: null });
        this.#windowBytes += batch.bytes.length;
      }
    } catch (error) {
      this.#fail("spool", errorText(error));
    }
    for (const entry of this.#window.slice(0, limit)) entry.attempt ??= this.#attempt(entry);
  }

  async #attempt(entry: Entry): Promise<void> {
    const { signal } = this.#stop;
    let outcome: DeliveryOutcome | null = null;
    try {
      outcome = await this.#dependencies.uplink.send(entry.batch, signal);
    } catch (error) {
      const code = error instanceof UplinkFault ? error.code : "refused";
      if (!signal.aborted) this.#fail(code, errorText(error));
    }
    entry.attempt = null;
    if (outcome !== null) this.#settle(entry, outcome);
    this.#wake();
  }

  #settle(entry: Entry, outcome: DeliveryOutcome): void {
    this.#window.splice(this.#window.indexOf(entry), 1);
    this.#windowBytes -= entry.batch.bytes.length;
    this.#dependencies.spool.acknowledge(entry.batch);
    this.#counters.delivered++;
    if (outcome === "duplicate") this.#counters.duplicates++;
    if (outcome === "set_aside") this.#counters.setAside++;
    if (!this.#failed) {
      this.#backOffs = 0;
      this.#sayWell();
    }
    this.#onDelivered();
  }

  #fail(trouble: UplinkCode | "spool", reason: string): void {
    this.#counters.failures++;
    this.#failed = true;
    this.#reason = reason;
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    const { uplink, spool } = this.#dependencies;
    log.warning("Batches wait in the spool ({batches} now): {target}: {reason}", {
      batches: spool.batches,
      target: uplink.target,
      trouble,
      reason,
    });
  }

  #sayWell(): void {
    if (this.#trouble === null && this.#saidHello) return;
    this.#trouble = this.#reason = null;
    this.#saidHello = true;
    log.info("Batches are delivered to {target}", { target: this.#dependencies.uplink.target });
  }

  async #backOff(): Promise<void> {
    const { clock, random } = this.#dependencies;
    const full = this.#backOffs < SHORT_BACKOFFS
      ? Math.min(SHORT_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** this.#backOffs)
      : MAX_BACKOFF_MS;
    this.#backOffs++;
    await pause(clock, full * (1 - random.next() / 2), this.#stop.signal);
    this.#failed = false;
  }
}
