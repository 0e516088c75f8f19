// Recorded logs of Core Lightning and LND into an archive, with the readers that collectors use.

import { createHash } from "node:crypto";
import { Buffer } from "node:buffer";
import { basename, dirname, join } from "node:path";
import type { Batch, Verdict } from "../../shared/batch/batch.ts";
import { BoltFault } from "../../shared/bolt/fault.ts";
import { decodeMessage } from "../../shared/bolt/message.ts";
import { signedPart } from "../../shared/bolt/signed.ts";
import { UserError } from "../../shared/errors.ts";
import { INSTANT } from "../../shared/node_logs/instant.ts";
import { latenessOf, type LogKind, logReader } from "../../shared/node_logs/logs.ts";
import { verifyGossip } from "../../shared/secp256k1.ts";
import { printable } from "../../shared/text.ts";
import { isGossipStore } from "./stores.ts";
import { LogBatches } from "./log_batches.ts";

export interface LogImport {
  readonly files: readonly string[];
  readonly collector: string;
  /** Of LND's times. */
  readonly zone: string;
  readonly commit: (batches: Batch[]) => Promise<{ committed: number }>;
  /** @returns a line on what became of a gossip_store. */
  readonly takeStore: (
    bytes: ReadableStream<Uint8Array>,
    judge: (raw: Uint8Array) => Verdict,
  ) => Promise<string>;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface Found {
  readonly file: string;
  readonly kind: LogKind | "cln_gossip_store";
  /** The first time in it, as text: a log's files go on in this order. */
  readonly begins: string;
}

/** Enough for a first line of either kind. */
const LOOK_BYTES = 4 * 1_048_576;
/** More than the longest dump. */
const HEAD_BYTES = 524_288;

/** The files that `--from` names: one, or those that a pattern with `*` in its last part fits. */
export async function logFiles(from: string): Promise<string[]> {
  if (!basename(from).includes("*")) return [from];
  const parts = basename(from).split("*").map((part) => RegExp.escape(part));
  const pattern = new RegExp(`^${parts.join(".*")}$`);
  const found: string[] = [];
  for await (const { name, isFile } of Deno.readDir(dirname(from))) {
    if (isFile && pattern.test(name)) found.push(join(dirname(from), name));
  }
  if (found.length === 0) throw new UserError(`Cannot import ${from}: no file fits`);
  return found.sort();
}

/**
 * Imports logs in the order of their times, each as an epoch of its own; what one leaves unfinished is read on in the next.
 * Stores come last, for the texts of what the logs brought.
 * @returns whether all was read. @throws {UserError} when a file is neither.
 */
export async function importLogs(options: LogImport): Promise<boolean> {
  const proofs = new Proofs();
  const found = await lookAtLogs(options.files);
  for (const [i, { file, kind }] of found.entries()) {
    if (options.signal.aborted) return false;
    if (kind === "cln_gossip_store") {
      const judge = (raw: Uint8Array) => proofs.verdict(raw, false);
      options.say(`${file}: ${await options.takeStore(await bytesOf(file), judge)}`);
      continue;
    }
    const next = found.at(i + 1);
    const head = next?.kind === kind ? await headOf(next.file) : new Uint8Array();
    if (!await importLog(file, kind, head, proofs, options)) return false;
  }
  return true;
}

/** What files are, in the order of an import. @throws {UserError} when one is neither. */
export async function lookAtLogs(files: readonly string[]): Promise<Found[]> {
  const found: Found[] = [];
  for (const file of files) found.push(await lookAt(file));
  return found.sort(inOrder);
}

function inOrder(a: Found, b: Found): number {
  const isStore = ({ kind }: Found) => Number(kind === "cln_gossip_store");
  const order = isStore(a) - isStore(b);
  if (order !== 0 || a.begins !== b.begins) return order || (a.begins < b.begins ? -1 : 1);
  // In the same millisecond, the file with the log's own name is the one that is still written.
  return Number(b.file.startsWith(a.file)) - Number(a.file.startsWith(b.file));
}

/** @param head of the file in which the log goes on. */
async function importLog(
  file: string,
  kind: LogKind,
  head: Uint8Array,
  proofs: Proofs,
  options: LogImport,
): Promise<boolean> {
  const source = { name: kind.replaceAll("_", "-"), kind, uncertainty: latenessOf(kind) };
  const batches = new LogBatches({
    collector: options.collector,
    source,
    file: printable(basename(file)),
    salt: createHash("sha256").update(basename(file)).digest().readUInt16BE() % 1000,
    judge: (raw) => proofs.verdict(raw, kind === "lnd_trace_log"),
  });
  const reader = logReader(kind, batches, options.zone);
  let committed = 0;
  const commit = async () => {
    const ready = batches.take();
    if (ready.length > 0) committed += (await options.commit(ready)).committed;
  };
  for await (const chunk of await bytesOf(file)) {
    if (options.signal.aborted) return false;
    reader.push(chunk);
    await commit();
  }
  reader.finish(head);
  batches.finish();
  await commit();
  const { unreadable, tooLong } = reader.counts;
  const news = committed === 0 ? ", all in the archive before" : "";
  options.say(
    `${file}: ${kind}, ${batches.receipts} receipts, ${unreadable + tooLong} unreadable${news}`,
  );
  return true;
}

async function lookAt(file: string): Promise<Found> {
  let read = 0, rest = "", begins = "";
  for await (const chunk of await bytesOf(file)) {
    if (read === 0 && isGossipStore(chunk)) return { file, kind: "cln_gossip_store", begins };
    const text = rest + new TextDecoder("latin1").decode(chunk);
    begins ||= text.match(INSTANT)?.[0] ?? "";
    if (/-connectd: \[(IN|OUT)\] /.test(text)) return { file, kind: "cln_io_log", begins };
    if (/\[TRC\] PEER.*: Peer\(/.test(text)) return { file, kind: "lnd_trace_log", begins };
    rest = text.slice(-200);
    read += chunk.length;
    if (read > LOOK_BYTES) break;
  }
  throw new UserError(
    `Cannot import ${file}: it should be Core Lightning's io log, LND's log at PEER=trace or a gossip_store ` +
      "of version 9 to 16",
  );
}

async function headOf(file: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of await bytesOf(file)) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= HEAD_BYTES) break;
  }
  return Buffer.concat(chunks);
}

