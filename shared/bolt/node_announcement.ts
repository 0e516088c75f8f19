// node_announcement (BOLT 7): what a node says of itself.

import { type Address, decodeAddresses, writeAddresses } from "./address.ts";
import { type Codec, KEY_BYTES, NOTHING, SIGNATURE_BYTES } from "./codec.ts";
import { Writer } from "./writer.ts";

/** Bytes of an alias, padded with zeros. */
export const ALIAS_BYTES = 32;
const COLOR_BYTES = 3;

/** node_announcement. */
export interface NodeAnnouncement {
  readonly type: 257;
  readonly signature: Uint8Array;
  readonly features: Uint8Array;
  /** The sender's own: seconds since the Unix epoch, or any counter that grows. */
  readonly timestamp: number;
  readonly nodeId: Uint8Array;
  readonly color: Uint8Array;
  /** {@link ALIAS_BYTES} bytes; meant as UTF-8, any bytes in practice. */
  readonly alias: Uint8Array;
  readonly addresses: readonly Address[];
  /** Address bytes from the first unknown descriptor type on. */
  readonly unknownAddresses?: Uint8Array;
  readonly extra?: Uint8Array;
}

/** Where the signed part begins: after type and signature. */
export const NODE_ANNOUNCEMENT_SIGNED_AT: number = 2 + SIGNATURE_BYTES;

/** Codec of {@link NodeAnnouncement}. */
export const nodeAnnouncementCodec: Codec<NodeAnnouncement> = {
  decode(reader) {
    const signature = reader.take(SIGNATURE_BYTES);
    const features = reader.sized16();
    const timestamp = reader.u32();
    const nodeId = reader.take(KEY_BYTES);
    const color = reader.take(COLOR_BYTES);
    const alias = reader.take(ALIAS_BYTES);
    const { known, unknown } = decodeAddresses(reader.sized16());
    return {
      type: 257,
      signature,
      features,
      timestamp,
      nodeId,
      color,
      alias,
      addresses: known,
      unknownAddresses: unknown,
      extra: reader.rest(),
      raw: reader.bytes,
      known: true,
    };
  },
  encode(writer, message) {
    writer.fixed(message.signature, SIGNATURE_BYTES);
    writer.sized16(message.features);
    writer.u32(message.timestamp);
    writer.fixed(message.nodeId, KEY_BYTES);
    writer.fixed(message.color, COLOR_BYTES);
    writer.fixed(message.alias, ALIAS_BYTES);
    const addresses = new Writer("addresses");
    writeAddresses(addresses, {
      known: message.addresses,
      unknown: message.unknownAddresses ?? NOTHING,
    });
    writer.sized16(addresses.finish());
    writer.bytes(message.extra ?? NOTHING);
  },
};
