// The handshake of BOLT 8, Noise_XK_secp256k1_ChaChaPoly_SHA256, as pure functions: bytes in, bytes and the next step
// out. A step that refuses throws, and its side must close without writing anything more.

import { ecdh, Point, PUBLIC_KEY_BYTES, publicKeyOf } from "../../shared/secp256k1.ts";
import { TAG_BYTES } from "./aead.ts";
import { NoiseFault } from "./fault.ts";
import { decryptWithAD, encryptWithAD, hkdf, sha256, ZERO } from "./primitives.ts";

/** Bytes of act one: version, ephemeral key, tag. */
export const ACT_ONE_BYTES = 50;
/** Bytes of act two, which looks like act one. */
export const ACT_TWO_BYTES = 50;
/** Bytes of act three: version, encrypted static key with its tag, tag. */
export const ACT_THREE_BYTES = 66;

export interface TransportKeys {
  readonly sendingKey: Uint8Array;
  readonly receivingKey: Uint8Array;
  /** `ck`, from which each direction derives its next keys. */
  readonly chainingKey: Uint8Array;
  readonly remotePublicKey: Uint8Array;
}

export interface ResponderKeys {
  readonly privateKey: Uint8Array;
  /** Fresh for this handshake alone. */
  readonly ephemeralKey: Uint8Array;
}

export interface InitiatorKeys extends ResponderKeys {
  readonly remotePublicKey: Uint8Array;
}

export interface Initiation {
  readonly actOne: Uint8Array;
  /**
   * Gives act three, to be sent before anything else.
   * @throws {NoiseFault} `truncated`, `bad_version`, `bad_key` or `bad_mac`.
   */
  finish(actTwo: Uint8Array): { readonly actThree: Uint8Array; readonly keys: TransportKeys };
}

export interface Response {
  readonly actTwo: Uint8Array;
  /** @throws {NoiseFault} `truncated`, `bad_version`, `bad_key` or `bad_mac`. */
  finish(actThree: Uint8Array): TransportKeys;
}

const VERSION = 0;
const PROTOCOL_NAME = new TextEncoder().encode("Noise_XK_secp256k1_ChaChaPoly_SHA256");
/** By private key: a node's own public key is the same in all handshakes, and deriving it is a curve operation. */
const staticKeys = new WeakMap<Uint8Array, Uint8Array>();
const PROLOGUE = new TextEncoder().encode("lightning");

/**
 * The initiator's side.
 * @throws {NoiseFault} `bad_key` when the responder's key is no public key; {TypeError} when an own key is no private
 * key.
 */
export function initiate(own: InitiatorKeys): Initiation {
  const rs = own.remotePublicKey;
  const point = requirePoint(rs, "the responder's static key");
  let [h, ck] = initialState(rs);
  let tempK1: Uint8Array;

  // BOLT 8, act one, sender
  const e = publicKeyOf(own.ephemeralKey); // step 1; the caller made the key
  h = sha256(h, e); // 2
  const ss = ecdh(own.ephemeralKey, point); // 3
  [ck, tempK1] = hkdf(ck, ss); // 4
  const c = encryptWithAD(tempK1, 0, h, ZERO); // 5
  h = sha256(h, c); // 6
  const actOne = act(e, c); // 7
  return { actOne, finish: (actTwo) => finishInitiation(own, h, ck, actTwo) };
}

function finishInitiation(
  own: InitiatorKeys,
  h: Uint8Array,
  ck: Uint8Array,
  actTwo: Uint8Array,
): { actThree: Uint8Array; keys: TransportKeys } {
  let tempK2: Uint8Array, tempK3: Uint8Array;

  // BOLT 8, act two, receiver
  const [re, c] = parseAct("act two", actTwo, ACT_TWO_BYTES, PUBLIC_KEY_BYTES); // steps 1 to 3
  const point = requirePoint(re, "act two's ephemeral key"); // 5
  h = sha256(h, re); // 4
  let ss = ecdh(own.ephemeralKey, point); // 5
  [ck, tempK2] = hkdf(ck, ss); // 6
  requireTag(decryptWithAD(tempK2, 0, h, c), "act two"); // 7
  h = sha256(h, c); // 8

  // BOLT 8, act three, sender
  const s = encryptWithAD(tempK2, 1, h, staticKeyOf(own.privateKey)); // step 1
  h = sha256(h, s); // 2
  ss = ecdh(own.privateKey, point); // 3
  [ck, tempK3] = hkdf(ck, ss); // 4
  const t = encryptWithAD(tempK3, 0, h, ZERO); // 5
  const [sendingKey, receivingKey] = hkdf(ck, ZERO); // 6; 7 is the ciphers'
  return {
    actThree: act(s, t), // 8
    keys: { sendingKey, receivingKey, chainingKey: ck, remotePublicKey: own.remotePublicKey },
  };
}