async function bytesOf(file: string): Promise<ReadableStream<Uint8Array>> {
  try {
    const { readable } = await Deno.open(file);
    return file.endsWith(".gz") ? readable.pipeThrough(new DecompressionStream("gzip")) : readable;
  } catch (cause) {
    throw new UserError(`Cannot import ${file}: it cannot be opened`, { cause });
  }
}

/** Signature checks: of updates against the announcements that came before them. */
class Proofs {
  readonly #nodes = new Map<bigint, readonly string[]>();

  verdict(raw: Uint8Array, isRebuilt: boolean): Verdict {
    try {
      const verdict = this.#check(raw);
      const isProven = verdict !== "invalid" && verdict !== "unknown_signer";
      return isRebuilt && !isProven ? "rebuilt" : verdict;
    } catch (error) {
      if (error instanceof BoltFault) return "malformed";
      throw error;
    }
  }

  #check(raw: Uint8Array): Verdict {
    const message = decodeMessage(raw);
    const { signatures, signers, digestInput } = signedPart(raw)!;
    if (!message.known) return "unchecked";
    const isUpdate = message.type === 258;
    const keys = isUpdate ? this.#nodes.get(message.scid) : signers;
    if (keys === undefined) return "unknown_signer";
    const signing = isUpdate ? [keys[message.channelFlags & 1]] : keys;
    const holds = signatures.every((signature, i) =>
      verifyGossip(signature, digestInput, Uint8Array.fromHex(signing[i]))
    );
    if (!holds) return "invalid";
    if (message.type === 256) this.#nodes.set(message.scid, signers);
    return "valid";
  }
}
