import type { Network } from "../../shared/bolt/chains.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import { writeWholeFile } from "../../shared/files.ts";
import { BookFileFault, decodeBook, type DecodedBook, encodeBook } from "./book_file.ts";
import type { NodeRecord } from "./node_table.ts";

/** More than ten times what mainnet takes; more is no address book. */
export const MAX_BOOK_BYTES: number = 64 * 1024 * 1024;
/** Written at once; between two writes the rest of the program runs. */
const CHUNK_CHARACTERS = 64 * 1024;

/**
 * Reads a saved address book; empty without a file.
 * @throws {UserError} when it cannot be read, or belongs to another network or a newer program.
 */
export async function loadAddressBook(path: string, network: Network): Promise<DecodedBook> {
  let text: string;
  try {
    const { size } = await Deno.stat(path);
    if (size > MAX_BOOK_BYTES) {
      throw new UserError(`it has ${size} bytes, at most ${MAX_BOOK_BYTES} are read`);
    }
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { records: [], damage: null };
    throw new UserError(`Cannot read address book ${path}: ${errorText(error)}`, { cause: error });
  }
  try {
    return decodeBook(text, network);
  } catch (error) {
    if (!(error instanceof BookFileFault)) throw error;
    const way = "give this collector its own data_dir, or remove the file";
    throw new UserError(`Cannot use address book ${path}: ${error.message}; ${way}`, {
      cause: error,
    });
  }
}

/** Saves the book whole or not at all; one save at a time. A full disk throws and leaves the last saved book. */
export async function saveAddressBook(
  path: string,
  records: Iterable<NodeRecord>,
  network: Network,
): Promise<void> {
  await writeWholeFile(path, chunks(encodeBook(records, network)));
}

function* chunks(lines: Iterable<string>): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  let chunk = "";
  for (const line of lines) {
    chunk += line;
    if (chunk.length < CHUNK_CHARACTERS) continue;
    yield encoder.encode(chunk);
    chunk = "";
  }
  yield encoder.encode(chunk);
}
