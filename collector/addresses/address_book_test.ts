import assert from "node:assert/strict";
import fc from "fast-check";
import { ADDRESS_TYPES } from "../../shared/bolt/address.ts";
import { seededRandom } from "../../shared/random.ts";
import { publicKeyOf } from "../../shared/secp256k1.ts";
import {
  AddressBook,
  type AddressBookOptions,
  MAX_ADDRESSES_PER_HOST,
  type ReleaseOutcome,
} from "./address_book.ts";
import { DialRules } from "./dial_rules.ts";
import { HOST_KINDS, type NodeAddress, parseEndpoint } from "./endpoint.ts";
import { onionChecksum, onionName } from "./onion.ts";

const HOUR = 3_600_000_000;
const ids = Array.from(
  { length: 301 },
  (_, n) => publicKeyOf(Uint8Array.fromHex((n + 1).toString(16).padStart(64, "0"))).toHex(),
);
const id = (n: number) => ids[n];
const clearnet = (n: number) => parseEndpoint(`9.0.${n >> 8}.${n & 255}:9735`);
const onionKey = (n: number) => new Uint8Array(32).fill(n);
const onionBytes = (n: number) => Uint8Array.of(...onionKey(n), ...onionChecksum(onionKey(n)), 3);
const onion = (n: number) => parseEndpoint(`${onionName(onionBytes(n))}:9735`);

function book(options: Partial<AddressBookOptions> = {}, seed = 1): AddressBook {
  return new AddressBook({
    rules: new DialRules(),
    kinds: new Set(HOST_KINDS),
    torShare: 0,
    ...options,
  }, seededRandom(seed));
}

const failed = (milliseconds: number, more: Partial<ReleaseOutcome> = {}): ReleaseOutcome => ({
  reason: "it failed",
  worked: false,
  concerns: "address",
  wait: () => milliseconds,
  ...more,
});

function takeAll(book: AddressBook, now: number): NodeAddress[] {
  const taken: NodeAddress[] = [];
  for (let next; (next = book.take(now));) taken.push(next);
  return taken;
}

Deno.test("nodes come in a random order that the seed replays, each once until it is given back", () => {
  const order = (seed: number) => {
    const some = book({}, seed);
    for (let n = 0; n < 50; n++) some.learn(id(n), clearnet(n), "file", 0);
    return takeAll(some, 0).map(({ nodeId }) => nodeId);
  };
  assert.deepEqual(order(1), order(1));
  assert.notDeepEqual(order(1), order(2));
  assert.equal(new Set(order(1)).size, 50);
});

Deno.test("a node with many addresses is as likely as one with a single address", () => {
  let many = 0;
  for (let seed = 0; seed < 400; seed++) {
    const some = book({}, seed);
    some.learn(id(1), clearnet(1), "gossip", 0);
    for (let n = 10; n < 17; n++) some.learn(id(2), clearnet(n), "gossip", 0);
    if (some.take(0)!.nodeId === id(2)) many++;
  }
  assert.ok(many > 150 && many < 250, `${many} of 400`);
});

Deno.test("a failed address is left alone for its back-off, and longer each time", () => {
  const some = book();
  some.learn(id(1), clearnet(1), "file", 0);
  let now = 0;
  for (const failures of [1, 2, 3]) {
    const taken = some.take(now)!;
    const wait = (count: number) => count * 1000;
    assert.equal(
      some.release(taken, { reason: "no", worked: false, concerns: "address", wait }, now),
      failures,
    );
    assert.equal(some.soonest(), now + failures * 1_000_000);
    assert.equal(some.take(some.soonest() - 1), undefined);
    now = some.soonest();
  }
  const taken = some.take(now)!;
  some.worked(taken, now);
  assert.equal(some.release(taken, failed(0, { worked: true }), now), 1, "what worked clears it");
});

Deno.test("when one address fails another of the node is tried; when the node fails, none", () => {
  const some = book();
  some.learn(id(1), clearnet(1), "file", 0);
  some.learn(id(1), clearnet(2), "gossip", 0);
  const first = some.take(0)!;
  assert.equal(some.take(0), undefined, "one connection a node");
  assert.equal(some.soonest(), Infinity);
  some.release(first, failed(60_000), 0);
  const second = some.take(0)!;
  assert.notEqual(second.end.host, first.end.host);
  some.release(second, failed(60_000, { concerns: "node" }), 1_000_000);
  assert.equal(some.take(60_000_000), undefined);
  assert.ok(some.take(61_000_000));
});

