// Recorded logs of Core Lightning and LND into an archive, with the readers that collectors use.

import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import type { Batch, SourceKind, Verdict } from "../../shared/batch/batch.ts";
import { BoltFault } from "../../shared/bolt/fault.ts";
import { decodeMessage } from "../../shared/bolt/message.ts";
import { signedPart } from "../../shared/bolt/signed.ts";
import { UserError } from "../../shared/errors.ts";
import { CLN_LATENESS_US, ClnIoLogReader } from "../../shared/node_logs/cln_io_log.ts";
import { LND_LATENESS_US, LndLogReader } from "../../shared/node_logs/lnd_log.ts";
import { verifyGossip } from "../../shared/secp256k1.ts";
import { printable } from "../../shared/text.ts";
import { LogBatches } from "./log_batches.ts";

/** What is imported, and where to. */
export interface LogImport {
  readonly files: readonly string[];
  readonly collector: string;
  /** Of LND's times. */
  readonly zone: string;
  readonly commit: (batches: Batch[]) => Promise<{ committed: number }>;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

type LogKind = Extract<SourceKind, "cln_io_log" | "lnd_trace_log">;

/** Enough for a first line of either kind. */
const LOOK_BYTES = 4 * 1_048_576;

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
 * Imports logs, each as an epoch of its own.
 * @returns whether all was read. @throws {UserError} when a file is no such log.
 */
export async function importLogs(options: LogImport): Promise<boolean> {
  const proofs = new Proofs();
  for (const file of options.files) {
    const kind = await kindOf(file);
    const source = {
      name: kind.replaceAll("_", "-"),
      kind,
      uncertainty: kind === "cln_io_log" ? CLN_LATENESS_US : LND_LATENESS_US,
    };
    const batches = new LogBatches({
      collector: options.collector,
      source,
      file: printable(basename(file)),
      salt: createHash("sha256").update(basename(file)).digest().readUInt16BE() % 1000,
      judge: (raw) => proofs.verdict(raw, kind === "lnd_trace_log"),
    });
    const reader = kind === "cln_io_log"
      ? new ClnIoLogReader(batches)
      : new LndLogReader(batches, { level: "trace", zone: options.zone });
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
    batches.finish();
    await commit();
    const { unreadable, tooLong } = reader.counts;
    const news = committed === 0 ? ", all in the archive before" : "";
    options.say(
      `${file}: ${kind}, ${batches.receipts} receipts, ${unreadable + tooLong} unreadable${news}`,
    );
  }
  return true;
}

async function kindOf(file: string): Promise<LogKind> {
  let read = 0, rest = "";
  for await (const chunk of await bytesOf(file)) {
    const text = rest + new TextDecoder("latin1").decode(chunk);
    if (/-connectd: \[(IN|OUT)\] /.test(text)) return "cln_io_log";
    if (/\[TRC\] PEER.*: Peer\(/.test(text)) return "lnd_trace_log";
    rest = text.slice(-200);
    read += chunk.length;
    if (read > LOOK_BYTES) break;
  }
  throw new UserError(
    `Cannot import ${file}: it is neither Core Lightning's io log nor LND's log at PEER=trace; ` +
      "for a gossip_store, which has no receipts: deno task collect dump --from FILE",
  );
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
