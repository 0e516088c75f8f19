// Folders that vanish with the test that made them.

import { join } from "node:path";

/** A folder of its own for one test; `await using` removes it with all it holds. */
export interface TempDir extends AsyncDisposable {
  /** Absolute. */
  readonly path: string;
  /** A path inside. */
  join(...parts: string[]): string;
}

/** Makes a fresh {@link TempDir}. */
export async function tempDir(): Promise<TempDir> {
  const path = await Deno.makeTempDir({ prefix: "gossip-test-" });
  return {
    path,
    join: (...parts) => join(path, ...parts),
    async [Symbol.asyncDispose]() {
      try {
        await Deno.remove(path, { recursive: true });
      } catch (error) {
        // Twice is harmless, and so is a test that removed it itself.
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    },
  };
}
