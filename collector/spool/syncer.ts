// Brings what was written to disk (fsync), off the event loop: stamps must not wait for a disk.

import { errorText } from "../../shared/errors.ts";
import { logger } from "../../shared/log.ts";

const log = logger("collector", "spool");

export const FSYNC_POLICIES = ["never", "segment", "batch"] as const;

/**
 * When files are brought to disk, for the loss of power. Nothing waits for it, delivery neither:
 *
 * - `never`: when the system does so by itself, within about half a minute;
 * - `segment`: when a segment is full;
 * - `batch`: with each batch; those that come while the disk is busy go together.
 */
export type FsyncPolicy = typeof FSYNC_POLICIES[number];

/** Syncs files and folders one at a time; what is asked for again while it waits is synced once. */
export class Syncer {
  syncs = 0;
  failures = 0;
  readonly #waiting = new Set<string>();
  #running: Promise<void> | null = null;

  sync(path: string): void {
    this.#waiting.add(path);
    this.#running ??= this.#run();
  }

  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    for (const path of this.#waiting) {
      // Out of the set first: what is written while it is synced needs another sync.
      this.#waiting.delete(path);
      try {
        using file = await Deno.open(path);
        await file.sync();
        this.syncs++;
      } catch (error) {
        // A segment that was delivered meanwhile needs no sync.
        if (!(error instanceof Deno.errors.NotFound)) this.#fail(path, error);
      }
    }
    this.#running = null;
  }

  #fail(path: string, error: unknown): void {
    if (this.failures++ > 0) return;
    log.error("Cannot sync {path} to disk: {reason}; loss of power may lose batches", {
      path,
      reason: errorText(error),
    });
  }
}
