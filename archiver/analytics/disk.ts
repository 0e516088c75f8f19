// Room on a disk.

import { statfs } from "node:fs/promises";

/** Bytes that are free on the disk of a folder; null where this process may not ask. */
export async function freeBytes(folder: string): Promise<number | null> {
  // Asking without the right would have Deno ask its user.
  const { state } = await Deno.permissions.query({ name: "sys", kind: "statfs" });
  if (state !== "granted") return null;
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
