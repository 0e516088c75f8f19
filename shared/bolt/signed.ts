// Which bytes of a gossip message are signed, and by which keys (BOLT 7).

import { CHANNEL_ANNOUNCEMENT_SIGNED_AT } from "./channel_announcement.ts";
import { CHANNEL_UPDATE_SIGNED_AT } from "./channel_update.ts";
import { decodeMessage } from "./message.ts";
import { NODE_ANNOUNCEMENT_SIGNED_AT } from "./node_announcement.ts";

/** What there is to verify. */
export interface SignedPart {
  /** Signed is the double SHA-256 of this: all that follows the signatures. A view of the message. */
  readonly digestInput: Uint8Array;
  /** Compact, 64 bytes each. Views of the message, so a message can be signed by writing them. */
  readonly signatures: readonly Uint8Array[];
  /**
   * For each signature its key, 33 bytes as lower-case hex. Empty for a channel_update: its signer is the node of its
   * channel_announcement that its direction points at.
   */
  readonly signers: readonly string[];
}

/**
 * The signed part of a gossip message; null for types that are not signed.
 * @throws {BoltFault} when the message does not decode.
 */
export function signedPart(raw: Uint8Array): SignedPart | null {
  const message = decodeMessage(raw);
  if (!message.known) return null;
  switch (message.type) {
    case 256:
      return {
        digestInput: raw.subarray(CHANNEL_ANNOUNCEMENT_SIGNED_AT),
        signatures: [
          message.nodeSignature1,
          message.nodeSignature2,
          message.bitcoinSignature1,
          message.bitcoinSignature2,
        ],
        signers: [message.nodeId1, message.nodeId2, message.bitcoinKey1, message.bitcoinKey2]
          .map((bytes) => bytes.toHex()),
      };
    case 257:
      return {
        digestInput: raw.subarray(NODE_ANNOUNCEMENT_SIGNED_AT),
        signatures: [message.signature],
        signers: [message.nodeId.toHex()],
      };
    case 258:
      return {
        digestInput: raw.subarray(CHANNEL_UPDATE_SIGNED_AT),
        signatures: [message.signature],
        signers: [],
      };
    default:
      return null;
  }
}
