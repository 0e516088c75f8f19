// Follows Core Lightning's gossip_store: read anew from the start by each run, for the graph alone.

import type { Clock } from "../../shared/clock.ts";
import { ifThere } from "../../shared/files.ts";
import { readRecords, storeVersion } from "../../shared/node_logs/gossip_store.ts";
import { pause } from "../../shared/waiting.ts";

const POLL_MS = 1000;
/** Holds the longest record many times. */
const CHUNK_BYTES = 1_048_576;

/**
 * Follows until the signal aborts. @param take gets each message, of which it may keep a copy; what is read next waits
 * for it. @param onCaughtUp once per file. @throws {StoreFault} when it is none, or of an unknown version.
 */
export async function followStore(
  path: string,
  clock: Clock,
  signal: AbortSignal,
  take: (raw: Uint8Array) => Promise<void>,
  onCaughtUp: () => void,
): Promise<void> {
  while (!signal.aborted) {
    await ifThere(readOneStore(path, clock, signal, take, onCaughtUp));
    await pause(clock, POLL_MS, signal);
  }
}

/** Until the store goes on in another file. */
async function readOneStore(
  path: string,
  clock: Clock,
  signal: AbortSignal,
  take: (raw: Uint8Array) => Promise<void>,
  onCaughtUp: () => void,
): Promise<void> {
  using file = await Deno.open(path);
  const { ino } = await file.stat();
  const chunk = new Uint8Array(CHUNK_BYTES);
  if (await file.read(chunk.subarray(0, 1)) === null) return;
  const version = storeVersion(chunk[0]);
  let isCaughtUp = false;
  for (let at = 1; !signal.aborted;) {
    await file.seek(at, Deno.SeekMode.Start);
    const length = await file.read(chunk) ?? 0;
    const { messages, used } = readRecords(chunk.subarray(0, length), version);
    for (const raw of messages) await take(raw);
    at += used;
    if (used > 0) continue;
    if (!isCaughtUp) onCaughtUp();
    isCaughtUp = true;
    const isReplaced = await Deno.stat(path).then((now) => now.ino !== ino, () => false);
    if (isReplaced) return;
    await pause(clock, POLL_MS, signal);
  }
}
