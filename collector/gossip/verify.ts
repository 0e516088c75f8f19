// The verdict on one gossip message's signatures.

import type { Verdict } from "../../shared/batch/batch.ts";
import type { ChannelAnnouncement } from "../../shared/bolt/channel_announcement.ts";
import type { ChannelUpdate } from "../../shared/bolt/channel_update.ts";
import { BoltFault } from "../../shared/bolt/fault.ts";
import { decodeMessage, type Message } from "../../shared/bolt/message.ts";
import { signedPart } from "../../shared/bolt/signed.ts";
import { verifyGossip } from "../../shared/secp256k1.ts";
import { equal } from "./graph/columns.ts";
import type { NodePair } from "./graph/graph_view.ts";

export interface Checked {
  readonly verdict: Verdict;
  readonly signatures: number;
  readonly channel?: { readonly scid: bigint; readonly nodes: NodePair };
  /** For a channel_update that holds: the node id that signed it, in hex. */
  readonly signer?: string;
  readonly unknownScid?: bigint;
}

/** Whether `raw` is of a type whose signatures are checked here; the others never get a verdict. */
export function isSigned(raw: Uint8Array): boolean {
  return raw[0] === 1 && raw[1] <= 2 && raw.length >= 2;
}

/**
 * Checks a message. A channel_update is checked against each pair of nodes that announced its channel.
 * @param chain chain_hash of our network: nothing of another one is held to be a channel of ours.
 */
export function checkMessage(raw: Uint8Array, keys: ChannelKeys, chain: Uint8Array): Checked {
  let message: Message;
  try {
    message = decodeMessage(raw);
  } catch (error) {
    if (error instanceof BoltFault) return { verdict: "malformed", signatures: 0 };
    throw error;
  }
  if (message.known && message.type === 256) return checkChannel(message, raw, chain);
  if (message.known && message.type === 257) return checkNamed(raw);
  if (message.known && message.type === 258) return checkUpdate(message, raw, keys, chain);
  return { verdict: "unchecked", signatures: 0 };
}

/** A message that names its signers. The first signature that does not hold settles it. */
function checkNamed(raw: Uint8Array): Checked {
  const part = signedPart(raw)!;
  for (const [i, signature] of part.signatures.entries()) {
    if (!verifyGossip(signature, part.digestInput, Uint8Array.fromHex(part.signers[i]))) {
      return { verdict: "invalid", signatures: i + 1 };
    }
  }
  return { verdict: "valid", signatures: part.signatures.length };
}

function checkChannel(message: ChannelAnnouncement, raw: Uint8Array, chain: Uint8Array): Checked {
  const checked = checkNamed(raw);
  if (checked.verdict !== "valid" || !equal(message.chainHash, chain)) return checked;
  const nodes: NodePair = [message.nodeId1.toHex(), message.nodeId2.toHex()];
  return { ...checked, channel: { scid: message.scid, nodes } };
}

function checkUpdate(
  message: ChannelUpdate,
  raw: Uint8Array,
  keys: ChannelKeys,
  chain: Uint8Array,
): Checked {
  if (!equal(message.chainHash, chain)) return { verdict: "unknown_signer", signatures: 0 };
  const pairs = keys.get(message.scid);
  if (pairs.length === 0) {
    return { verdict: "unknown_signer", signatures: 0, unknownScid: message.scid };
  }
  const { digestInput, signatures: [signature] } = signedPart(raw)!;
  // BOLT 7: bit 0 of channel_flags says which node signs.
  const direction = message.channelFlags & 1;
  for (const [i, pair] of pairs.entries()) {
    if (verifyGossip(signature, digestInput, Uint8Array.fromHex(pair[direction]))) {
      return { verdict: "valid", signatures: i + 1, signer: pair[direction] };
    }
  }
  return { verdict: "invalid", signatures: pairs.length };
}

/** Three times the channels of mainnet; about 70 MB when full. */
const MAX_CHANNELS = 200_000;
/** Pairs of nodes kept for one scid: the first that announced it. */
const MAX_PAIRS = 4;

/** A bounded map from scid to node ids; when it is full the scid announced first goes. */
export class ChannelKeys {
  #pairs = new Map<bigint, NodePair[]>();

  constructor(
    private readonly maxChannels: number = MAX_CHANNELS,
    private readonly kept: (scid: bigint) => NodePair | null = () => null,
  ) {}

  get size(): number {
    return this.#pairs.size;
  }

  add(scid: bigint, pair: NodePair): boolean {
    const known = this.#pairs.get(scid);
    if (known) {
      if (known.length >= MAX_PAIRS) return false;
      if (known.some((each) => isSame(each, pair))) return false;
      known.push(pair);
      return true;
    }
    if (this.#pairs.size >= this.maxChannels) this.#pairs.delete(this.#pairs.keys().next().value!);
    this.#pairs.set(scid, [pair]);
    return true;
  }

  has(scid: bigint): boolean {
    return this.#pairs.has(scid) || this.kept(scid) !== null;
  }

  get(scid: bigint): readonly NodePair[] {
    const announced = this.#pairs.get(scid) ?? [];
    const kept = this.kept(scid);
    return kept === null || announced.some((pair) => isSame(pair, kept))
      ? announced
      : [kept, ...announced];
  }
}

function isSame(a: NodePair, b: NodePair): boolean {
  return a[0] === b[0] && a[1] === b[1];
}
