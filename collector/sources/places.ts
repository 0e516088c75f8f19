// Up to where each log was read: with each receipt in the journal of the open batch, and in a file when a batch is closed.
// So what is stamped and what was read of a log always agree, wherever the collector is killed.

import { createHash } from "node:crypto";
import { errorText, UserError } from "../../shared/errors.ts";
import { logger } from "../../shared/log.ts";
import * as v from "valibot";
import type { Place } from "../receipt/journal.ts";

/** 48 bits of the SHA-256 of a log's name, or of a file's first lines: a file keeps it when it is renamed or compressed. */
export function fingerprint(content: string | Uint8Array): number {
  return createHash("sha256").update(content).digest().readUIntBE(0, 6);
}

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const fileSchema = v.strictObject({
  saved_at: whole,
  places: v.array(v.strictObject({ log: whole, file: whole, offset: whole })),
});

const log = logger("collector", "sources");

/** The file. */
export class PlacesFile {
  readonly #places = new Map<number, Place>();
  #hasFailed = false;
  /** When it was last written before this run, µs; 0 when it was not. */
  readonly savedAt: number = 0;

  /**
   * Reads the file, if there is one, and writes it with what the journal knows better. @param journaled by log.
   * @throws {UserError} when it cannot be read.
   */
  constructor(private readonly path: string, journaled: ReadonlyMap<number, Place>, now: number) {
    try {
      const { saved_at, places } = v.parse(fileSchema, JSON.parse(Deno.readTextFileSync(path)));
      this.savedAt = saved_at;
      for (const place of places) this.#places.set(place.log, place);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) {
        throw new UserError(
          `Cannot read ${path}: ${errorText(error)}; without it each log is read from its start`,
          { cause: error },
        );
      }
    }
    if (journaled.size > 0) this.save(journaled, now);
  }

  get(log: number): Place | null {
    return this.#places.get(log) ?? null;
  }

  /** Writes what has changed. It cannot throw: a batch was just closed. */
  save(places: ReadonlyMap<number, Place>, now: number): void {
    let hasChanged = false;
    for (const [log, place] of places) {
      hasChanged ||= this.#places.get(log) !== place;
      this.#places.set(log, place);
    }
    if (!hasChanged) return;
    const content = { saved_at: now, places: [...this.#places.values()] };
    try {
      Deno.writeTextFileSync(`${this.path}.new`, JSON.stringify(content));
      Deno.renameSync(`${this.path}.new`, this.path);
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed) {
        log.error("Cannot write {path}: after a restart logs are read again: {reason}", {
          path: this.path,
          reason: errorText(error),
        });
      }
      this.#hasFailed = true;
    }
  }
}
