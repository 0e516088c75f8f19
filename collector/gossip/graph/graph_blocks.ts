// The graph's form on disk: blocks of one size, each with its own checksum, so that damage costs the blocks it is in
// and no others.
//
// Block: u32 CRC32C of all that follows, u32 number from 0, u8 kind, u16 records, then its content; zeros after it.
// Header, block 0: 8 bytes of magic, u16 version, chain_hash, u32 time of saving. Data: records of u32 time of being
// taken in (of channel_announcements, else 0), u16 length, message. End, the last block: u32 messages in all.
// Big-endian. Times are seconds since the Unix epoch.

import { HASH_BYTES } from "../../../shared/bolt/codec.ts";
import { crc32c } from "../../../shared/bolt/checksum.ts";
import { Reader } from "../../../shared/bolt/reader.ts";
import { BoltFault } from "../../../shared/bolt/fault.ts";
import { Fault } from "../../../shared/errors.ts";

export const BLOCK_BYTES = 65_536;
export const FILE_VERSION = 1;
export const CONTENT_AT = 11;
/** Before each message of a data block. */
export const RECORD_HEAD_BYTES = 6;

const MAGIC = "676f737369706772";
const KIND = { header: 1, data: 2, end: 3 } as const;

/** Why a block cannot be used: it is not what was written, or of a file that is not ours. */
export class BlockFault extends Fault<"damaged" | "foreign"> {
  override readonly name = "BlockFault";
}

export interface GraphRecord {
  /** Seconds since the Unix epoch; 0 for all but channel_announcements. */
  readonly addedAt: number;
  readonly raw: Uint8Array;
}

export type Block =
  | { readonly kind: "header"; readonly savedAt: number }
  | { readonly kind: "data"; readonly records: readonly GraphRecord[] }
  | { readonly kind: "end"; readonly messages: number };

/** Fills blocks, one after another in the same buffer. */
export class BlockWriter {
  readonly #bytes = new Uint8Array(BLOCK_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);
  #number = 0;
  #records = 0;
  #used = CONTENT_AT;
  #messages = 0;

  header(chain: Uint8Array, savedAt: number): Uint8Array<ArrayBuffer> {
    for (let i = 0; i < MAGIC.length; i += 2) {
      this.#bytes[this.#used++] = parseInt(MAGIC.slice(i, i + 2), 16);
    }
    this.#view.setUint16(this.#used, FILE_VERSION);
    this.#bytes.set(chain, this.#used + 2);
    this.#view.setUint32(this.#used + 2 + HASH_BYTES, savedAt);
    this.#used += 2 + HASH_BYTES + 4;
    return this.#finish(KIND.header);
  }

  /** Whether this number of messages, of `bytes` together, still fits into the data block under way. */
  fits(messages: number, bytes: number): boolean {
    return this.#used + messages * RECORD_HEAD_BYTES + bytes <= BLOCK_BYTES;
  }

  add(raw: Uint8Array, addedAt: number): void {
    this.#view.setUint32(this.#used, addedAt);
    this.#view.setUint16(this.#used + 4, raw.length);
    this.#bytes.set(raw, this.#used + RECORD_HEAD_BYTES);
    this.#used += RECORD_HEAD_BYTES + raw.length;
    this.#records++;
    this.#messages++;
  }

  data(): Uint8Array<ArrayBuffer> {
    return this.#finish(KIND.data);
  }

  end(): Uint8Array<ArrayBuffer> {
    this.#view.setUint32(this.#used, this.#messages);
    this.#used += 4;
    return this.#finish(KIND.end);
  }

  #finish(kind: number): Uint8Array<ArrayBuffer> {
    this.#bytes.fill(0, this.#used);
    this.#view.setUint32(4, this.#number++);
    this.#view.setUint8(8, kind);
    this.#view.setUint16(9, this.#records);
    this.#view.setUint32(0, crc32c(this.#bytes.subarray(4)));
    this.#records = 0;
    this.#used = CONTENT_AT;
    return this.#bytes;
  }
}

/**
 * Reads the block that should have `number`.
 * @throws {BlockFault} `damaged` when it is not as it was written, `foreign` when it is the header of another version
 * or of another chain's graph, or of no graph at all.
 */
export function readBlock(bytes: Uint8Array, number: number, chain: Uint8Array): Block {
  const reader = new Reader(bytes, `block ${number}`);
  try {
    const checksum = reader.u32();
    const sound = bytes.length === BLOCK_BYTES && checksum === crc32c(bytes.subarray(4));
    if (!sound || reader.u32() !== number) throw new BlockFault("damaged", `block ${number}`);
    const kind = reader.u8();
    const records = reader.u16();
    if (number === 0) return readHeader(kind, reader, chain);
    if (kind === KIND.end) return { kind: "end", messages: reader.u32() };
    if (kind !== KIND.data) throw new BlockFault("damaged", `block ${number} has kind ${kind}`);
    return {
      kind: "data",
      records: Array.from({ length: records }, () => ({
        addedAt: reader.u32(),
        raw: reader.sized16(),
      })),
    };
  } catch (cause) {
    // A block may be whole and say nonsense: then another program wrote it.
    if (cause instanceof BoltFault) throw new BlockFault("damaged", cause.message, { cause });
    throw cause;
  }
}

function readHeader(kind: number, reader: Reader, chain: Uint8Array): Block {
  if (kind !== KIND.header || reader.take(MAGIC.length / 2).toHex() !== MAGIC) {
    throw new BlockFault("foreign", "it does not begin as a graph file does");
  }
  const version = reader.u16();
  if (version !== FILE_VERSION) {
    throw new BlockFault("foreign", `it has version ${version}, and ${FILE_VERSION} is read here`);
  }
  if (reader.take(HASH_BYTES).toHex() !== chain.toHex()) {
    throw new BlockFault("foreign", "it holds another network's graph");
  }
  return { kind: "header", savedAt: reader.u32() };
}
