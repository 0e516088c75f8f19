// Reads receipt traces from a CSV file, plain or gzipped, one line per receipt, as the observers of 2025-09-26
// published theirs.

import { errorText, UserError } from "../../../shared/errors.ts";
import { printable } from "../../../shared/text.ts";
import { type Traces, TYPE_NUMBERS } from "./traces.ts";

/** The columns that are read; others may be there. */
const COLUMNS = ["message_hash", "type", "peer", "delay_ms"];
/** What is held at once: some 500 MB. The real file has 91 × 975. */
const MAX_CELLS = 10_000_000;

/**
 * The traces in `path`; when a peer delivered a message twice, the first time counts.
 *
 * @throws {UserError} when it cannot be read, or a line is not a receipt.
 */
export async function readTraceFile(path: string): Promise<Traces> {
  try {
    return await readTraces(linesOf(path));
  } catch (error) {
    throw new UserError(`Cannot read traces from ${path}: ${errorText(error)}`, { cause: error });
  }
}

async function readTraces(lines: AsyncIterable<string>): Promise<Traces> {
  const peers = new Map<string, number>();
  const messages = new Map<string, { type: number; receipts: Map<number, number> }>();
  let columns: readonly number[] | null = null;
  let number = 0;
  for await (const line of lines) {
    number++;
    const fields = line.split(",");
    if (columns === null) {
      columns = COLUMNS.map((name) => fields.indexOf(name));
      if (columns.includes(-1)) throw new Error(`its columns should be ${COLUMNS.join(", ")}`);
      continue;
    }
    const [hash, typeName, peer, delay] = columns.map((column) => fields[column] ?? "");
    const type = TYPE_NUMBERS[typeName as keyof typeof TYPE_NUMBERS];
    const seconds = delay === "" ? NaN : Number(delay) / 1000;
    if (type === undefined || peer === "" || !(seconds >= 0 && seconds < Infinity)) {
      throw new Error(`line ${number} is no receipt: ${printable(line.slice(0, 200))}`);
    }
    const message = messages.get(hash) ?? { type, receipts: new Map<number, number>() };
    messages.set(hash, message);
    const index = peers.get(peer) ?? peers.size;
    peers.set(peer, index);
    message.receipts.set(index, Math.min(seconds, message.receipts.get(index) ?? Infinity));
    if (messages.size * peers.size > MAX_CELLS) {
      throw new Error(`messages times peers should be at most ${MAX_CELLS}`);
    }
  }
  if (messages.size === 0) throw new Error("it has no receipts");
  const traces = Array.from(messages.values(), ({ type, receipts }) => {
    const delays = new Float64Array(peers.size).fill(NaN);
    for (const [peer, seconds] of receipts) delays[peer] = seconds;
    return { type, delays };
  });
  return { peers: peers.size, messages: traces };
}

async function* linesOf(path: string): AsyncGenerator<string> {
  const raw: ReadableStream<Uint8Array<ArrayBuffer>> = (await Deno.open(path)).readable;
  const bytes = path.endsWith(".gz") ? raw.pipeThrough(new DecompressionStream("gzip")) : raw;
  let rest = "";
  for await (const text of bytes.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}
