// The protocols that there are: every file in `protocols/` is one.

import type { ProtocolFile } from "./protocol.ts";

const FOLDER = new URL("./protocols/", import.meta.url);

/** By name: the file's, with hyphens. */
export async function allProtocols(): Promise<ReadonlyMap<string, ProtocolFile>> {
  const files = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).sort();
  const found = new Map<string, ProtocolFile>();
  for (const file of files) {
    const { default: protocol } = await import(new URL(file, FOLDER).href);
    found.set(file.replace(/\.ts$/, "").replaceAll("_", "-"), protocol);
  }
  return found;
}