Deno.test("the address that worked last is tried first, until it fails more than once", () => {
  const some = book();
  for (const n of [1, 2, 3]) some.learn(id(1), clearnet(n), "gossip", 0);
  const good = some.take(0)!;
  some.worked(good, 5);
  some.release(good, failed(0, { worked: true }), 5);
  for (let i = 0; i < 10; i++) {
    const again = some.take(10)!;
    assert.deepEqual(again.end, good.end);
    some.release(again, failed(0, { worked: true }), 10);
  }
  some.release(some.take(10)!, failed(0), 10);
  assert.notDeepEqual(some.take(10)!.end, good.end);
});

Deno.test("an address with the wrong key is dropped, and not taken up again the same day", () => {
  const some = book();
  some.learn(id(1), clearnet(1), "gossip", 0);
  some.release(some.take(0)!, failed(Infinity, { drop: true }), 0);
  assert.equal(some.counts.nodes, 0);
  assert.equal(some.learn(id(1), clearnet(1), "gossip", 23 * HOUR), "dropped");
  assert.equal(some.learn(id(2), clearnet(1), "gossip", 0), null, "the other node may be there");
  assert.equal(some.learn(id(1), clearnet(1), "gossip", 25 * HOUR), null);
});

Deno.test("peers are shared out between clearnet and Tor as asked", () => {
  const some = book({ torShare: 0.25 });
  for (let n = 0; n < 200; n++) some.learn(id(n), n < 100 ? clearnet(n) : onion(n), "gossip", 0);
  const taken = Array.from({ length: 80 }, () => some.take(0)!);
  assert.equal(taken.filter(({ end }) => end.kind === "onion").length, 20);
  assert.deepEqual(some.counts.inUse, { clearnet: 60, tor: 20 });
  for (const one of taken.filter(({ end }) => end.kind === "onion")) {
    some.release(one, failed(0), 0);
  }
  assert.equal(some.take(0)!.end.kind, "onion", "what went is replaced by its like");
});

Deno.test("one network stands in for the other, unless it has no share at all", () => {
  const fill = (torShare: number) => {
    const some = book({ torShare });
    for (let n = 0; n < 10; n++) some.learn(id(n), n < 7 ? clearnet(n) : onion(n), "gossip", 0);
    return takeAll(some, 0).map(({ end }) => end.kind);
  };
  assert.equal(fill(0.9).length, 10);
  assert.ok(fill(0).every((kind) => kind === "ipv4") && fill(0).length === 7);
  assert.ok(fill(1).every((kind) => kind === "onion") && fill(1).length === 3);
});

Deno.test("kinds that are off are kept and not handed out", () => {
  const some = book({ kinds: new Set(["ipv4"]), torShare: 0.5 });
  some.learn(id(1), clearnet(1), "gossip", 0);
  some.learn(id(2), parseEndpoint("[2600::1]:9735"), "gossip", 0);
  some.learn(id(3), onion(3), "gossip", 0);
  some.learn(id(4), parseEndpoint("node.example.com:9735"), "gossip", 0);
  assert.deepEqual(takeAll(some, 0).map(({ nodeId }) => nodeId), [id(1)]);
  assert.deepEqual(some.counts.addresses, { ipv4: 1, ipv6: 1, dns: 1, onion: 1 });
});

Deno.test("what may not be dialled is not taken up, whoever tells", () => {
  const rules = new DialRules({ deny: [id(5), "9.9.0.0/16"] });
  const some = book({ rules });
  const told = (text: string, node = 1) => some.learn(id(node), parseEndpoint(text), "gossip", 0);
  assert.equal(told("127.0.0.1:9735"), "special");
  assert.equal(told("[fd00::1]:9735"), "special");
  assert.equal(told("9.9.9.9:9735"), "denied");
  assert.equal(told("9.8.9.9:9735", 5), "denied");
  assert.equal(told("router.lan:9735"), "local_name");
  assert.equal(some.learn(id(1), parseEndpoint("router.lan:9735"), "file", 0), null);
  const { refused } = some.counts;
  assert.deepEqual([refused.special, refused.denied, refused.local_name], [2, 2, 1]);
  assert.equal(some.counts.nodes, 1);
});

