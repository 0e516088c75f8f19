/**
 * The peer file: one `pubkey@host:port` a line, the form that Lightning tools print and take. `#` starts a comment,
 * blank lines are fine. A host is an IPv4 address, an IPv6 address in brackets, a DNS name or an onion name.
 *
 * @module
 */
import { errorText, UserError } from "../../shared/errors.ts";
import { AddressFault } from "../addresses/fault.ts";
import { formatNodeAddress, type NodeAddress, parseNodeAddress } from "../addresses/endpoint.ts";

/** The whole Lightning network is a few ten thousand nodes; past this a file is not a peer file. */
export const MAX_PEER_LINES = 100_000;
/** 100,000 lines of the longest usual form (key and onion address) are 14 MB. */
export const MAX_PEER_FILE_BYTES = 16 * 1024 * 1024;
/** So many bad lines are shown; the rest are counted. */
const MAX_FAULTS_SHOWN = 20;

/** What a peer file says. */
export interface PeerFile {
  /** In the order of the file, each line once. */
  readonly peers: readonly NodeAddress[];
  /** One text for each line that is no peer: its number and what is wrong with what stands there. */
  readonly faults: readonly string[];
}

/**
 * Reads a peer file. Published lists have a bad line now and then, so bad lines are told and the others used.
 *
 * @throws {UserError} when it cannot be read, is too big, or has no peer; then with its bad lines.
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
    const why = error instanceof Deno.errors.NotFound ? "there is no such file" : errorText(error);
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

/** Faults as indented lines: the first twenty, and how many more there are. */
export function faultLines(faults: readonly string[]): string[] {
  const lines = faults.slice(0, MAX_FAULTS_SHOWN).map((fault) => `  ${fault}`);
  if (faults.length > lines.length) lines.push(`  and ${faults.length - lines.length} more`);
  return lines;
}

/**
 * The peers that `text` names.
 *
 * @throws {UserError} when it has more lines than {@link MAX_PEER_LINES}.
 */
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
