// The peer file: one `pubkey@host:port` per line, as Lightning tools print and take it. `#` starts a comment; blank
// lines are fine. A host is an IPv4 address, an IPv6 address in brackets, a DNS name or an onion name.

import { errorText, UserError } from "../../shared/errors.ts";
import { AddressFault } from "../addresses/fault.ts";
import { formatNodeAddress, type NodeAddress, parseNodeAddress } from "../addresses/endpoint.ts";

/** The whole network is a few ten thousand nodes. */
export const MAX_PEER_LINES = 100_000;
/** 100,000 lines of the longest usual form (key and onion address) are 14 MB. */
export const MAX_PEER_FILE_BYTES = 16 * 1024 * 1024;
/** The rest are counted. */
const MAX_FAULTS_SHOWN = 20;

export interface PeerFile {
  readonly peers: readonly NodeAddress[];
  /** One per bad line: its number and what is wrong. */
  readonly faults: readonly string[];
}

/**
 * Reads a peer file; bad lines are listed and skipped, since published lists have some.
 * @throws {UserError} when it cannot be read, is too big, or names no peer.
 */
export async function readPeerFile(path: string): Promise<PeerFile> {
  let text: string;
  try {
    const { size } = await Deno.stat(path);
    if (size > MAX_PEER_FILE_BYTES) {
      throw new UserError(`it has ${size} bytes, at most ${MAX_PEER_FILE_BYTES} are read`);
    }
    text = await Deno.readTextFile(path);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound ? "no such file" : errorText(error);
    throw new UserError(`Cannot read peer file ${path}: ${why}`, { cause: error });
  }
  const file = parsePeerFile(text);
  if (file.peers.length === 0) {
    throw new UserError(
      [`Cannot use peer file ${path}: no line is a peer`, ...faultLines(file.faults)].join("\n"),
    );
  }
  return file;
}

/** The first twenty faults, indented, and how many more there are. */
export function faultLines(faults: readonly string[]): string[] {
  const lines = faults.slice(0, MAX_FAULTS_SHOWN).map((fault) => `  ${fault}`);
  if (faults.length > lines.length) lines.push(`  and ${faults.length - lines.length} more`);
  return lines;
}

/** The peers that `text` names. @throws {UserError} for more than {@link MAX_PEER_LINES} lines. */
export function parsePeerFile(text: string): PeerFile {
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/);
  if (lines.length > MAX_PEER_LINES) {
    throw new UserError(
      `Cannot use peer file: it has ${lines.length} lines, at most ${MAX_PEER_LINES} are read`,
    );
  }
  const peers = new Map<string, NodeAddress>();
  const faults: string[] = [];
  for (const [index, line] of lines.entries()) {
    const written = line.replace(/#.*/s, "").trim();
    if (written === "") continue;
    try {
      const peer = parseNodeAddress(written);
      peers.set(formatNodeAddress(peer), peer);
    } catch (error) {
      if (!(error instanceof AddressFault)) throw error;
      faults.push(`line ${index + 1}: ${error.message}`);
    }
  }
  return { peers: [...peers.values()], faults };
}