Deno.test("a host has so many addresses and no more, unless the operator names them", () => {
  const some = book();
  const end = (n: number) => parseEndpoint(`9.0.0.1:${1000 + n}`);
  const told = (n: number, source: "gossip" | "dns_seed" | "file") =>
    some.learn(id(n), end(n), source, 0);
  for (let n = 0; n < MAX_ADDRESSES_PER_HOST; n++) assert.equal(told(n, "gossip"), null);
  assert.deepEqual([told(100, "gossip"), told(101, "dns_seed")], ["crowded", "crowded"]);
  assert.equal(told(0, "gossip"), null, "it is known");
  assert.equal(told(102, "file"), null);
  assert.equal(some.counts.refused.crowded, 2);
  assert.equal(some.counts.nodes, MAX_ADDRESSES_PER_HOST + 1);

  const again = book();
  const records = [...some.records()];
  const stranger = { ...records[0], nodeId: id(100) };
  again.restore(structuredClone([...records, stranger]), 0);
  assert.equal(again.counts.nodes, MAX_ADDRESSES_PER_HOST + 1);
  assert.equal(again.counts.refused.crowded, 1);

  for (const { nodeId, end } of takeAll(some, 0)) {
    some.release({ nodeId, end }, failed(Infinity, { drop: true }), 0);
  }
  assert.equal(told(103, "gossip"), null, "what goes leaves its place");
});

Deno.test("between two dials to a host there is a gap, unless the operator names the address", () => {
  const some = book({ hostGapMs: 10_000 });
  const end = (n: number) => parseEndpoint(`9.0.0.1:${1000 + n}`);
  for (const n of [1, 2, 3]) some.learn(id(n), end(n), "gossip", 0);
  some.learn(id(4), clearnet(400), "gossip", 0);
  for (let times = 1; times <= 3; times++) {
    const now = (times - 1) * 10_000_000;
    const taken = takeAll(some, now);
    assert.equal(taken.filter(({ end: { host } }) => host === "9.0.0.1").length, 1);
    assert.equal(taken.length, times === 1 ? 2 : 1);
    assert.equal(some.soonest(), times === 3 ? Infinity : now + 10_000_000);
    some.learn(id(10 + times), end(10 + times), "file", now);
    assert.equal(some.take(now)?.nodeId, id(10 + times));
  }
});

Deno.test("a node_announcement's addresses replace those of the one before it", () => {
  const some = book({ maxAddressesPerNode: 4 });
  const ipv4 = (n: number) => ({
    type: ADDRESS_TYPES.ipv4,
    host: Uint8Array.of(9, 0, 0, n),
    port: 9735,
  });
  const nodeId = Uint8Array.fromHex(id(1));
  const known = () =>
    [...some.records()].flatMap(({ addresses }) => addresses.map(({ end }) => end.host));
  some.learn(id(1), clearnet(9), "file", 0);
  some.learnAnnouncement({ nodeId, timestamp: 100, addresses: [ipv4(1), ipv4(2)] }, 0);
  assert.deepEqual(known(), ["9.0.0.9", "9.0.0.1", "9.0.0.2"]);
  const bad = { type: ADDRESS_TYPES.torV2, host: new Uint8Array(10), port: 9735 };
  some.learnAnnouncement({ nodeId, timestamp: 101, addresses: [bad, ipv4(2), ipv4(9)] }, 0);
  assert.deepEqual(known(), ["9.0.0.9", "9.0.0.2"]);
  some.learnAnnouncement({ nodeId, timestamp: 99, addresses: [ipv4(7)] }, 0);
  assert.deepEqual(known(), ["9.0.0.9", "9.0.0.2"], "old news");
  some.learnAnnouncement({ nodeId, timestamp: 102, addresses: [] }, 0);
  assert.deepEqual(known(), ["9.0.0.9"], "the file still says so");
  assert.equal([...some.records()][0].announcedAt, 102);
  assert.equal(some.counts.refused.invalid, 1);
});

