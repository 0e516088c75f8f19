// Snapshots on demand: whole files named by their time, or none.

import { join } from "node:path";
import { Refusal } from "../../shared/errors.ts";
import type { Clock } from "../../shared/clock.ts";
import { logger } from "../../shared/log.ts";
import { isoTime } from "../../shared/time.ts";

/** Suffix of finished ones; `.partial` follows while one is written. */
const FINISHED = ".duckdb";
const PARTIAL = ".partial";

const log = logger("archiver", "snapshots");

export interface SnapshotFile {
  readonly path: string;
  readonly bytes: number;
  readonly milliseconds: number;
}

export interface SnapshotsOptions {
  readonly folder: string;
  readonly maxFiles: number;
}

export interface SnapshotsDependencies {
  readonly store: { snapshot(path: string): Promise<void> };
  readonly clock: Clock;
}

/** Takes snapshots, one at a time. */
export class Snapshots {
  #busy = false;

  constructor(
    private readonly options: SnapshotsOptions,
    private readonly dependencies: SnapshotsDependencies,
  ) {}

  /**
   * Takes a snapshot. Parquet files of cold days are not copied: its views read the archive's own files by absolute
   * path. Opening the snapshot fails with a clear error once one of them is gone.
   * @throws {Refusal} while one is being taken, or when the folder is full.
   * @throws {Error} when the copy fails, for instance on a full disk; then no file is left of it.
   */
  async take(): Promise<SnapshotFile> {
    if (this.#busy) throw new Refusal("another snapshot is being taken");
    this.#busy = true;
    try {
      return await this.#take();
    } finally {
      this.#busy = false;
    }
  }

  async #take(): Promise<SnapshotFile> {
    const { store, clock } = this.dependencies;
    const { maxFiles } = this.options;
    await Deno.mkdir(this.options.folder, { recursive: true });
    const folder = await Deno.realPath(this.options.folder);
    const finished = await this.#tidy(folder);
    if (finished >= maxFiles) {
      throw new Refusal(
        `${folder} holds ${finished} snapshots, snapshots.max_files is ${maxFiles}; delete one`,
      );
    }
    const startedAt = clock.now();
    const path = join(folder, isoTime(startedAt).replaceAll(":", "-") + FINISHED);
    try {
      await store.snapshot(path + PARTIAL);
      await Deno.rename(path + PARTIAL, path);
    } catch (error) {
      await this.#tidy(folder);
      throw error;
    }
    const { size: bytes } = await Deno.stat(path);
    const milliseconds = Math.round((clock.now() - startedAt) / 1000);
    log.info("Snapshot {path}: {bytes} bytes in {milliseconds} ms", { path, bytes, milliseconds });
    return { path, bytes, milliseconds };
  }

  async #tidy(folder: string): Promise<number> {
    let finished = 0;
    for await (const { name } of Deno.readDir(folder)) {
      if (name.endsWith(FINISHED)) finished++;
      // `….duckdb.partial.wal`, too.
      else if (name.includes(FINISHED + PARTIAL)) await Deno.remove(join(folder, name));
    }
    return finished;
  }
}
