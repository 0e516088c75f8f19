// Encoded batches in a file, in order: of each, u32 length, u32 receipts, f64 µs since the run's begin at its closing
// (little-endian), then its bytes.

import type { PlannedBatch } from "../planned_batches.ts";

const HEAD_BYTES = 16;
/** Written or read at a time. */
const BUFFER_BYTES = 4 * 1024 * 1024;

/** Writes batches into a new file. @returns how many bytes the file has. */
export async function writeBatchFile(
  path: string,
  batches: Iterable<PlannedBatch>,
): Promise<number> {
  using file = await Deno.open(path, { write: true, createNew: true });
  const buffer = new Uint8Array(BUFFER_BYTES);
  const view = new DataView(buffer.buffer);
  let used = 0, written = 0;
  const flush = async () => {
    for (let at = 0; at < used;) at += await file.write(buffer.subarray(at, used));
    written += used;
    used = 0;
  };
  for (const { bytes, receipts, closedAt } of batches) {
    if (used + HEAD_BYTES + bytes.length > BUFFER_BYTES) await flush();
    view.setUint32(used, bytes.length, true);
    view.setUint32(used + 4, receipts, true);
    view.setFloat64(used + 8, closedAt, true);
    buffer.set(bytes, used + HEAD_BYTES);
    used += HEAD_BYTES + bytes.length;
  }
  await flush();
  return written;
}

/** The batches of a file, one after another. Each has bytes of its own. */
export async function* readBatchFile(path: string): AsyncGenerator<PlannedBatch, void, void> {
  using file = await Deno.open(path);
  let rest = new Uint8Array(0);
  const buffer = new Uint8Array(BUFFER_BYTES);
  for (let count; (count = await file.read(buffer)) !== null;) {
    const bytes = new Uint8Array(rest.length + count);
    bytes.set(rest);
    bytes.set(buffer.subarray(0, count), rest.length);
    const view = new DataView(bytes.buffer);
    let at = 0;
    while (at + HEAD_BYTES <= bytes.length) {
      const end = at + HEAD_BYTES + view.getUint32(at, true);
      if (end > bytes.length) break;
      yield {
        bytes: bytes.subarray(at + HEAD_BYTES, end),
        receipts: view.getUint32(at + 4, true),
        closedAt: view.getFloat64(at + 8, true),
      };
      at = end;
    }
    rest = bytes.slice(at);
  }
  if (rest.length > 0) throw new Error(`${path} ends within a batch`);
}
