// init (BOLT 1): the first message each way.

import { type Codec, HASH_BYTES, NOTHING } from "./codec.ts";
import { combineFeatures } from "./features.ts";
import { readTlvStream, type TlvRecord, tlvRecord, writeTlvStream } from "./tlv.ts";

const NETWORKS = 1n;
const REMOTE_ADDR = 3n;

/** init. */
export interface Init {
  readonly type: 16;
  readonly globalFeatures?: Uint8Array;
  /** The newer one; see {@link initFeatures}. */
  readonly features: Uint8Array;
  /** chain_hashes the sender cares for; undefined when it does not say. */
  readonly networks?: readonly Uint8Array[];
  /** The address under which the sender sees us: one address descriptor, unchecked. */
  readonly remoteAddress?: Uint8Array;
  readonly tlvs?: readonly TlvRecord[];
}

/** What an init offers and demands: BOLT 1 has its receiver or the two bitmaps. */
export function initFeatures(init: Init): Uint8Array {
  return combineFeatures(init.globalFeatures ?? NOTHING, init.features);
}

/** Codec of {@link Init}. */
export const initCodec: Codec<Init> = {
  decode(reader) {
    const globalFeatures = reader.sized16();
    const features = reader.sized16();
    let networks: Uint8Array[] | undefined;
    let remoteAddress: Uint8Array | undefined;
    const tlvs = readTlvStream(
      reader,
      new Map([
        [NETWORKS, (value) => {
          networks = [];
          while (value.remaining > 0) networks.push(value.take(HASH_BYTES));
        }],
        [REMOTE_ADDR, (value) => {
          remoteAddress = value.rest();
        }],
      ]),
    );
    return {
      type: 16,
      globalFeatures,
      features,
      ...networks && { networks },
      ...remoteAddress && { remoteAddress },
      tlvs,
      raw: reader.bytes,
      known: true,
    };
  },
  encode(writer, init) {
    const { networks, remoteAddress } = init;
    writer.sized16(init.globalFeatures ?? NOTHING);
    writer.sized16(init.features);
    const records = [...init.tlvs ?? []];
    if (networks) {
      records.push(
        tlvRecord(NETWORKS, (value) => networks.forEach((hash) => value.fixed(hash, HASH_BYTES))),
      );
    }
    if (remoteAddress) records.push({ type: REMOTE_ADDR, value: remoteAddress });
    writeTlvStream(writer, records);
  },
};
