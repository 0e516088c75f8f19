/**
 * The unsalted 64-bit ids of the draft extension BOLT "Minisketch Gossip".
 *
 * | bits | field |
 * |---|---|
 * | 24 | height of the funding block |
 * | 15 | index of the funding transaction |
 * | 13 | index of its output |
 * | 1 | direction of a channel update |
 * | 11 | height of the update, modulo 2016 |
 *
 * @module
 */
import { scidParts } from "../../../shared/bolt/scid.ts";

/** An id, or the part of the scid that has too many bits for it. A sketch cannot hold the id `zero`. */
export type DraftId =
  | { readonly id: bigint; readonly unfit?: undefined }
  | { readonly id?: undefined; readonly unfit: "transaction" | "output" | "zero" };

/** Two weeks of blocks, after which a channel's ids repeat. */
const HEIGHTS = 2016;

/** The id of a channel update made at block `height`. */
export function updateId(scid: bigint, direction: 0 | 1, height: number): DraftId {
  const { block, transaction, output } = scidParts(scid);
  if (transaction >= 1 << 15) return { unfit: "transaction" };
  if (output >= 1 << 13) return { unfit: "output" };
  const high = block * 256 + (transaction >> 7);
  const low = ((transaction & 127) << 25 | output << 12 | direction << 11 | height % HEIGHTS) >>> 0;
  const id = BigInt(high) << 32n | BigInt(low);
  return id === 0n ? { unfit: "zero" } : { id };
}

/** The id of a channel announcement: that of an update with direction and height zero. */
export function announcementId(scid: bigint): DraftId {
  return updateId(scid, 0, 0);
}
