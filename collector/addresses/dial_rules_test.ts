import assert from "node:assert/strict";
import fc from "fast-check";
import { type DialLists, DialRules, type RefusalCode } from "./dial_rules.ts";
import { ipEndpoint, parseEndpoint } from "./endpoint.ts";

/** The generator of secp256k1 (SEC 2), and 3 G. */
const NODE = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const OTHER = "02f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9";
const ONION = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";

const code = (lists: DialLists, host: string, nodeId = NODE): RefusalCode | undefined =>
  new DialRules(lists).refusal(nodeId, parseEndpoint(host, 9735))?.code;

Deno.test("without lists all public endpoints are dialled and no special ones", () => {
  for (const host of ["1.1.1.1", "[2600::1]", "node.example.com", ONION]) {
    assert.equal(code({}, host), undefined, host);
  }
  for (const host of ["127.0.0.1", "[fd00::1]", "[64:ff9b::a00:1]"]) {
    assert.equal(code({}, host), "special", host);
  }
});

Deno.test("a denied node is never dialled, however it is reached", () => {
  for (const host of ["1.1.1.1", "node.example.com", ONION]) {
    assert.equal(code({ deny: [NODE.toUpperCase()], allow: [NODE] }, host), "denied");
    assert.equal(code({ deny: [NODE] }, host, OTHER), undefined);
  }
});

Deno.test("a denied network is not dialled, nor through a translator", () => {
  const lists = { deny: ["1.1.0.0/16", "2600::/16"], allow: [NODE] };
  for (const host of ["1.1.1.1", "[2600::1]", "[::ffff:1.1.1.1]", "[64:ff9b::101:101]"]) {
    assert.equal(code(lists, host), "denied", host);
  }
  assert.equal(code(lists, "1.2.1.1"), undefined);
});

Deno.test("with an allow list only its nodes and networks are dialled", () => {
  const lists = { allow: [NODE, "9.9.9.0/24"] };
  for (const host of ["1.1.1.1", "node.example.com", ONION]) {
    assert.equal(code(lists, host), undefined, host);
  }
  assert.equal(code(lists, "1.1.1.1", OTHER), "not_allowed");
  assert.equal(code(lists, ONION, OTHER), "not_allowed");
  assert.equal(code(lists, "9.9.9.9", OTHER), undefined);
  assert.equal(code(lists, "a.example.com", OTHER), undefined, "its address will tell");
  assert.equal(code({ allow: [NODE] }, "a.example.com", OTHER), "not_allowed");
});

Deno.test("an allow list opens no special network; opening one does", () => {
  assert.equal(code({ allow: [NODE, "0.0.0.0/0", "10.0.0.0/8"] }, "10.0.0.1"), "special");
  assert.equal(code({ opened: ["10.0.0.0/8"] }, "10.0.0.1"), undefined);
  assert.equal(code({ opened: ["10.0.0.0/8"], deny: ["10.0.0.0/24"] }, "10.0.0.1"), "denied");
  assert.equal(code({ opened: ["10.0.0.0/8"], allow: [OTHER] }, "10.0.0.1"), "not_allowed");
});

Deno.test("a list's entry that is neither a node nor a network is refused", () => {
  for (const entry of ["", "02ab", `04${NODE.slice(2)}`, `02${"ff".repeat(32)}`, "node"]) {
    assert.throws(() => new DialRules({ deny: [entry] }), { code: "bad_node_id" });
  }
  assert.throws(() => new DialRules({ allow: ["10.0.0.1/8"] }), { code: "bad_cidr" });
  assert.throws(() => new DialRules({ opened: [NODE] }), { code: "bad_cidr" });
});

Deno.test("whatever the lists, a special address is dialled only where its network is opened", () => {
  const octets = fc.tuple(fc.constantFrom(10, 127, 192, 9), fc.constantFrom(0, 168), fc.nat(255));
  const lists = fc.record({
    allow: fc.subarray([NODE, OTHER, "0.0.0.0/0", "10.0.0.0/8", "9.0.0.0/8"]),
    deny: fc.subarray([OTHER, "9.0.0.0/16", "192.168.0.0/16"]),
    opened: fc.subarray(["10.0.0.0/8", "192.168.0.0/24"]),
  });
  fc.assert(fc.property(lists, octets, (lists, [a, b, c]) => {
    const end = ipEndpoint(Uint8Array.of(a, b, c, 1), 9735);
    if (new DialRules(lists).refusal(NODE, end) !== null) return;
    if (a === 9 || (a === 192 && b === 0 && c !== 0 && c !== 2)) return;
    assert.ok(lists.opened.includes(a === 10 ? "10.0.0.0/8" : "192.168.0.0/24"));
    assert.ok(a === 10 || (a === 192 && b === 168 && c === 0));
  }));
});

Deno.test("loopback of both families can be opened and allowed", () => {
  const loopback = ["127.0.0.0/8", "::1/128"];
  const rules = new DialRules({ allow: loopback, opened: loopback });
  const codeFor = (text: string) => rules.refusal(NODE, parseEndpoint(text))?.code ?? null;
  assert.deepEqual(
    ["127.0.0.1:1", "[::1]:1", "[::2]:1", "10.0.0.1:1", "192.0.1.1:1"].map(codeFor),
    [null, null, "special", "special", "not_allowed"],
  );
});
