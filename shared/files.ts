// Files that are there whole or not at all, and reading what may be absent or come in parts.

/**
 * Writes a file aside, syncs and renames it; a failure leaves what was there. @param parts each may be given once the one
 * before is written. @param mode of a file that others must not read: then nothing that lies aside is written to.
 */
export async function writeWholeFile(
  path: string,
  parts: Iterable<Uint8Array>,
  mode?: number,
): Promise<void> {
  const draft = `${path}.new`;
  if (mode !== undefined) await Deno.remove(draft).catch(() => {});
  const made = mode === undefined ? { create: true, truncate: true } : { createNew: true, mode };
  try {
    using file = await Deno.open(draft, { write: true, ...made });
    for (const part of parts) {
      for (let at = 0; at < part.length;) at += await file.write(part.subarray(at));
    }
    // Before the name points at it, else a power cut could leave an empty file under that name.
    await file.syncData();
    await Deno.rename(draft, path);
  } catch (error) {
    await Deno.remove(draft).catch(() => {});
    throw error;
  }
}

/** Reads until the buffer is full or the file ends. @returns what was read. */
export async function readFull<B extends ArrayBufferLike>(
  file: Deno.FsFile,
  buffer: Uint8Array<B>,
): Promise<Uint8Array<B>> {
  let length = 0;
  while (length < buffer.length) {
    const read = await file.read(buffer.subarray(length));
    if (read === null) break;
    length += read;
  }
  return buffer.subarray(0, length);
}

/** What a promise resolves to; null where there is no such file. */
export function ifThere<T>(found: Promise<T>): Promise<T | null> {
  return found.catch((error) => {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  });
}
