// Planned messages as bytes: truly signed, and as long as the real run's.

import { type Address, ADDRESS_TYPES } from "../../shared/bolt/address.ts";
import { chainHash, type Network } from "../../shared/bolt/chains.ts";
import { featureBitmap } from "../../shared/bolt/features.ts";
import { encodeMessage, type MessageFields } from "../../shared/bolt/message.ts";
import { ALIAS_BYTES } from "../../shared/bolt/node_announcement.ts";
import { randomInteger, seededRandom } from "../../shared/random.ts";
import { signed, type TestKey } from "../support/fixtures/signed_gossip.ts";
import { hasInboundFee, INBOUND_FEE_BYTES, type NodeShape, nodeShape } from "./sizes.ts";
import type { PlannedMessage } from "./traffic.ts";
import type { Universe } from "./universe.ts";

/** How messages are made. */
export interface MessageOptions {
  /** The nodes and channels they are about. */
  readonly universe: Universe;
  /** The chain they name; bitcoin unless given. */
  readonly network?: Network;
  /** When the run begins, in whole seconds since the Unix epoch: what the messages' own timestamps count from. */
  readonly startedAt: number;
  /** False leaves the signatures random: for archives in bulk, where signing would take most of the time. */
  readonly sign?: boolean;
}

/** Odd bits that today's nodes offer; 2023 is LND's own and makes its bitmap 253 bytes long. */
const OFFERED = [1, 5, 7, 9, 13, 15, 17, 19, 23, 27, 39, 45, 47, 51];
const SHORT_FEATURES = featureBitmap(OFFERED);
const LONG_FEATURES = featureBitmap([...OFFERED, 2023]);
/** Of ten messages of one origin that follow each other, this many say something new; the rest are only re-signed. */
const NEWS_OF_TEN = 7;
const COLOR = new Uint8Array([0x3b, 0x82, 0xf6]);
const UNSIGNED = new Uint8Array(64);
const NOTHING = new Uint8Array(0);
/** BigSize 55555, then the length of two i32. */
const INBOUND_FEE_HEAD = [0xfd, 0xd9, 0x03, 8];

/** Makes messages in the order of the plan. It remembers each origin's last timestamp, which must grow. */
export class MessageFactory {
  readonly #chainHash: Uint8Array;
  readonly #encoder = new TextEncoder();
  readonly #random = seededRandom("signatures");
  /** By origin, its type and direction: the last timestamp, and how many messages there were. */
  readonly #history = new Map<string, { timestamp: number; count: number }>();

  /** Messages of one run; see {@link MessageOptions}. */
  constructor(private readonly options: MessageOptions) {
    this.#chainHash = chainHash(options.network ?? "bitcoin");
  }

  /** The bytes of `planned`, {@link PlannedMessage.size} of them. Call it once a message, in the plan's order. */
  make(planned: PlannedMessage): Uint8Array {
    const raw = planned.type === 256
      ? this.#channelAnnouncement(planned)
      : planned.type === 257
      ? this.#nodeAnnouncement(planned)
      : this.#channelUpdate(planned);
    if (raw.length !== planned.size) {
      throw new Error(`Message ${planned.number} has ${raw.length} bytes, not ${planned.size}`);
    }
    return raw;
  }

