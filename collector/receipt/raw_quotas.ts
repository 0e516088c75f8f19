// How many messages peers may have stored. A message is stored once, on the broker and in the archive, so a peer that
// makes up ever new ones would fill both; a receipt costs a few bytes, and each one is kept.
//
// A message over quota is not stored, but keeps its own row: a **digest** (`shared/batch/digest.ts`) travels in the place of
// its bytes. Far beyond what the real network does there are quotas for digests, too. Past them its receipts are folded
// together as those of a **stand-in**: a message of a type that no peer's message has, whose text names what is missing
// and why. There is one per type and reason.
//
// Signatures are not checked yet at this point, so a liar could use up a shared quota to keep true news out. That is why
// each peer has a small share of its own, beyond those that all have together, and why a message is judged anew for each
// peer that brings it: what a flooder brought first is stored when another peer brings it.

import { NOT_STORED_TYPE } from "../../shared/batch/digest.ts";
import type { GossipFacts } from "../../shared/bolt/facts.ts";
import { MESSAGE_TYPES, messageName } from "../../shared/bolt/message_types.ts";
import { logger } from "../../shared/log.ts";
import { type Random, randomInteger } from "../../shared/random.ts";
import { Meter, OVER_QUOTA, type Quota, spendToken } from "../meter.ts";
import { zeros } from "../zeros.ts";

export const WITHHELD = ["spam", "unknown_channel", "proposed", "peer", "total"] as const;

/**
 * - `spam`: too many versions of one thing: a direction of a channel, a channel_announcement, a node;
 * - `unknown_channel`: the peer brought too many channel_updates of channels that were never announced;
 * - `proposed`: too many bytes of types that are only proposed;
 * - `peer`: too many bytes that this peer brought first;
 * - `total`: too many bytes that all peers brought.
 */
export type Withheld = typeof WITHHELD[number];

/** What may be stored at once, and per second. */
export interface Allowance {
  readonly burst: number;
  readonly perSecond: number;
}

/** How much is stored. Bytes are those of messages, type included; a message counts once per KiB that it begins. */
export interface RawLimits {
  /** Versions of one thing, by all peers. */
  readonly subject: Quota;
  /** Versions beyond that, by one peer. */
  readonly peerSpam: Allowance;
  /** channel_updates of unknown channels, by one peer. */
  readonly peerUnknown: Allowance;
  /** Bytes of proposed types, by one peer. */
  readonly peerProposed: Allowance;
  /** Bytes of proposed types, by all. */
  readonly totalProposed: Allowance;
  /** Bytes that one peer may bring first. */
  readonly peerBytes: Allowance;
  /** Bytes that all may bring. */
  readonly totalBytes: Allowance;
  /** Bytes that one peer may bring when {@link totalBytes} are used up. */
  readonly peerReserve: Allowance;
  /** Digests of one thing, by all peers. */
  readonly subjectDigests: Quota;
  /** Digests that one peer may bring first. */
  readonly peerDigests: Allowance;
  /** Digests that all may bring. */
  readonly totalDigests: Allowance;
  /** Digests that one peer may bring when {@link totalDigests} are used up. */
  readonly peerDigestReserve: Allowance;
}

const log = logger("collector", "receipt");

const KIB = 1024;
const MIB = 1024 * KIB;

/** What mainnet needs, many times over: it has 1.3 KB/s of new messages, and a graph of 54 MB. */
export const RAW_LIMITS: RawLimits = {
  // What LND forwards of one channel in a day, and its rate.
  subject: { burst: 1500, intervalSeconds: 60 },
  peerSpam: { burst: 10, perSecond: 1 / 600 },
  // A peer's whole graph may come before the first announcement in it is checked.
  peerUnknown: { burst: 150_000, perSecond: 2 },
  peerProposed: { burst: 256 * KIB, perSecond: 64 },
  totalProposed: { burst: 4 * MIB, perSecond: KIB },
  peerBytes: { burst: 96 * MIB, perSecond: 4 * KIB },
  totalBytes: { burst: 512 * MIB, perSecond: 32 * KIB },
  peerReserve: { burst: 64 * KIB, perSecond: 256 },
  // Ten times the busiest node of mainnet, which has 3,369 announcements a day.
  subjectDigests: { burst: 33_690, intervalSeconds: 2 },
  // At 100 bytes each 20 MB of one peer, and 100 MB of all: mainnet has 400,000 messages a day.
  peerDigests: { burst: 200_000, perSecond: 4 },
  totalDigests: { burst: 1_000_000, perSecond: 20 },
  peerDigestReserve: { burst: 2000, perSecond: 1 / 30 },
};

