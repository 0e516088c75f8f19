// How much of a message another observer kept, and the message made of it.
//
// The data of 2025 has what is signed, without type and signatures, though its `size` counts the signatures: the first
// observer's fork of ldk-node encoded the unsigned message and added their length. Since December 2025 it encodes all
// but the type. Signatures that were not kept cannot be brought back: zero bytes stand in their place, so that the rest
// is where BOLT 7 has it. All that the archive tells of such a message is right, its inner id too, but for its SHA-256.

import { CHANNEL_ANNOUNCEMENT_SIGNED_AT } from "../../shared/bolt/channel_announcement.ts";
import { CHANNEL_UPDATE_SIGNED_AT } from "../../shared/bolt/channel_update.ts";
import { gossipFacts } from "../../shared/bolt/facts.ts";
import { NODE_ANNOUNCEMENT_SIGNED_AT } from "../../shared/bolt/node_announcement.ts";

/** `whole`: type included; `behind_type`: all but the type; `behind_signatures`: what is signed. */
export type RawForm = "whole" | "behind_type" | "behind_signatures";

/** The forms in words. */
export const RAW_FORMS: Readonly<Record<RawForm, string>> = {
  whole: "the whole message",
  behind_type: "the message without its two bytes of type",
  behind_signatures:
    "the message without type and signatures (zero bytes stand in for these: SHA-256 differs from the true message's)",
};

/** Where the signed part of a message begins, by type. */
const SIGNED_AT: Readonly<Record<number, number>> = {
  256: CHANNEL_ANNOUNCEMENT_SIGNED_AT,
  257: NODE_ANNOUNCEMENT_SIGNED_AT,
  258: CHANNEL_UPDATE_SIGNED_AT,
};

const TYPE_BYTES = 2;

/** Whether the archive takes a message of that type: it is gossip that floods. */
export function isGossipType(type: number): boolean {
  return type in SIGNED_AT;
}

/**
 * A whole message.
 *
 * @param type its type, 256 to 258.
 * @returns null when `kept` does not begin as the form says.
 */
export function wholeMessage(form: RawForm, type: number, kept: Uint8Array): Uint8Array | null {
  if (form === "whole") {
    return kept.length >= TYPE_BYTES && (kept[0] << 8 | kept[1]) === type ? kept : null;
  }
  const at = form === "behind_type" ? TYPE_BYTES : SIGNED_AT[type];
  const message = new Uint8Array(at + kept.length);
  message[0] = type >> 8;
  message[1] = type & 0xff;
  message.set(kept, at);
  return message;
}

/** One message as a source tells it. */
export interface KeptMessage {
  /** 256 to 258. */
  readonly type: number;
  /** What was kept of its bytes. */
  readonly kept: Uint8Array;
  /** Its short_channel_id, as a signed integer; null when the source does not tell. */
  readonly scid: bigint | null;
  /** The node it is about, lower-case hex; null when the source does not tell. */
  readonly nodeId: string | null;
}

/** Whether a message that is kept in `form` says of itself what its source says of it. */
export function fitsForm(form: RawForm, message: KeptMessage): boolean {
  const whole = wholeMessage(form, message.type, message.kept);
  if (whole === null) return false;
  const { scid, nodeId } = gossipFacts(whole);
  // A channel_update is about no node, but a source might name its signer.
  if (message.type === 257) return nodeId !== null && nodeId === (message.nodeId ?? nodeId);
  return scid !== null && scid === (message.scid ?? scid);
}

/** Of each form, the share of the messages that fit it; 0 when there are none. */
export function formShares(messages: readonly KeptMessage[]): Record<RawForm, number> {
  const share = (form: RawForm) =>
    messages.length === 0
      ? 0
      : messages.filter((message) => fitsForm(form, message)).length / messages.length;
  return {
    whole: share("whole"),
    behind_type: share("behind_type"),
    behind_signatures: share("behind_signatures"),
  };
}
