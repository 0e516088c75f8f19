// A gossip message back from LND's dump of it (go-spew, in lnd.log at `PEER=trace`). The dump shows decoded fields, so the
// bytes are rebuilt from them. They are right where LND's decoder loses nothing; only the message's signature proves it.
// Known losses: an alias that starts with NUL, feature bytes with leading zeros, IPv4 in IPv6 form.

import { base32 } from "@scure/base";
import { Buffer } from "node:buffer";
import { type Address, ADDRESS_TYPES } from "../bolt/address.ts";
import { featureBitmap } from "../bolt/features.ts";
import { encodeMessage } from "../bolt/message.ts";
import { ALIAS_BYTES } from "../bolt/node_announcement.ts";
import { scidOf } from "../bolt/scid.ts";
import { Fault } from "../errors.ts";
import { ipv6Bytes } from "./ipv6.ts";

/** A dump that is not of the form known here. */
export class DumpFault extends Fault<"bad_dump"> {}

/** The types whose dumps are read, by LND's names; older releases leave out the 1. */
export const DUMPED_TYPES = {
  "ChannelAnnouncement": 256,
  "ChannelAnnouncement1": 256,
  "NodeAnnouncement": 257,
  "NodeAnnouncement1": 257,
  "ChannelUpdate": 258,
  "ChannelUpdate1": 258,
} as const;

/**
 * The bytes of a dumped message. @param dump latin1, the lines between `({` and `})`.
 *
 * @throws {DumpFault} when the dump has another form. @throws {BoltFault} when a field does not fit the wire.
 */
export function rebuild(type: 256 | 257 | 258, dump: string): Uint8Array {
  const fields = new Dump(dump);
  if (type === 256) return channelAnnouncement(fields);
  return type === 257 ? nodeAnnouncement(fields) : channelUpdate(fields);
}

function channelAnnouncement(dump: Dump): Uint8Array {
  return encodeMessage({
    type: 256,
    nodeSignature1: dump.signature("NodeSig1"),
    nodeSignature2: dump.signature("NodeSig2"),
    bitcoinSignature1: dump.signature("BitcoinSig1"),
    bitcoinSignature2: dump.signature("BitcoinSig2"),
    features: dump.features(),
    chainHash: dump.chainHash(),
    scid: dump.scid(),
    nodeId1: dump.key("NodeID1"),
    nodeId2: dump.key("NodeID2"),
    bitcoinKey1: dump.key("BitcoinKey1"),
    bitcoinKey2: dump.key("BitcoinKey2"),
    extra: dump.extra(),
  });
}

function channelUpdate(dump: Dump): Uint8Array {
  const fields = {
    type: 258,
    signature: dump.signature("Signature"),
    chainHash: dump.chainHash(),
    scid: dump.scid(),
    timestamp: dump.number("Timestamp"),
    messageFlags: dump.flags("MessageFlags"),
    channelFlags: dump.flags("ChannelFlags"),
    cltvExpiryDelta: dump.number("TimeLockDelta"),
    htlcMinimumMsat: dump.millisatoshi("HtlcMinimumMsat"),
    feeBaseMsat: dump.number("BaseFee"),
    feeProportionalMillionths: dump.number("FeeRate"),
  } as const;
  const maximum = dump.millisatoshi("HtlcMaximumMsat");
  // A decoded copy of one of the extra fields, which are dumped whole.
  dump.skipTo(" ExtraOpaqueData: ");
  const htlcMaximumMsat = fields.messageFlags & 1 ? maximum : null;
  return encodeMessage({ ...fields, htlcMaximumMsat, extra: dump.extra() });
}

function nodeAnnouncement(dump: Dump): Uint8Array {
  return encodeMessage({
    type: 257,
    signature: dump.signature("Signature"),
    features: dump.features(),
    timestamp: dump.number("Timestamp"),
    nodeId: dump.key("NodeID"),
    color: dump.color(),
    alias: dump.alias(),
    ...dump.addresses(),
    extra: dump.extra(),
  });
}

/** A cursor over a dump, whose fields have a fixed order. */
class Dump {
  #at = 0;