const SECOND_US = 1_000_000;
/** Things share 2^18 buckets by a hash: mainnet has 210,000 things, so few share one. 1 MiB. */
const SUBJECT_SLOTS_LOG2 = 18;
/** Peers whose accounts are kept; beyond it, the one that brought something new the longest ago begins anew. */
const MAX_PEERS = 4096;
const SIGNED_TYPES: ReadonlySet<number> = new Set([256, 257, 258]);

export interface QuotaOptions {
  readonly limits?: Partial<RawLimits>;
  readonly isKnownChannel?: (scid: bigint) => boolean;
  readonly random: Random;
}

/** The accounts of all peers; see the module. */
export class RawQuotas {
  readonly #limits: RawLimits;
  readonly #isKnownChannel: (scid: bigint) => boolean;
  /** When the bucket of a thing is full again, seconds since the Unix epoch. */
  readonly #subjects = new Uint32Array(2 ** SUBJECT_SLOTS_LOG2);
  readonly #subjectDigests = new Uint32Array(2 ** SUBJECT_SLOTS_LOG2);
  /** Odd: a peer that knew them could choose scids that share one bucket. */
  readonly #keys: readonly [number, number, number];
  /** By node id; the peer that brought something new last comes last. */
  readonly #accounts = new Map<string, Account>();
  readonly #proposed: Meter;
  readonly #bytes: Meter;
  readonly #digests: Meter;
  #folded = 0;
  readonly #standIns = new Map<string, Uint8Array>();
  readonly #withheld = zeros(WITHHELD);

  constructor({ limits, isKnownChannel = () => true, random }: QuotaOptions) {
    this.#limits = { ...RAW_LIMITS, ...limits };
    this.#isKnownChannel = isKnownChannel;
    const odd = () => 2 * randomInteger(random, 2 ** 31) + 1;
    this.#keys = [odd(), odd(), odd()];
    this.#proposed = meter(this.#limits.totalProposed);
    this.#bytes = meter(this.#limits.totalBytes);
    this.#digests = meter(this.#limits.totalDigests);
  }

  /** Receipts folded into stand-ins. */
  get folded(): number {
    return this.#folded;
  }

