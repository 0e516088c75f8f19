import assert from "node:assert/strict";
import { addressLine, channelLine, nodeLine } from "./dump_lists.ts";
import { sortList } from "../addresses/list.ts";
import { parseNodeAddress } from "../addresses/endpoint.ts";

/** The generator of secp256k1 (SEC 2), and 3 G. */
const KEY = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const OTHER = "02f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9";

Deno.test("each list has its lines", () => {
  assert.equal(nodeLine(KEY), `${KEY}\n`);
  // 863846x913x104; and a scid above 2^63, which the archive has as a signed number.
  const scid = 863846n << 40n | 913n << 16n | 104n;
  assert.equal(channelLine(scid, [KEY, OTHER]), `949808721667620968,${KEY},${OTHER}\n`);
  assert.equal(channelLine(-1n, [KEY, OTHER]).split(",")[0], "18446744073709551615");
});

Deno.test("an address list is read as it was written", () => {
  const address = parseNodeAddress(`${KEY}@[2600::1]:9735`);
  assert.equal(addressLine(address), `${KEY}@[2600::1]:9735\n`);
  assert.equal(addressLine(address, 7), `${KEY}@[2600::1]:9735,7\n`);
  assert.deepEqual(sortList(addressLine(address, 7), 7).clearnet, [`${KEY}@[2600::1]:9735,7`]);
});
