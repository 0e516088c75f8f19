// Core Lightning's gossip_store: the messages that a node holds valid, without peers and times of arrival.
//
// A byte with the version, then records: be16 flags, be16 length, be32 CRC32C of the message (seeded with the next), be32
// timestamp, the message. Versions 9 to 16 have this form; up to 12 the flags were the upper bits of the length.

import { Buffer } from "node:buffer";
import { crc32c } from "../bolt/checksum.ts";
import { Fault } from "../errors.ts";

/** A file that is no gossip_store, or one of a version that is not known. */
export class StoreFault extends Fault<"bad_version"> {}

const HEAD_BYTES = 12;
const DELETED = 0x8000;
const COMPLETED = 0x2000;
const OLDEST = 9, NEWEST = 16;
/** The first version that marks records as completed. */
const FIRST_COMPLETING = 15;
/** `gossip_store_ended`: the file was rewritten; the rest is in the new file of that name. */
const ENDED = 4105;

/** What could be read. */
export interface StoreRead {
  /** Messages of types 256 to 258; views of the bytes. */
  readonly messages: readonly Uint8Array[];
  /** Bytes of whole records. */
  readonly used: number;
}

/** The version of a store. @param first its first byte. @throws {StoreFault} when it cannot be read here. */
export function storeVersion(first: number): number {
  // The upper three bits are the major version.
  const version = first & 0x1f;
  if (first >> 5 === 0 && version >= OLDEST && version <= NEWEST) return version;
  throw new StoreFault(
    "bad_version",
    `gossip_store: version ${first} should be from ${OLDEST} to ${NEWEST}`,
  );
}

/**
 * Reads records up to one that is not whole, not completed or not as its checksum says; `bytes` begins with one. Deleted
 * records are left out, and the node's own private channels.
 */
export function readRecords(bytes: Uint8Array, version: number): StoreRead {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const messages: Uint8Array[] = [];
  for (let at = 0;;) {
    if (at + HEAD_BYTES > bytes.length) return { messages, used: at };
    const flags = view.getUint16(at), length = view.getUint16(at + 2);
    const end = at + HEAD_BYTES + length;
    const isCompleted = version < FIRST_COMPLETING || (flags & COMPLETED) !== 0;
    if (end > bytes.length || !isCompleted) return { messages, used: at };
    const message = bytes.subarray(at + HEAD_BYTES, end);
    if (crc32c(message, view.getUint32(at + 8)) !== view.getUint32(at + 4)) {
      return { messages, used: at };
    }
    at = end;
    const type = length < 2 ? 0 : message[0] << 8 | message[1];
    if (type === ENDED) return { messages, used: at };
    if (type >= 256 && type <= 258 && (flags & DELETED) === 0) messages.push(message);
  }
}

/** More cannot be needed to complete a record: what follows a damaged one is only counted. */
const MAX_RECORD_BYTES = HEAD_BYTES + 65_535;

/** Reads a store chunk by chunk. */
export class StoreReader {
  version = 0;
  /** Bytes after the last whole record. */
  unread = 0;
  #rest: Uint8Array = new Uint8Array();

  /** @returns the messages of records that are whole by now. @throws {StoreFault} when it is of no known version. */
  push(chunk: Uint8Array): readonly Uint8Array[] {
    const isFirst = this.version === 0;
    if (isFirst) this.version = storeVersion(chunk[0]);
    const bytes = isFirst ? chunk.subarray(1) : chunk;
    this.unread += bytes.length;
    if (this.#rest.length >= MAX_RECORD_BYTES) return [];
    const all = Buffer.concat([this.#rest, bytes]);
    const { messages, used } = readRecords(all, this.version);
    this.#rest = all.subarray(used);
    this.unread = this.#rest.length;
    return messages;
  }
}