  /** Messages whose bytes are not stored, once for each time they were judged. */
  get withheld(): Readonly<Record<Withheld, number>> {
    return { ...this.#withheld };
  }

  /**
   * Charges a message that is not stored yet to the peer (`nodeId`) that brings it at `now`, µs since the Unix epoch.
   * What an earlier quota took stays taken when a later one refuses.
   * @returns whether its bytes or a digest of it may be stored, else its stand-in.
   */
  judge(facts: GossipFacts, nodeId: string, now: number): "raw" | "digest" | Uint8Array {
    if (facts.type === NOT_STORED_TYPE) return "raw";
    const account = this.#accountOf(nodeId);
    const reason = this.#refusal(facts, account, now);
    if (reason === null) return "raw";
    this.#withheld[reason]++;
    const { subjectDigests } = this.#limits;
    if (
      spendSubject(this.#subjectDigests, this.#slotOf(facts), subjectDigests, 1, now) &&
      account.digests.spend(1, now) &&
      (this.#digests.spend(1, now) || account.digestReserve.spend(1, now))
    ) return "digest";
    this.#folded++;
    const what = `${messageName(facts.type)} not stored: ${reason}`;
    let standIn = this.#standIns.get(what);
    if (!standIn) {
      standIn = Uint8Array.of(0xff, 0xff, ...new TextEncoder().encode(what));
      this.#standIns.set(what, standIn);
      // Once per run, type and reason.
      log.warning("Quota exceeded: {what}; still recording receipts", { what });
    }
    return standIn;
  }

  #refusal(facts: GossipFacts, account: Account, now: number): Withheld | null {
    const { type, size } = facts;
    if (!SIGNED_TYPES.has(type)) {
      const fits = account.proposed.spend(size, now) && this.#proposed.spend(size, now);
      if (!fits) return "proposed";
    }
    if (this.#isOfUnknownChannel(facts) && !account.unknown.spend(1, now)) return "unknown_channel";
    const kib = Math.ceil(size / KIB);
    const { subject } = this.#limits;
    const isWithin = spendSubject(this.#subjects, this.#slotOf(facts), subject, kib, now);
    if (!isWithin && !account.spam.spend(kib, now)) return "spam";
    if (!account.bytes.spend(size, now)) return "peer";
    return this.#bytes.spend(size, now) || account.reserve.spend(size, now) ? null : "total";
  }

  #isOfUnknownChannel({ type, scid }: GossipFacts): boolean {
    return type === MESSAGE_TYPES.channel_update && scid !== null &&
      !this.#isKnownChannel(BigInt.asUintN(64, scid));
  }

  /** The bucket of what a message is a version of; null when it names no thing. */
  #slotOf(facts: GossipFacts): number | null {
    const words = subjectOf(facts);
    if (words === null) return null;
    const [a, b, c] = this.#keys;
    const hash = Math.imul(words[0], a) + Math.imul(words[1], b) + Math.imul(words[2], c);
    return hash >>> (32 - SUBJECT_SLOTS_LOG2);
  }

  #accountOf(nodeId: string): Account {
    const account = this.#accounts.get(nodeId) ?? newAccount(this.#limits);
    this.#accounts.delete(nodeId);
    this.#accounts.set(nodeId, account);
    if (this.#accounts.size > MAX_PEERS) {
      const [oldest] = this.#accounts.keys();
      this.#accounts.delete(oldest);
    }
    return account;
  }
}

type Account = ReturnType<typeof newAccount>;

function newAccount(limits: RawLimits) {
  return {
    spam: meter(limits.peerSpam),
    unknown: meter(limits.peerUnknown),
    proposed: meter(limits.peerProposed),
    bytes: meter(limits.peerBytes),
    reserve: meter(limits.peerReserve),
    digests: meter(limits.peerDigests),
    digestReserve: meter(limits.peerDigestReserve),
  };
}

/** False when there were too many versions of this thing; what names no thing passes. */
function spendSubject(
  buckets: Uint32Array,
  slot: number | null,
  quota: Quota,
  count: number,
  now: number,
): boolean {
  if (slot === null) return true;
  const seconds = Math.floor(now / SECOND_US);
  let fullAt = buckets[slot];
  for (let i = 0; i < count; i++) {
    fullAt = spendToken(quota, fullAt, seconds);
    if (fullAt === OVER_QUOTA) return false;
  }
  buckets[slot] = fullAt;
  return true;
}

function meter({ burst, perSecond }: Allowance): Meter {
  return new Meter(burst, burst / perSecond * SECOND_US);
}

/** What a message is a version of, as three words; null when it does not say. */
function subjectOf(
  { type, scid, direction, nodeId }: GossipFacts,
): [number, number, number] | null {
  const kind = type << 1 | (direction ?? 0);
  if (scid !== null) return [Number(scid >> 32n), Number(scid & 0xffff_ffffn), kind];
  // After the byte 2 or 3 of a point.
  if (nodeId !== null) {
    return [parseInt(nodeId.slice(2, 10), 16), parseInt(nodeId.slice(10, 18), 16), kind];
  }
  return null;
}