  #channelAnnouncement(planned: PlannedMessage): Uint8Array {
    const { universe } = this.options;
    const { scid, nodes: [node1, node2] } = universe.channel(planned.origin);
    const [bitcoin1, bitcoin2] = universe.fundingKeys(planned.origin);
    return this.#finish({
      type: 256,
      nodeSignature1: UNSIGNED,
      nodeSignature2: UNSIGNED,
      bitcoinSignature1: UNSIGNED,
      bitcoinSignature2: UNSIGNED,
      features: NOTHING,
      chainHash: this.#chainHash,
      scid,
      nodeId1: node1.publicKey,
      nodeId2: node2.publicKey,
      bitcoinKey1: bitcoin1.publicKey,
      bitcoinKey2: bitcoin2.publicKey,
    }, [node1, node2, bitcoin1, bitcoin2]);
  }

  #nodeAnnouncement(planned: PlannedMessage): Uint8Array {
    const node = this.options.universe.node(planned.origin);
    const shape = nodeShape(planned.origin);
    const { timestamp, news } = this.#next(planned);
    const alias = new Uint8Array(ALIAS_BYTES);
    this.#encoder.encodeInto(`simnet-${planned.origin}-${news}`, alias);
    return this.#finish({
      type: 257,
      signature: UNSIGNED,
      features: shape.featureBytes === LONG_FEATURES.length ? LONG_FEATURES : SHORT_FEATURES,
      timestamp,
      nodeId: node.publicKey,
      color: COLOR,
      alias,
      addresses: addresses(shape, node, planned.origin),
    }, [node]);
  }

  #channelUpdate(planned: PlannedMessage): Uint8Array {
    const { scid, nodes } = this.options.universe.channel(planned.origin);
    const { timestamp, news } = this.#next(planned);
    return this.#finish({
      type: 258,
      signature: UNSIGNED,
      chainHash: this.#chainHash,
      scid,
      timestamp,
      messageFlags: 1,
      channelFlags: planned.direction,
      cltvExpiryDelta: 80,
      htlcMinimumMsat: 1000n,
      feeBaseMsat: 1000,
      feeProportionalMillionths: 1 + news,
      htlcMaximumMsat: 990_000_000n,
      extra: hasInboundFee(planned.origin) ? inboundFee(-news) : undefined,
    }, [nodes[planned.direction]]);
  }

  /** The next message of an origin: a later timestamp, and the number of its latest news. */
  #next({ type, origin, direction, createdAt }: PlannedMessage): {
    timestamp: number;
    news: number;
  } {
    const key = `${type}/${origin}/${direction}`;
    const now = this.options.startedAt + Math.floor(createdAt / 1e6);
    const last = this.#history.get(key) ?? { timestamp: 0, count: 0 };
    // Squeezed time makes updates come within one second; like a real node, each then takes the next one.
    const next = { timestamp: Math.max(now, last.timestamp + 1), count: last.count + 1 };
    this.#history.set(key, next);
    return { timestamp: next.timestamp, news: Math.floor(next.count * NEWS_OF_TEN / 10) };
  }

  #finish(fields: MessageFields, keys: readonly TestKey[]): Uint8Array {
    if (this.options.sign !== false) return signed(fields, keys);
    const raw = encodeMessage(fields);
    for (let i = 2; i < 2 + keys.length * UNSIGNED.length; i++) {
      raw[i] = randomInteger(this.#random, 256);
    }
    return raw;
  }
}

/** Descriptors as {@link NodeShape.addresses} lists them, hosts from the node's own key and number. */
function addresses(shape: NodeShape, node: TestKey, index: number): Address[] {
  return shape.addresses.map((kind, i) => {
    // 198.18.0.0/15 is for benchmarks (RFC 2544): nobody's.
    if (kind === "ipv4") {
      return { type: ADDRESS_TYPES.ipv4, host: ipv4(index + i), port: 9735 };
    }
    // An onion host: 32 bytes of key, two of checksum, version 3.
    const host = new Uint8Array(35);
    host.set(node.publicKey.subarray(1));
    host[34] = 3;
    return { type: ADDRESS_TYPES.torV3, host, port: 9735 };
  });
}

function ipv4(number: number): Uint8Array {
  return new Uint8Array([198, 18 + (number >> 16 & 1), number >> 8 & 255, number & 255]);
}

function inboundFee(baseMsat: number): Uint8Array {
  const bytes = new Uint8Array(INBOUND_FEE_BYTES);
  bytes.set(INBOUND_FEE_HEAD);
  new DataView(bytes.buffer).setInt32(4, baseMsat);
  return bytes;
}
