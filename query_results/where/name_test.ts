import fc from "fast-check";
import assert from "node:assert/strict";
import { scidText } from "../../shared/bolt/scid.ts";
import { UserError } from "../../shared/errors.ts";
import { aliasText, nearAliases, type Reading, readingsOf, withAlias } from "./name.ts";

const kinds = (name: string) => readingsOf(name).map(({ kind }) => kind);
const hex = (text: string) => new TextEncoder().encode(text).toHex().padEnd(64, "0");

Deno.test("both forms of a scid mean the same channel, signed as in the archive", () => {
  fc.assert(fc.property(fc.bigInt(0n, 2n ** 64n - 1n), (scid) => {
    const wanted: Reading = { kind: "channel", scid: BigInt.asIntN(64, scid) };
    const forms = [
      ...[scidText(scid), scidText(scid).replaceAll("x", ":"), String(scid)],
      ...[String(BigInt.asIntN(64, scid)), ` ${scid} `],
    ];
    for (const form of forms) assert.deepEqual(readingsOf(form)[0], wanted, form);
  }));
});

Deno.test("node ids, their prefixes, and digests are told apart; all else is an alias", () => {
  assert.deepEqual(kinds("02" + "Ab".repeat(32)), ["node", "alias"]);
  assert.deepEqual(kinds("02abcdef01"), ["node", "message", "alias"]);
  assert.deepEqual(kinds("c80254900c45"), ["message", "alias"]);
  assert.deepEqual(kinds("03abcd"), ["node", "alias"]);
  assert.deepEqual(kinds("03abc"), ["alias"]);
  assert.deepEqual(kinds("ab".repeat(32)), ["message", "alias"]);
  assert.deepEqual(kinds("02".repeat(32)), ["message", "node", "alias"]);
  assert.deepEqual(kinds("021234"), ["channel", "node", "alias"]);
  assert.deepEqual(kinds("02123456"), ["channel", "node", "message", "alias"]);
  assert.deepEqual(kinds("ACINQ"), ["alias"]);
  assert.deepEqual(readingsOf("alias:021234"), [{ kind: "alias", alias: "021234" }]);
});

Deno.test("any text has readings or is refused in one line that lists the forms", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 150 }), (text) => {
    try {
      const readings = readingsOf(text);
      assert.equal(readings.at(-1)!.kind, "alias");
    } catch (error) {
      assert.ok(error instanceof UserError && !error.message.includes("\n"), `${error}`);
    }
  }));
  assert.throws(() => readingsOf(" "), /NAME is a channel \(863846x913x104 or/);
  assert.throws(() => readingsOf("99999999x1x1"), /of 24, 24 and 16 bits/);
  assert.throws(() => readingsOf("x".repeat(101)), /^UserError: Cannot read the name "x/);
});

Deno.test("an alias is matched exactly, else in any case, and its neighbours are found", () => {
  const entries = ["ACINQ", "acinq", "ACINQ-2", "Bitrefill", "\u202ebad", ""].map((alias, i) => ({
    nodeId: `02${i}`,
    hex: hex(alias),
  }));
  const ids = (name: string) => withAlias(name, entries).map(({ nodeId }) => nodeId);
  assert.deepEqual(ids("ACINQ"), ["020"]);
  assert.deepEqual(ids("Acinq"), ["020", "021"]);
  assert.deepEqual(ids("bitrefil"), []);
  assert.deepEqual(nearAliases("bitrefil", entries), ["Bitrefill"]);
  assert.deepEqual(nearAliases("zzzzzz", entries), []);
  fc.assert(fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
    const entry = { nodeId: "02", hex: bytes.toHex() };
    assert.equal(withAlias(aliasText(entry.hex), [entry]).length, 1);
  }));
});
