/**
 * Bech32 (BIP 173) as BOLT 10 uses it: a node id behind `ln1`, with the checksum of BIP 173 and not that of BIP 350.
 *
 * @module
 */
import { Fault } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";

/**
 * - `no_separator`: no `1` between a human-readable part and the rest;
 * - `bad_character`: a character that is no bech32 digit, or upper and lower case mixed;
 * - `bad_checksum`: digits were changed, or it is bech32m;
 * - `bad_padding`: the digits are no whole bytes with zeros behind;
 * - `too_long`: over the limit of BIP 173.
 */
export type Bech32Code =
  | "no_separator"
  | "bad_character"
  | "bad_checksum"
  | "bad_padding"
  | "too_long";

/** The only thing that the decoder throws. */
export class Bech32Fault extends Fault<Bech32Code> {
  /** Tells it apart in logs. */
  override readonly name = "Bech32Fault";
}

/** BIP 173's limit, within which the checksum finds what it promises to. */
const MAX_CHARACTERS = 90;
const CHECKSUM_DIGITS = 6;
const DIGITS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

/** A decoded text. */
export interface Bech32 {
  /** The human-readable part, in lower case. */
  readonly prefix: string;
  /** What it carries. */
  readonly bytes: Uint8Array;
}

/** Reads a bech32 text that carries bytes. @throws {Bech32Fault} when it is none. */
export function decodeBech32(text: string): Bech32 {
  if (text.length > MAX_CHARACTERS) {
    throw new Bech32Fault("too_long", `bech32: ${text.length} characters, not ${MAX_CHARACTERS}`);
  }
  const lower = text.toLowerCase();
  const separator = lower.lastIndexOf("1");
  if (separator < 1) throw fault("no_separator", text, "there is no 1 behind a first part");
  const prefix = lower.slice(0, separator);
  const values = [...lower.slice(separator + 1)].map((digit) => DIGITS.indexOf(digit));
  const isMixed = text !== lower && text !== text.toUpperCase();
  if (isMixed || values.includes(-1) || !/^[\x21-\x7e]+$/.test(prefix)) {
    throw fault("bad_character", text, "a character is no bech32 digit, or the case is mixed");
  }
  if (values.length < CHECKSUM_DIGITS || polymod([...expanded(prefix), ...values]) !== 1) {
    throw fault("bad_checksum", text, "the checksum is wrong");
  }
  const bytes = toBytes(values.slice(0, -CHECKSUM_DIGITS));
  if (!bytes) throw fault("bad_padding", text, "it is no whole number of bytes");
  return { prefix, bytes };
}

/** Writes bytes as bech32. @param prefix ASCII in lower case. */
export function encodeBech32(prefix: string, bytes: Uint8Array): string {
  const values = toValues(bytes);
  const checksum = polymod([...expanded(prefix), ...values, 0, 0, 0, 0, 0, 0]) ^ 1;
  for (let i = CHECKSUM_DIGITS - 1; i >= 0; i--) values.push(checksum >>> 5 * i & 31);
  return `${prefix}1${values.map((value) => DIGITS[value]).join("")}`;
}

/** BIP 173, "Checksum": the remainder by the generator of the code, over GF(32). */
function polymod(values: readonly number[]): number {
  let remainder = 1;
  for (const value of values) {
    const top = remainder >>> 25;
    remainder = (remainder & 0x1ffffff) << 5 ^ value;
    for (let i = 0; i < GENERATOR.length; i++) if (top >>> i & 1) remainder ^= GENERATOR[i];
  }
  return remainder;
}

/** BIP 173: the prefix as the checksum sees it, high bits, zero, low bits. */
function expanded(prefix: string): number[] {
  const codes = [...prefix].map((character) => character.charCodeAt(0));
  return [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31)];
}

/** Five bits each to eight; null unless less than five bits are left and all of them zero. */
function toBytes(values: readonly number[]): Uint8Array | null {
  const bytes: number[] = [];
  let held = 0;
  let bits = 0;
  for (const value of values) {
    held = held << 5 | value;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push(held >> bits);
    held &= (1 << bits) - 1;
  }
  return bits < 5 && held === 0 ? Uint8Array.from(bytes) : null;
}

/** Eight bits each to five, with zeros behind the last. */
function toValues(bytes: Uint8Array): number[] {
  const values: number[] = [];
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = held << 8 | byte;
    bits += 8;
    for (; bits >= 5; bits -= 5) values.push(held >> (bits - 5) & 31);
    held &= (1 << bits) - 1;
  }
  if (bits > 0) values.push(held << (5 - bits));
  return values;
}

function fault(code: Bech32Code, text: string, why: string): Bech32Fault {
  return new Bech32Fault(code, `bech32 "${printable(text)}": ${why}`);
}
