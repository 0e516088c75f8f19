import assert from "node:assert/strict";
import fc from "fast-check";
import { AddressFault } from "./fault.ts";
import { checkOnion, isOnion, ONION_BYTES, onionChecksum, onionName } from "./onion.ts";

/** The Tor Project's own service and DuckDuckGo's. */
const REAL = [
  "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion",
  "duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion",
];

const anyOnion = fc.uint8Array({ minLength: 32, maxLength: 32 })
  .map((key) => onionName(Uint8Array.of(...key, ...onionChecksum(key), 3)));

Deno.test("real onion names have the right checksum", () => {
  for (const name of REAL) {
    assert.ok(isOnion(name));
    checkOnion(name);
  }
});

Deno.test("one changed digit of an onion name is noticed", () => {
  const digit = fc.constantFrom(..."abcdefghijklmnopqrstuvwxyz234567");
  fc.assert(fc.property(anyOnion, fc.nat(51), digit, (name, at, digit) => {
    const changed = name.slice(0, at) + digit + name.slice(at + 1);
    if (changed === name) return;
    // Two bytes of checksum let one change in 65,536 pass.
    try {
      checkOnion(changed);
    } catch (error) {
      assert.equal((error as AddressFault).code, "bad_onion");
      return;
    }
    fc.pre(false);
  }));
});

Deno.test("a descriptor's bytes are a name that passes the check, or are refused", () => {
  const bytes = fc.uint8Array({ minLength: ONION_BYTES, maxLength: ONION_BYTES });
  fc.assert(fc.property(bytes, (bytes) => {
    assert.throws(() => onionName(bytes), { name: "AddressFault", code: "bad_onion" });
  }));
  fc.assert(fc.property(anyOnion, (name) => checkOnion(name)));
});
