import assert from "node:assert/strict";
import { chainHash } from "../../shared/bolt/chains.ts";
import { featureBitmap, FEATURES } from "../../shared/bolt/features.ts";
import type { Init } from "../../shared/bolt/init.ts";
import { toHex } from "../../shared/text.ts";
import { initObjection, ourInit } from "./init.ts";

const withBits = (...bits: number[]): Init => ({ type: 16, features: featureBitmap(bits) });

Deno.test("our init offers what every implementation demands, and names the network", () => {
  assert.equal(
    toHex(ourInit("bitcoin")),
    "00100000000620000000aa820120" +
      "6fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000",
  );
});

Deno.test("every assigned feature may be demanded, and any odd one offered", () => {
  assert.equal(initObjection(withBits(...FEATURES.map(({ bit }) => bit)), "bitcoin"), null);
  assert.equal(initObjection(withBits(3, 20, 31, 55, 181, 1001), "bitcoin"), null);
  assert.equal(initObjection(withBits(), "bitcoin"), null);
});

Deno.test("a demand for an unknown feature ends the connection, in either bitmap", () => {
  assert.match(initObjection(withBits(1, 180, 1000), "bitcoin")!, /bits 180, 1000$/);
  const init: Init = { ...withBits(1), globalFeatures: featureBitmap([64]) };
  assert.match(initObjection(init, "bitcoin")!, /bits 64$/);
});

Deno.test("a feature without the one that it needs ends the connection", () => {
  assert.match(initObjection(withBits(17), "bitcoin")!, /basic_mpp lacks/);
});

Deno.test("a peer that names its networks must name ours", () => {
  const init: Init = { ...withBits(1), networks: [chainHash("testnet"), chainHash("signet")] };
  assert.equal(initObjection(init, "signet"), null);
  assert.match(initObjection(init, "bitcoin")!, /not on the network bitcoin/);
});
