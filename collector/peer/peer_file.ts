/**
 * The peer file: one `pubkey@host:port` a line, the form that Lightning tools print and take. `#` starts a comment,
 * blank lines are fine. A host is an IPv4 address, an IPv6 address in brackets, or a DNS name.
 *
 * @module
 */
import { isIPv4, isIPv6 } from "node:net";
import { errorText, UserError } from "../../shared/errors.ts";
import { isPublicKey } from "../../shared/secp256k1.ts";
import { fromHex, printable } from "../../shared/text.ts";

/** Where one node can be dialled. */
export interface PeerAddress {
  /** The node's public key: 33 bytes, lower-case hex. */
  readonly nodeId: string;
  /** An IPv4 address, an IPv6 address without brackets, or a DNS name in lower case. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
}

/** The whole Lightning network is a few ten thousand nodes; past this a file is not a peer file. */
export const MAX_PEER_LINES = 100_000;
/** 100,000 lines of the longest usual form (key and onion address) are 14 MB. */
export const MAX_PEER_FILE_BYTES = 16 * 1024 * 1024;
/** So many bad lines are shown; the rest are counted. */
const MAX_FAULTS_SHOWN = 20;

const HOST_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** What a peer file says. */
export interface PeerFile {
  /** In the order of the file, each line once. */
  readonly peers: readonly PeerAddress[];
  /** One text for each line that is no peer: its number, what stands there and what is wrong with it. */
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
  const peers = new Map<string, PeerAddress>();
  const faults: string[] = [];
  for (const [index, line] of lines.entries()) {
    const written = line.replace(/#.*/s, "").trim();
    if (written === "") continue;
    const peer = parsePeer(written);
    if (typeof peer === "string") {
      faults.push(`line ${index + 1}: "${printable(written)}": ${peer}`);
    } else {
      peers.set(peerName(peer), peer);
    }
  }
  return { peers: [...peers.values()], faults };
}

/** `host:port`, an IPv6 address in brackets. */
export function hostAndPort(peer: Pick<PeerAddress, "host" | "port">): string {
  return `${peer.host.includes(":") ? `[${peer.host}]` : peer.host}:${peer.port}`;
}

/** `pubkey@host:port`, as in the file. */
export function peerName(peer: PeerAddress): string {
  return `${peer.nodeId}@${hostAndPort(peer)}`;
}

/** One `pubkey@host:port`, or what is wrong with it. */
function parsePeer(written: string): PeerAddress | string {
  const at = written.indexOf("@");
  if (at < 0) return "there is no @; it should be pubkey@host:port";
  const nodeId = written.slice(0, at).toLowerCase();
  if (!/^0[23][0-9a-f]{64}$/.test(nodeId)) {
    return "the public key should be 66 hex digits that begin with 02 or 03";
  }
  if (!isPublicKey(fromHex(nodeId))) return "the public key is no point of secp256k1";
  const rest = written.slice(at + 1);
  const colon = rest.lastIndexOf(":");
  if (colon < 0 || rest.endsWith("]")) return "there is no port; it should be pubkey@host:port";
  const port = Number(rest.slice(colon + 1));
  if (!/^\d{1,5}$/.test(rest.slice(colon + 1)) || port < 1 || port > 65535) {
    return "the port should be a number from 1 to 65535";
  }
  const host = parseHost(rest.slice(0, colon).toLowerCase());
  if (host === null) return "the host should be an IPv4 address, an [IPv6 address] or a DNS name";
  return { nodeId, host, port };
}

/** The host without brackets, or null when it is none. */
function parseHost(written: string): string | null {
  const bracketed = written.match(/^\[([0-9a-f:.]+)\]$/);
  if (bracketed) return isIPv6(bracketed[1]) ? bracketed[1] : null;
  if (isIPv4(written)) return written;
  const labels = written.split(".");
  const named = written.length <= 253 && labels.every((label) => HOST_LABEL.test(label));
  // A last label of digits alone is a mistyped IPv4 address; no top-level domain has one (RFC 3696, section 2).
  return named && !/^\d+$/.test(labels[labels.length - 1]) ? written : null;
}