Deno.test("a book taken over from an earlier run keeps what it knew, by today's rules", () => {
  const before = book();
  for (let n = 0; n < 20; n++) before.learn(id(n), clearnet(n), "gossip", 0);
  const [first, second, third] = [before.take(0)!, before.take(0)!, before.take(0)!];
  before.release(first, failed(3_600_000), 0);
  before.release(second, failed(1e12, { concerns: "node" }), 0);
  const rules = new DialRules({ deny: [third.nodeId] });
  const after = book({ rules }, 2);
  after.restore(structuredClone([...before.records()]), 0);
  assert.equal(after.counts.nodes, 19);
  const now = takeAll(after, 0).map(({ nodeId }) => nodeId);
  assert.ok(!now.includes(first.nodeId) && !now.includes(second.nodeId) && now.length === 17);
  assert.equal(after.take(HOUR)!.nodeId, first.nodeId);
  // 1e12 ms are 31 years: a clock was wrong.
  assert.equal(after.take(48 * HOUR)!.nodeId, second.nodeId);
});

Deno.test("a full book lets go of nodes that never worked, and of none that is in use", () => {
  const some = book({ maxNodes: 16 });
  for (let n = 0; n < 16; n++) some.learn(id(n), clearnet(n), "gossip", n);
  const taken = [some.take(20)!, some.take(20)!];
  for (let n = 100; n < 200; n++) some.learn(id(n), clearnet(n), "gossip", n);
  assert.equal(some.counts.nodes, 16);
  const known = new Set([...some.records()].map(({ nodeId }) => nodeId));
  for (const { nodeId } of taken) assert.ok(known.has(nodeId));
  assert.equal(some.counts.nodesDropped, 100);
  // All that are left, and none that is gone, is handed out.
  assert.deepEqual(new Set(takeAll(some, 300).concat(taken).map(({ nodeId }) => nodeId)), known);
});

Deno.test("whatever happens, no node is lost or handed out twice, and none before it is due", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("take" as const), after: fc.nat(50) }),
    fc.record({ kind: fc.constant("learn" as const), node: fc.nat(8), host: fc.nat(300) }),
    fc.record({
      kind: fc.constant("release" as const),
      which: fc.nat(),
      wait: fc.constantFrom(0, 20, 100),
      worked: fc.boolean(),
      concerns: fc.constantFrom("node" as const, "address" as const),
      drop: fc.constantFrom(false, false, false, true),
    }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), fc.nat(), (steps, seed) => {
    const some = book({ torShare: 0.5 }, seed);
    const held = new Map<string, NodeAddress>();
    const notBefore = new Map<string, number>();
    let now = 0;
    for (const step of steps) {
      if (step.kind === "learn") {
        const end = step.host % 3 === 0 ? onion(step.host % 256) : clearnet(step.host);
        some.learn(id(step.node), end, "gossip", now);
      } else if (step.kind === "take") {
        now += step.after * 1000;
        const due = some.soonest();
        const taken = some.take(now);
        assert.equal(taken !== undefined, due <= now);
        if (!taken) continue;
        assert.ok(!held.has(taken.nodeId));
        assert.ok((notBefore.get(taken.nodeId) ?? 0) <= now);
        held.set(taken.nodeId, taken);
      } else if (held.size > 0) {
        const back = [...held.values()][step.which % held.size];
        held.delete(back.nodeId);
        some.release(back, { ...step, reason: "no", wait: () => step.wait }, now);
        if (step.concerns === "node") notBefore.set(back.nodeId, now + step.wait * 1000);
        // With its last address a node's record goes.
        const known = new Set([...some.records()].map(({ nodeId }) => nodeId));
        if (!known.has(back.nodeId)) notBefore.delete(back.nodeId);
      }
    }
    const rest = takeAll(some, Number.MAX_SAFE_INTEGER).map(({ nodeId }) => nodeId);
    const known = [...some.records()].map(({ nodeId }) => nodeId);
    assert.deepEqual(new Set(known.filter((nodeId) => !held.has(nodeId))), new Set(rest));
    assert.equal(new Set(rest).size, rest.length);
  }));
});