  constructor(private readonly text: string) {}

  signature(name: string): Uint8Array {
    this.#expect(` ${name}: (lnwire.Sig) {\n  bytes: ([64]uint8) (len=64 cap=64) {\n`);
    const bytes = this.#hexLines(64);
    this.#until("\n },\n");
    return bytes;
  }

  key(name: string): Uint8Array {
    this.#expect(` ${name}: ([33]uint8) (len=33 cap=33) {\n`);
    const bytes = this.#hexLines(33);
    this.#expect(" },\n");
    return bytes;
  }

  chainHash(): Uint8Array {
    this.#expect(" ChainHash: (chainhash.Hash) (len=32 cap=32) ");
    // Shown the other way round, as Bitcoin does.
    return hexBytes(this.#until(",\n")).reverse();
  }

  scid(): bigint {
    this.#expect(" ShortChannelID: (lnwire.ShortChannelID) ");
    const [block, transaction, output] = this.#until(",\n").split(":").map(whole);
    return scidOf({ block, transaction, output });
  }

  number(name: string): number {
    return whole(this.#value(name));
  }

  /** In binary. */
  flags(name: string): number {
    const digits = this.#value(name);
    if (!/^[01]{8}$/.test(digits)) this.#fail(`${name} in binary`);
    return parseInt(digits, 2);
  }

  millisatoshi(name: string): bigint {
    const [, digits] = this.#value(name).match(/^(\d{1,20}) mSAT$/) ??
      this.#fail(`${name} in mSAT`);
    return BigInt(digits);
  }

  /** A map of bits, in no order. */
  features(): Uint8Array {
    this.#expect(" Features: (*lnwire.RawFeatureVector)(");
    const bits = this.#until("\n }),\n").matchAll(/\(lnwire\.FeatureBit\) (\d{1,6}): /g);
    return featureBitmap([...bits].map(([, bit]) => Number(bit)));
  }

  color(): Uint8Array {
    this.#expect(" RGBColor: (color.RGBA) {\n");
    const color = ["R", "G", "B"].map((name) => whole(this.#value(` ${name}`)));
    if (color.some((each) => each > 255)) this.#fail("a color");
    this.#until("\n },\n");
    return Uint8Array.from(color);
  }

  /** Printed raw, newlines included; NULs at both ends are lost, and none is put in front. */
  alias(): Uint8Array {
    this.#expect(" Alias: (lnwire.NodeAlias) (len=32 cap=32) ");
    // The last one: an alias may imitate it.
    const end = this.text.lastIndexOf(`,\n${ADDRESSES}`);
    const alias = new Uint8Array(ALIAS_BYTES);
    if (end < this.#at || end - this.#at > ALIAS_BYTES) this.#fail("an alias of 32 bytes");
    alias.set(Buffer.from(this.text.slice(this.#at, end), "latin1"));
    this.#at = end + ",\n".length;
    return alias;
  }

  addresses(): { addresses: Address[]; unknownAddresses: Uint8Array } {
    this.#expect(ADDRESSES);
    const addresses: Address[] = [];
    let unknownAddresses = new Uint8Array();
    for (const line of this.#listLines()) {
      const [, kind, text] = line.match(/^\(\*([\w.]+)\)\(0x[0-9a-f]+\)\(([^()]*)\),?$/) ??
        this.#fail("an address");
      if (kind === "lnwire.OpaqueAddrs") unknownAddresses = hexBytes(text);
      else addresses.push(addressOf(kind, text) ?? this.#fail("a known kind of address"));
    }
    return { addresses, unknownAddresses };
  }

  extra(): Uint8Array {
    if (this.text.startsWith(" ExtraOpaqueData: (lnwire.ExtraOpaqueData) ", this.#at)) {
      this.#until("(lnwire.ExtraOpaqueData) ");
    } else this.#fail("ExtraOpaqueData");
    const [head, length] = this.text.slice(this.#at, this.#at + 40)
      .match(/^\(len=(\d{1,5}) cap=\d{1,9}\) \{\n/) ?? [];
    if (head === undefined) return new Uint8Array();
    this.#at += head.length;
    return this.#hexLines(Number(length));
  }

  skipTo(mark: string): void {
    const at = this.text.indexOf(mark, this.#at);
    if (at < 0) this.#fail(mark.trim());
    this.#at = at;
  }

  /** ` Name: (type) value,`. */
  #value(name: string): string {
    this.#expect(` ${name}: (`);
    this.#until(") ");
    return this.#until(",\n");
  }

  #listLines(): string[] {
    if (this.text.startsWith("<nil>,\n", this.#at) || this.text.startsWith("{\n },\n", this.#at)) {
      this.#until(",\n");
      return [];
    }
    this.#until("{\n");
    return this.#until("\n },\n").split("\n").map((line) => line.trim());
  }

  /** `00000000  c9 ed e9 14 62 ad 06 59  37 d5 53 f4 f6 32 1f e7  |....b..Y7.S..2..|`. */
  #hexLines(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; done += 16) {
      const first = this.text.indexOf("0", this.#at) + "00000000  ".length;
      const end = this.text.indexOf("\n", this.#at);
      const count = Math.min(16, length - done);
      if (end < first + 3 * count) this.#fail("bytes in hex");
      for (let i = 0; i < count; i++) {
        const at = first + 3 * i + (i >> 3);
        const value = nibble(this.text.charCodeAt(at)) << 4 | nibble(this.text.charCodeAt(at + 1));
        if (value > 255) this.#fail("bytes in hex");
        bytes[done + i] = value;
      }
      this.#at = end + 1;
    }
    return bytes;
  }

  #expect(text: string): void {
    if (!this.text.startsWith(text, this.#at)) this.#fail(text.trim().split("\n")[0]);
    this.#at += text.length;
  }

  #until(mark: string): string {
    const end = this.text.indexOf(mark, this.#at);
    if (end < 0) this.#fail("more");
    const found = this.text.slice(this.#at, end);
    this.#at = end + mark.length;
    return found;
  }

  #fail(wish: string): never {
    throw new DumpFault("bad_dump", `dump: at ${this.#at} there should be ${wish}`);
  }
}

/** 256 and more for what is no lower-case digit. */
function nibble(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  return code >= 0x61 && code <= 0x66 ? code - 0x61 + 10 : 0x100;
}

const ADDRESSES = " Addresses: ([]net.Addr) ";

/** An address as Go prints it; null when it is none. */
function addressOf(kind: string, text: string): Address | null {
  const [, host, digits] = text.match(/^(.*):(\d{1,5})$/) ?? [];
  if (host === undefined) return null;
  const port = Number(digits);
  const onion = host.replace(/\.onion$/, "").toUpperCase();
  switch (kind) {
    case "net.TCPAddr": {
      const ipv4 = host.match(/^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/)?.slice(1).map(Number);
      if (ipv4) return { type: ADDRESS_TYPES.ipv4, host: Uint8Array.from(ipv4), port };
      const ipv6 = ipv6Bytes(host.replace(/^\[(.*)\]$/, "$1"));
      return ipv6 && { type: ADDRESS_TYPES.ipv6, host: ipv6, port };
    }
    case "tor.OnionAddr":
      if (!/^([A-Z2-7]{16}|[A-Z2-7]{56})$/.test(onion)) return null;
      return {
        type: onion.length === 16 ? ADDRESS_TYPES.torV2 : ADDRESS_TYPES.torV3,
        host: base32.decode(onion),
        port,
      };
    case "lnwire.DNSAddress":
      return { type: ADDRESS_TYPES.dns, host: Buffer.from(host, "latin1"), port };
    default:
      return null;
  }
}

function hexBytes(hex: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.fromHex(hex);
  } catch (cause) {
    throw new DumpFault("bad_dump", "dump: its bytes are not hex", { cause });
  }
}

function whole(digits: string): number {
  if (!/^\d{1,15}$/.test(digits)) throw new DumpFault("bad_dump", "dump: a number is not one");
  return Number(digits);
}
