import assert from "node:assert/strict";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { sha256 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import {
  ecdh,
  generatePrivateKey,
  isPublicKey,
  Point,
  publicKeyOf,
  signGossip,
  verifyGossip,
} from "./secp256k1.ts";

const N = secp256k1.Point.CURVE().n;
const privateKeyOf = (d: bigint) => Uint8Array.fromHex(d.toString(16).padStart(64, "0"));
const pointOf = (publicKey: Uint8Array) => Point.read(publicKey)!;
const toBigInt = (bytes: Uint8Array) => BigInt(`0x${bytes.toHex()}`);
const privateKeys = fc.bigInt({ min: 1n, max: N - 1n }).map(privateKeyOf);
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

/** The signature with n − s in place of s. */
function otherS(signature: Uint8Array): Uint8Array {
  const other = signature.slice();
  other.set(privateKeyOf(N - toBigInt(signature.subarray(32))), 32);
  return other;
}

function nobleVerify(signature: Uint8Array, signed: Uint8Array, publicKey: Uint8Array): boolean {
  const digest = sha256(sha256(signed));
  try {
    return secp256k1.verify(signature, digest, publicKey, { prehash: false, lowS: false });
  } catch {
    return false;
  }
}

Deno.test("public keys and ECDH agree with noble", () => {
  fc.assert(
    fc.property(privateKeys, privateKeys, (own, other) => {
      const publicKey = publicKeyOf(other);
      assert.deepEqual(publicKey, secp256k1.getPublicKey(other, true));
      const shared = secp256k1.getSharedSecret(own, publicKey, true);
      assert.deepEqual(new Uint8Array(ecdh(own, pointOf(publicKey))), sha256(shared));
    }),
    { numRuns: 150 },
  );
});

Deno.test("ECDH agrees with noble at the ends of the key range and for an x with leading zeros", () => {
  const small = Array.from({ length: 1000 }, (_, i) => BigInt(i + 1)).filter((d) =>
    publicKeyOf(privateKeyOf(d))[1] === 0
  );
  assert.ok(small.length > 0);
  const one = publicKeyOf(privateKeyOf(1n));
  const third = publicKeyOf(privateKeyOf(3n));
  for (const d of [1n, 2n, N - 3n, N - 2n, N - 1n, ...small]) {
    const key = privateKeyOf(d);
    assert.deepEqual(
      new Uint8Array(ecdh(key, pointOf(one))),
      sha256(publicKeyOf(key)),
      `${d} times G`,
    );
    const shared = secp256k1.getSharedSecret(key, third, true);
    assert.deepEqual(new Uint8Array(ecdh(key, pointOf(third))), sha256(shared), `${d} times 3 G`);
  }
});

Deno.test("both sides of an ECDH find the same secret", () => {
  fc.assert(fc.property(privateKeys, privateKeys, (a, b) => {
    assert.deepEqual(ecdh(a, pointOf(publicKeyOf(b))), ecdh(b, pointOf(publicKeyOf(a))));
  }));
});

Deno.test("signatures are noble's, byte for byte, and verify on both sides with either s", () => {
  fc.assert(
    fc.property(privateKeys, fc.uint8Array({ maxLength: 600 }), (privateKey, signed) => {
      const publicKey = publicKeyOf(privateKey);
      const signature = signGossip(privateKey, signed);
      const digest = sha256(sha256(signed));
      assert.deepEqual(signature, secp256k1.sign(digest, privateKey, { prehash: false }));
      for (const either of [signature, otherS(signature)]) {
        assert.equal(nobleVerify(either, signed, publicKey), true);
        assert.equal(verifyGossip(either, signed, publicKey), true);
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("a signature with one bit changed, or over other bytes, or by another key, is refused", () => {
  const signed = new TextEncoder().encode("gossip");
  const privateKey = privateKeyOf(7n), publicKey = publicKeyOf(privateKey);
  const signature = signGossip(privateKey, signed);
  for (let bit = 0; bit < 512; bit += 5) {
    const changed = signature.slice();
    changed[bit >> 3] ^= 1 << (bit & 7);
    assert.equal(verifyGossip(changed, signed, publicKey), false, `bit ${bit}`);
  }
  assert.equal(verifyGossip(signature, signed.subarray(1), publicKey), false);
  assert.equal(verifyGossip(signature, signed, publicKeyOf(privateKeyOf(8n))), false);
});

Deno.test("verification of any bytes agrees with noble and never throws", () => {
  // r and s around the limits matter more than random ones, which are nearly all valid numbers.
  const edge = fc.constantFrom(0n, 1n, N / 2n, N / 2n + 1n, N - 1n, N, N + 1n, 2n ** 256n - 1n);
  const number = fc.oneof(edge.map(privateKeyOf), bytes(32));
  const signatures = fc.tuple(number, number).map(([r, s]) => new Uint8Array([...r, ...s]));
  const points = fc.oneof(privateKeys.map(publicKeyOf), bytes(33));
  fc.assert(
    fc.property(signatures, points, (signature, publicKey) => {
      const signed = new Uint8Array([1, 2, 3]);
      assert.equal(
        verifyGossip(signature, signed, publicKey),
        nobleVerify(signature, signed, publicKey),
      );
    }),
    { numRuns: 200 },
  );
});

Deno.test("verification of bytes of any length is false, not an error", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 80 }),
      fc.uint8Array({ maxLength: 80 }),
      (signature, publicKey) => {
        assert.equal(verifyGossip(signature, new Uint8Array(0), publicKey), false);
      },
    ),
  );
});

Deno.test("what is a public key agrees with noble", () => {
  const near = bytes(33).map((key) => {
    key[0] &= 7; // every first byte of SEC 1 and the draft forms around it
    return key;
  });
  fc.assert(fc.property(fc.oneof(near, fc.uint8Array({ maxLength: 70 })), (key) => {
    assert.equal(isPublicKey(key), secp256k1.utils.isValidPublicKey(key, true));
  }));
});

Deno.test("what is no private key is refused by a TypeError that does not show it", () => {
  const publicKey = publicKeyOf(privateKeyOf(1n));
  const none = [
    new Uint8Array(0),
    new Uint8Array(31).fill(0xab),
    new Uint8Array(33).fill(0xab),
    new Uint8Array(32),
    privateKeyOf(N),
    new Uint8Array(32).fill(0xff),
  ];
  for (const key of none) {
    const refusal = (error: unknown) =>
      error instanceof TypeError && error.message.includes("private key") &&
      (key.length === 0 || !error.message.includes(key.toHex().slice(0, 8)));
    assert.throws(() => publicKeyOf(key), refusal);
    assert.throws(() => ecdh(key, pointOf(publicKey)), refusal);
    assert.throws(() => signGossip(key, new Uint8Array(1)), refusal);
  }
  assert.equal(Point.read(new Uint8Array(33)), null);
});

Deno.test("fresh private keys are keys and differ", () => {
  const keys = Array.from({ length: 20 }, () => generatePrivateKey());
  for (const key of keys) assert.ok(isPublicKey(publicKeyOf(key)));
  assert.equal(new Set(keys.map((bytes) => bytes.toHex())).size, keys.length);
});
