import assert from "node:assert/strict";
import fc from "fast-check";
import { addressOf, type NodeRecord, NodeTable } from "./node_table.ts";
import { ipEndpoint } from "./endpoint.ts";

const end = (n: number) => ipEndpoint(Uint8Array.of(9, 0, n >> 8, n & 255), 9735);
const hosts = (node: NodeRecord) => node.addresses.map((address) => address.end.host);

function table(maxNodes: number, maxAddressesPerNode: number, held: readonly string[] = []) {
  const removed: string[] = [];
  const self = new NodeTable({
    maxNodes,
    maxAddressesPerNode,
    isHeld: ({ nodeId }) => held.includes(nodeId),
    onRemoved: ({ nodeId }) => removed.push(nodeId),
  });
  return { self, removed };
}

Deno.test("an address told by several sources is one address that names them all", () => {
  const { self } = table(10, 4);
  assert.deepEqual(self.learn("a", end(1), "file", 5)[1], true);
  assert.deepEqual(self.learn("a", end(1), "gossip", 6)[1], false);
  assert.deepEqual(self.learn("a", end(1), "file", 7)[1], false);
  assert.deepEqual(self.get("a")!.addresses, [{
    end: end(1),
    sources: ["file", "gossip"],
    firstSeen: 5,
    lastTried: null,
    lastWorked: null,
    failures: 0,
    lastFailure: null,
    notBefore: 0,
  }]);
});

Deno.test("a node with too many addresses loses the oldest that never worked, then the one that worked longest ago", () => {
  const { self } = table(10, 3);
  for (const n of [1, 2, 3]) self.learn("a", end(n), "gossip", n);
  const node = self.get("a")!;
  addressOf(node, end(1))!.lastWorked = 100;
  self.learn("a", end(4), "gossip", 4);
  assert.deepEqual(hosts(node), ["9.0.0.1", "9.0.0.3", "9.0.0.4"]);
  addressOf(node, end(3))!.lastWorked = 99;
  addressOf(node, end(4))!.lastWorked = 101;
  self.learn("a", end(5), "gossip", 5);
  assert.deepEqual(hosts(node), ["9.0.0.1", "9.0.0.4", "9.0.0.5"]);
  assert.equal(self.addressesDropped, 2);
});

Deno.test("a full table drops the oldest nodes that never worked, and none that is held", () => {
  const { self, removed } = table(32, 4, ["node 1"]);
  for (let n = 0; n < 32; n++) self.learn(`node ${n}`, end(n), "gossip", n);
  for (const n of [0, 3]) self.get(`node ${n}`)!.addresses[0].lastWorked = 1000 + n;
  assert.deepEqual(removed, []);
  self.learn("new", end(99), "gossip", 99);
  // A sixteenth of 32 at once.
  assert.deepEqual(removed, ["node 2", "node 4"]);
  assert.equal(self.nodesDropped, 2);
  assert.equal(self.size, 31);
});

Deno.test("when all nodes have worked, those go that worked longest ago", () => {
  const { self, removed } = table(4, 4);
  for (let n = 0; n < 4; n++) {
    self.learn(`node ${n}`, end(n), "gossip", n);
    self.get(`node ${n}`)!.addresses[0].lastWorked = 100 - n;
  }
  self.learn("new", end(99), "gossip", 99);
  assert.deepEqual(removed, ["node 3"]);
});

Deno.test("a node put in again takes the place of the old one", () => {
  const { self, removed } = table(4, 1);
  self.learn("a", end(1), "gossip", 1);
  const [address] = self.get("a")!.addresses;
  const worked = { ...address, end: end(2), lastWorked: 7 };
  self.put({ nodeId: "a", announcedAt: null, notBefore: 0, addresses: [worked, address] });
  assert.deepEqual(removed, ["a"]);
  assert.equal(self.size, 1);
  assert.deepEqual(hosts(self.get("a")!), ["9.0.0.2"]);
});

Deno.test("a node whose last address goes is removed", () => {
  const { self, removed } = table(4, 4);
  for (const n of [1, 2]) self.learn("a", end(n), "gossip", n);
  self.keep(self.get("a")!, (address) => address.end.host === "9.0.0.2");
  assert.deepEqual(removed, []);
  self.keep(self.get("a")!, () => false);
  assert.deepEqual(removed, ["a"]);
  assert.equal(self.get("a"), undefined);
});

Deno.test("whatever is learned, the table stays within its bounds", () => {
  const told = fc.tuple(fc.nat(30), fc.nat(6), fc.boolean());
  fc.assert(fc.property(fc.array(told, { maxLength: 200 }), (all) => {
    const { self } = table(8, 3);
    for (const [i, [node, address, worked]] of all.entries()) {
      const [record, isNew] = self.learn(`node ${node}`, end(address), "gossip", i);
      assert.equal(self.get(`node ${node}`), record);
      if (isNew && worked) addressOf(record, end(address))!.lastWorked = i;
    }
    assert.ok(self.size <= 8);
    let count = 0;
    for (const { addresses } of self.nodes()) {
      assert.ok(addresses.length >= 1 && addresses.length <= 3);
      count += addresses.length;
    }
    assert.equal(self.addressesByKind().ipv4, count);
  }));
});
