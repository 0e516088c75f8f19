// Follows a log as it grows, through rotation, compression, truncation and restarts: each byte goes to the reader once.

import type { Clock } from "../../shared/clock.ts";
import { ifThere } from "../../shared/files.ts";
import type { LogReader } from "../../shared/node_logs/reader.ts";
import { pause } from "../../shared/waiting.ts";
import {
  headOf,
  headOfFile,
  leftToRead,
  type LogPart,
  type Stopped,
  unzipped,
} from "./log_files.ts";

export interface FollowOptions {
  readonly path: string;
  readonly reader: LogReader;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Where an earlier run stopped. */
  readonly stopped: Stopped | null;
  /** When that was, ms since the Unix epoch. */
  readonly since: number;
  /** What comes next is of this file. */
  readonly onFile: (file: number) => void;
  /** Something was lost before what comes next. */
  readonly onGap: (reason: string) => void;
  /** Resolves when there is room for more; a backlog waits here. */
  readonly ready: () => Promise<void>;
}

const POLL_MS = 250;
/** Larger ones are no faster, and their text is garbage sooner than it is collected. */
const CHUNK_BYTES = 65_536;

/** Follows until the signal aborts. Throws as the system does; to go on call it again with a new reader. */
export async function follow(options: FollowOptions): Promise<void> {
  const { path, reader, clock, signal } = options;
  let { stopped, since } = options;
  while (!signal.aborted) {
    const { parts, isGap } = await leftToRead(path, stopped, since);
    if (isGap) {
      reader.skip();
      options.onGap(`a file of ${path} is gone`);
    }
    for (const part of parts) {
      if (signal.aborted) return;
      since = clock.now() / 1000;
      options.onFile(part.file);
      reader.rebase(part.offset);
      const read = await (part.isZipped ? readZipped(part, options) : readPlain(part, options));
      if (read === null) {
        await pause(clock, POLL_MS, signal);
        break;
      }
      stopped = read;
    }
    if (parts.every(({ isActive }) => !isActive)) await pause(clock, POLL_MS, signal);
  }
}

/** Where it stopped; null when the file is not there any more, or another one is. */
async function readPlain(part: LogPart, options: FollowOptions): Promise<Stopped | null> {
  const { signal, reader, clock } = options;
  using file = await ifThere(Deno.open(part.path));
  if (file === null || await headOfFile(file) !== part.file) return null;
  let offset = await file.seek(part.offset, Deno.SeekMode.Start);
  const chunk = new Uint8Array(CHUNK_BYTES);
  const readOn = async () => {
    for (let count; !signal.aborted && (count = await file.read(chunk)) !== null;) {
      reader.push(chunk.subarray(0, count));
      offset += count;
      await options.ready();
    }
  };
  for (;;) {
    await readOn();
    const { size } = await file.stat();
    const isTruncated = size < offset;
    if (!part.isActive || signal.aborted) return { ...part, offset, isDrained: !isTruncated };
    const head = await headOf(part.path);
    // Until it has a line, the old file may still be written: Core Lightning does until SIGHUP.
    if (head !== null && (isTruncated || head !== part.file)) {
      await readOn();
      if (isTruncated && head === part.file) {
        reader.skip();
        options.onGap(`${part.path} was cut short`);
        return { ...part, offset: 0, isDrained: true };
      }
      return { ...part, offset, isDrained: !isTruncated };
    }
    await pause(clock, POLL_MS, signal);
  }
}

async function readZipped(part: LogPart, options: FollowOptions): Promise<Stopped | null> {
  let offset = 0;
  try {
    for await (const chunk of unzipped(part.path)) {
      const from = Math.max(0, part.offset - offset);
      offset += chunk.length;
      if (from < chunk.length) options.reader.push(chunk.subarray(from));
      await options.ready();
      if (options.signal.aborted) break;
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    // What is wrong with a compressed file; it stays so.
    if (!(error instanceof TypeError)) throw error;
    options.reader.skip();
    options.onGap(`${part.path} is damaged`);
  }
  return { ...part, offset: Math.max(offset, part.offset), isDrained: true };
}

/** Reads a FIFO until the signal aborts, whatever becomes of what is read: a writer that waits is a node that hangs. */
export async function drain(path: string, reader: LogReader, signal: AbortSignal): Promise<void> {
  // For writing too: else it would end whenever the node closes it, and opening would wait for the node.
  using pipe = await Deno.open(path, { read: true, write: true });
  // A read cannot be broken off, but it can be answered.
  const onAbort = () => void pipe.writeSync(new TextEncoder().encode("\n"));
  signal.addEventListener("abort", onAbort, { once: true });
  const chunk = new Uint8Array(CHUNK_BYTES);
  while (!signal.aborted) {
    const count = await pipe.read(chunk);
    if (count === null) break;
    reader.push(chunk.subarray(0, count));
  }
  signal.removeEventListener("abort", onAbort);
}
