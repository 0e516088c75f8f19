/**
 * The 64-bit ids of the draft extension BOLT "Minisketch Gossip": they say what a message is about, and are not salted.
 *
 * | bits | what |
 * |---|---|
 * | 24 | height of the block with the funding transaction |
 * | 15 | index of that transaction |
 * | 13 | index of its output |
 * | 1 | direction of a channel update |
 * | 11 | height of the update, modulo 2016 |
 *
 * @module
 */
import { scidParts } from "../../../shared/bolt/scid.ts";

/** An id, or which part of the scid has too many bits for it; `zero` is no sketch's element. */
export type DraftId =
  | { readonly id: bigint; readonly unfit?: undefined }
  | { readonly id?: undefined; readonly unfit: "transaction" | "output" | "zero" };

/** Two weeks of blocks: a later update for the same channel may come back to an id. */
const HEIGHTS = 2016;

/** The id of a channel update of `direction` that was made at a block `height`. */
export function updateId(scid: bigint, direction: 0 | 1, height: number): DraftId {
  const { block, transaction, output } = scidParts(scid);
  if (transaction >= 1 << 15) return { unfit: "transaction" };
  if (output >= 1 << 13) return { unfit: "output" };
  const high = block * 256 + (transaction >> 7);
  const low = ((transaction & 127) << 25 | output << 12 | direction << 11 | height % HEIGHTS) >>> 0;
  const id = BigInt(high) << 32n | BigInt(low);
  return id === 0n ? { unfit: "zero" } : { id };
}

/** The id of a channel announcement: as of an update, with neither direction nor height. */
export function announcementId(scid: bigint): DraftId {
  return updateId(scid, 0, 0);
}
