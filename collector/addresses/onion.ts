// Names of onion services, version 3 (Tor's rend-spec-v3, "Encoding onion addresses"):
// `base32(public key || checksum || version) + ".onion"`.

import { base32nopad } from "@scure/base";
import { createHash } from "node:crypto";
import { printable } from "../../shared/text.ts";
import { AddressFault } from "./fault.ts";

const SUFFIX = ".onion";
const KEY_BYTES = 32;
const CHECKSUM_BYTES = 2;
/** Key, checksum and version: the host bytes of BOLT 7's descriptor type 4. */
export const ONION_BYTES: number = KEY_BYTES + CHECKSUM_BYTES + 1;
const VERSION = 3;
/** Base32 digits of {@link ONION_BYTES}: 280 bits, so that none is padding. */
const DIGITS = 56;
/** Digits of a version 2 name, which Tor dropped in 2021. */
const VERSION_2_DIGITS = 16;

/** Whether a host is meant as an onion service, valid or not. */
export function isOnion(host: string): boolean {
  return host.endsWith(SUFFIX);
}

/** Checks an onion name in lower case. @throws {AddressFault} `tor_v2` or `bad_onion`. */
export function checkOnion(host: string): void {
  const digits = host.slice(0, -SUFFIX.length);
  const isBase32 = /^[a-z2-7]*$/.test(digits);
  if (isBase32 && digits.length === VERSION_2_DIGITS) {
    throw new AddressFault("tor_v2", `${host} is a version 2 onion service; Tor has dropped them`);
  }
  if (!isBase32 || digits.length !== DIGITS) {
    throw new AddressFault(
      "bad_onion",
      `"${printable(host)}" is no ${DIGITS} base32 digits + .onion`,
    );
  }
  checkOnionBytes(base32nopad.decode(digits.toUpperCase()));
}

/** The name of a service, from {@link ONION_BYTES} of a descriptor. @throws {AddressFault} `bad_onion`. */
export function onionName(bytes: Uint8Array): string {
  checkOnionBytes(bytes);
  return `${base32nopad.encode(bytes).toLowerCase()}${SUFFIX}`;
}

/** The checksum of a service's public key: SHA3-256(".onion checksum" || public key || version), its first two bytes. */
export function onionChecksum(publicKey: Uint8Array): Uint8Array {
  return createHash("sha3-256").update(".onion checksum")
    .update(publicKey).update(Uint8Array.of(VERSION)).digest().subarray(0, CHECKSUM_BYTES);
}

function checkOnionBytes(bytes: Uint8Array): void {
  const version = bytes[ONION_BYTES - 1];
  if (version !== VERSION) {
    throw new AddressFault("bad_onion", `an onion name is of version ${version}, not ${VERSION}`);
  }
  const checksum = onionChecksum(bytes.subarray(0, KEY_BYTES));
  if (checksum[0] !== bytes[KEY_BYTES] || checksum[1] !== bytes[KEY_BYTES + 1]) {
    throw new AddressFault("bad_onion", "an onion name's checksum is wrong: a digit was changed");
  }
}
