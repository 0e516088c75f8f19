/**
 * Reads Core Lightning's gossip_store, versions 15 and 16, and the real one that lies beside the project.
 *
 * @module
 */
import { crc32c } from "../../shared/bolt/crc32c.ts";
import { Reader } from "../../shared/bolt/reader.ts";

/** The top three bits of the version byte; a change of them breaks readers. */
const MAJOR_SHIFT = 5;
/** The least version whose records carry flags and length as two u16. */
const FIRST_VERSION = 15;

/** One record. */
export interface StoreRecord {
  /** As in the header of the record: 0x8000 deleted, 0x2000 completed. */
  readonly flags: number;
  /** Seconds; 0 for records without a time of their own. */
  readonly timestamp: number;
  /** A gossip message, type included, or a record of the store's own (types from 4096 on). */
  readonly message: Uint8Array;
}

/**
 * All records of a gossip_store.
 *
 * @throws {Error} on another version, a wrong checksum or a cut record: as a test's input it should be whole.
 */
export function readGossipStore(bytes: Uint8Array): StoreRecord[] {
  const reader = new Reader(bytes, "gossip_store");
  const version = reader.u8();
  if (version >> MAJOR_SHIFT !== 0 || version < FIRST_VERSION) {
    throw new Error(`gossip_store has version ${version}; it should be ${FIRST_VERSION} or 16`);
  }
  const records: StoreRecord[] = [];
  while (reader.remaining > 0) {
    const flags = reader.u16();
    const length = reader.u16();
    const checksum = reader.u32();
    const timestamp = reader.u32();
    const message = reader.take(length);
    // The checksum goes on from the timestamp as if that were the checksum of what comes before.
    if (crc32c(message, timestamp) !== checksum) {
      throw new Error(`gossip_store: record ${records.length} has a wrong checksum`);
    }
    records.push({ flags, timestamp, message });
  }
  return records;
}

/** Where the real store is, beside the project. */
const REAL_STORE = new URL(
  "../../../shared/data/mainnet-gossip/gossip_store-part1.bin",
  import.meta.url,
);

/**
 * The real mainnet gossip messages that lie beside the project, in order, deleted records included: those were only
 * replaced by newer ones. Null when they are not there.
 */
export function readMainnetGossip(): Uint8Array[] | null {
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(REAL_STORE);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  return readGossipStore(bytes)
    .map(({ message }) => message)
    .filter((message) => message[0] === 1 && message[1] <= 2);
}
