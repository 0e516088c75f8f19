import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeMessage } from "../../shared/bolt/message.ts";
import { gossipFacts } from "../../shared/bolt/facts.ts";
import { fitsForm, formShares, isGossipType, type RawForm, wholeMessage } from "./encodings.ts";

const FORMS: readonly RawForm[] = ["whole", "behind_type", "behind_signatures"];
const SIGNED_AT: Record<number, number> = { 256: 258, 257: 66, 258: 66 };

function update(scid: bigint, timestamp: number): Uint8Array {
  return encodeMessage({
    type: 258,
    signature: new Uint8Array(64).fill(7),
    chainHash: new Uint8Array(32).fill(3),
    scid,
    timestamp,
    messageFlags: 1,
    channelFlags: 1,
    cltvExpiryDelta: 80,
    htlcMinimumMsat: 1n,
    feeBaseMsat: 1000,
    feeProportionalMillionths: 100,
    htlcMaximumMsat: 100_000n,
  });
}

/** What is kept of a message in a form. */
function kept(whole: Uint8Array, form: RawForm): Uint8Array {
  return form === "whole"
    ? whole
    : whole.subarray(form === "behind_type" ? 2 : SIGNED_AT[gossipFacts(whole).type]);
}

const updates = fc.record({ scid: fc.bigInt(0n, 2n ** 63n - 1n), timestamp: fc.nat(2 ** 31 - 1) });

Deno.test("a message comes back whole from each form, but for signatures that were not kept", () => {
  fc.assert(fc.property(updates, ({ scid, timestamp }) => {
    const whole = update(scid, timestamp);
    const zeros = whole.slice();
    zeros.fill(0, 2, 66);
    for (const form of FORMS) {
      const made = wholeMessage(form, 258, kept(whole, form));
      assert.deepEqual(made, form === "behind_signatures" ? zeros : whole);
      // What is told of it does not depend on the signatures.
      assert.deepEqual(gossipFacts(made!), gossipFacts(whole));
    }
  }));
});

Deno.test("messages fit their own form and no other", () => {
  const some = fc.array(updates, { minLength: 1, maxLength: 5 });
  fc.assert(fc.property(some, fc.constantFrom(...FORMS), (all, form) => {
    const messages = all.map(({ scid, timestamp }) => ({
      type: 258,
      kept: kept(update(scid, timestamp), form),
      scid,
      nodeId: null,
    }));
    const shares = formShares(messages);
    for (const other of FORMS) assert.equal(shares[other], other === form ? 1 : 0, other);
  }));
});

Deno.test("any bytes are of a form or not, and nothing is thrown", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 600 }),
      fc.constantFrom(256, 257, 258),
      (bytes, type) => {
        for (const form of FORMS) {
          fitsForm(form, { type, kept: bytes, scid: null, nodeId: null });
          const whole = wholeMessage(form, type, bytes);
          if (whole !== null) assert.equal(gossipFacts(whole).type, type);
        }
      },
    ),
  );
  assert.equal(formShares([]).whole, 0);
  assert.deepEqual([255, 256, 257, 258, 18].map(isGossipType), [false, true, true, true, false]);
});
