import assert from "node:assert/strict";
import fc from "fast-check";
import { generatePrivateKey, publicKeyOf } from "../../shared/secp256k1.ts";
import { NoiseFault } from "./fault.ts";
import { initiate, respond } from "./handshake.ts";

const key = (byte: number) => new Uint8Array(32).fill(byte);
const INITIATOR = { privateKey: key(0x11), ephemeralKey: key(0x12) };
const RESPONDER = { privateKey: key(0x21), ephemeralKey: key(0x22) };
const remotePublicKey = publicKeyOf(RESPONDER.privateKey);

/** Runs `parse`: true when it gave a value, false when it refused with a typed fault. */
function accepts(parse: () => unknown): boolean {
  try {
    parse();
    return true;
  } catch (error) {
    if (error instanceof NoiseFault) return false;
    throw error;
  }
}

Deno.test("after a handshake with fresh keys both sides hold the same keys, mirrored", () => {
  for (let i = 0; i < 20; i++) {
    const [a, b] = [generatePrivateKey(), generatePrivateKey()];
    const initiation = initiate({
      privateKey: a,
      ephemeralKey: generatePrivateKey(),
      remotePublicKey: publicKeyOf(b),
    });
    const response = respond(
      { privateKey: b, ephemeralKey: generatePrivateKey() },
      initiation.actOne,
    );
    const { actThree, keys: ours } = initiation.finish(response.actTwo);
    const theirs = response.finish(actThree);
    assert.deepEqual(ours.sendingKey, theirs.receivingKey);
    assert.deepEqual(ours.receivingKey, theirs.sendingKey);
    assert.deepEqual(ours.chainingKey, theirs.chainingKey);
    assert.notDeepEqual(ours.sendingKey, ours.receivingKey);
    assert.deepEqual(ours.remotePublicKey, publicKeyOf(b));
    assert.deepEqual(theirs.remotePublicKey, publicKeyOf(a));
  }
});

Deno.test("an act of any bytes is accepted or refused by a typed fault", () => {
  const initiation = initiate({ ...INITIATOR, remotePublicKey });
  const response = respond(RESPONDER, initiation.actOne);
  const { actThree } = initiation.finish(response.actTwo);
  for (
    const [act, parse] of [
      [initiation.actOne, (bytes: Uint8Array) => respond(RESPONDER, bytes)],
      [response.actTwo, (bytes: Uint8Array) => initiation.finish(bytes)],
      [actThree, (bytes: Uint8Array) => response.finish(bytes)],
    ] as const
  ) {
    // Random bytes hardly pass the first check, so most runs change a few bytes of a good act.
    const near = fc.array(fc.tuple(fc.nat(act.length - 1), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 3,
    }).map((changes) => {
      const bytes = act.slice();
      for (const [at, flip] of changes) bytes[at] ^= flip;
      return bytes;
    });
    const any = fc.oneof({ weight: 3, arbitrary: near }, fc.uint8Array({ maxLength: 100 }));
    assert.equal(accepts(() => parse(act)), true);
    fc.assert(fc.property(any, (bytes) => {
      const same = bytes.length === act.length && bytes.every((byte, i) => byte === act[i]);
      assert.equal(accepts(() => parse(bytes)), same);
    }));
  }
});

Deno.test("a refused act leaves the handshake as it was: the right act still finishes it", () => {
  const initiation = initiate({ ...INITIATOR, remotePublicKey });
  const response = respond(RESPONDER, initiation.actOne);
  const bad = response.actTwo.slice();
  bad[49] ^= 1;
  assert.equal(accepts(() => initiation.finish(bad)), false);
  assert.equal(accepts(() => initiation.finish(response.actTwo)), true);
});

Deno.test("an initiator that expects another static key is refused at act one", () => {
  const { actOne } = initiate({ ...INITIATOR, remotePublicKey: publicKeyOf(key(0x31)) });
  assert.throws(() => respond(RESPONDER, actOne), { code: "bad_mac" });
});

Deno.test("a remote key that is no point is refused before anything is sent", () => {
  for (const bad of [new Uint8Array(33), new Uint8Array(32), key(2)]) {
    assert.throws(() => initiate({ ...INITIATOR, remotePublicKey: bad }), { code: "bad_key" });
  }
});