/**
 * The responder's side, given act one.
 * @throws {NoiseFault} `truncated`, `bad_version`, `bad_key` or `bad_mac`; {TypeError} when an own key is no private
 * key.
 */
export function respond(own: ResponderKeys, actOne: Uint8Array): Response {
  let [h, ck] = initialState(staticKeyOf(own.privateKey));
  let tempK1: Uint8Array, tempK2: Uint8Array;

  // BOLT 8, act one, receiver
  const [re, c] = parseAct("act one", actOne, ACT_ONE_BYTES, PUBLIC_KEY_BYTES); // steps 1 to 3
  const point = requirePoint(re, "act one's ephemeral key"); // 2
  h = sha256(h, re); // 4
  let ss = ecdh(own.privateKey, point); // 5
  [ck, tempK1] = hkdf(ck, ss); // 6
  requireTag(decryptWithAD(tempK1, 0, h, c), "act one"); // 7
  h = sha256(h, c); // 8

  // BOLT 8, act two, sender
  const e = publicKeyOf(own.ephemeralKey); // step 1; the caller made the key
  h = sha256(h, e); // 2
  ss = ecdh(own.ephemeralKey, point); // 3
  [ck, tempK2] = hkdf(ck, ss); // 4
  const tag = encryptWithAD(tempK2, 0, h, ZERO); // 5
  h = sha256(h, tag); // 6
  const actTwo = act(e, tag); // 7
  return { actTwo, finish: (actThree) => finishResponse(own, h, ck, tempK2, actThree) };
}

function finishResponse(
  own: ResponderKeys,
  h: Uint8Array,
  ck: Uint8Array,
  tempK2: Uint8Array,
  actThree: Uint8Array,
): TransportKeys {
  let tempK3: Uint8Array;

  // BOLT 8, act three, receiver
  const sealedKeyBytes = PUBLIC_KEY_BYTES + TAG_BYTES;
  const [c, t] = parseAct("act three", actThree, ACT_THREE_BYTES, sealedKeyBytes); // steps 1 to 3
  const rs = requireTag(decryptWithAD(tempK2, 1, h, c), "act three's static key"); // 4
  const point = requirePoint(rs, "act three's static key"); // 4
  h = sha256(h, c); // 5
  const ss = ecdh(own.ephemeralKey, point); // 6
  [ck, tempK3] = hkdf(ck, ss); // 7
  requireTag(decryptWithAD(tempK3, 0, h, t), "act three"); // 8
  const [receivingKey, sendingKey] = hkdf(ck, ZERO); // 9; 10 is the ciphers'
  return { sendingKey, receivingKey, chainingKey: ck, remotePublicKey: rs };
}

/** BOLT 8, handshake state initialization: `h` with the responder's static key mixed in, and `ck`. */
function initialState(responderKey: Uint8Array): [Uint8Array, Uint8Array] {
  const ck = sha256(PROTOCOL_NAME); // steps 1 and 2
  const h = sha256(ck, PROLOGUE); // 3
  return [sha256(h, responderKey), ck];
}

function staticKeyOf(privateKey: Uint8Array): Uint8Array {
  let key = staticKeys.get(privateKey);
  if (!key) staticKeys.set(privateKey, key = publicKeyOf(privateKey));
  return key;
}

function act(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + a.length + b.length);
  bytes[0] = VERSION;
  bytes.set(a, 1);
  bytes.set(b, 1 + a.length);
  return bytes;
}

function parseAct(
  name: string,
  bytes: Uint8Array,
  length: number,
  firstBytes: number,
): [Uint8Array, Uint8Array] {
  if (bytes.length !== length) {
    throw new NoiseFault("truncated", `${name}: ${bytes.length} bytes, ${length} needed`);
  }
  if (bytes[0] !== VERSION) {
    throw new NoiseFault("bad_version", `${name}: version ${bytes[0]}, ${VERSION} needed`);
  }
  return [bytes.slice(1, 1 + firstBytes), bytes.slice(1 + firstBytes)];
}

function requirePoint(key: Uint8Array, what: string): Point {
  const point = Point.read(key);
  if (point === null) {
    throw new NoiseFault("bad_key", `${what} is no compressed point of secp256k1`);
  }
  return point;
}

function requireTag(opened: Uint8Array | null, what: string): Uint8Array {
  if (opened === null) throw new NoiseFault("bad_mac", `${what}: its tag does not fit`);
  return opened;
}
