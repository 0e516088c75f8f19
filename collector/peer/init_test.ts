import assert from "node:assert/strict";
import fc from "fast-check";
import { chainHash } from "../../shared/bolt/chains.ts";
import { featureBitmap } from "../../shared/bolt/features.ts";
import type { Init } from "../../shared/bolt/init.ts";
import { encodeMessage } from "../../shared/bolt/message.ts";
import type { Network } from "../../shared/bolt/chains.ts";
import { ourInit, readInit } from "./init.ts";

/** Why an init is refused, or null. */
function initObjection(init: Init, network: Network): string | null {
  const read = readInit(encodeMessage(init), network);
  return typeof read === "string" ? read : null;
}

const withBits = (...bits: number[]): Init => ({ type: 16, features: featureBitmap(bits) });

Deno.test("our init offers what every implementation demands, and names the network", () => {
  assert.equal(
    ourInit("bitcoin").toHex(),
    "00100000000620000000aa820120" +
      "6fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000",
  );
});

Deno.test("any feature may be demanded or offered, assigned or not, with or without the one it needs", () => {
  const even = Array.from({ length: 600 }, (_, i) => 2 * i);
  assert.equal(initObjection(withBits(...even), "bitcoin"), null);
  assert.equal(initObjection(withBits(3, 20, 31, 55, 181, 1001), "bitcoin"), null);
  assert.equal(initObjection(withBits(), "bitcoin"), null);
  const init: Init = { ...withBits(1), globalFeatures: featureBitmap([64]) };
  assert.equal(initObjection(init, "bitcoin"), null);
  // basic_mpp without payment_secret, option_zeroconf without option_scid_alias.
  assert.equal(initObjection(withBits(17, 51), "bitcoin"), null);
});

Deno.test("a peer that names its networks must name ours", () => {
  const init: Init = { ...withBits(1), networks: [chainHash("testnet"), chainHash("signet")] };
  assert.equal(initObjection(init, "signet"), null);
  assert.match(initObjection(init, "bitcoin")!, /not on the network bitcoin/);
});

Deno.test("what comes in place of init is told, the peer's words made printable", () => {
  const data = new TextEncoder().encode("too many\npeers");
  const error = encodeMessage({ type: 17, channelId: new Uint8Array(32), data });
  assert.equal(readInit(error, "bitcoin"), 'it said "too many\\u{a}peers" in place of init');
  assert.equal(
    readInit(Uint8Array.fromHex("0201"), "bitcoin"),
    "its first message was 513, not init",
  );
  assert.equal(
    readInit(Uint8Array.fromHex("001300010000"), "bitcoin"),
    "its first message was pong, not init",
  );
  assert.match(
    String(readInit(Uint8Array.fromHex("00"), "bitcoin")),
    /^its first message does not decode/,
  );
  assert.match(
    String(readInit(Uint8Array.fromHex("001000ff"), "bitcoin")),
    /does not decode: init/,
  );
});

Deno.test("any first message is an init or an objection in one printable line", () => {
  const first = fc.oneof(
    fc.uint8Array(),
    fc.uint8Array().map((rest) => new Uint8Array([0, 16, 0, 0, ...rest])),
    fc.uint8Array({ minLength: 40 }).map((rest) => new Uint8Array([0, 17, ...rest])),
  );
  fc.assert(fc.property(first, (raw) => {
    const read = readInit(raw, "bitcoin");
    if (typeof read === "string") assert.match(read, /^\P{Cc}{1,2000}$/u);
    else assert.equal(read.type, 16);
  }));
});
