import assert from "node:assert/strict";
import fc from "fast-check";
import { ChannelKeys, checkMessage } from "../../collector/gossip/verify.ts";
import { Verifier } from "../../collector/gossip/verifier.ts";
import { VERDICTS } from "../../shared/batch/batch.ts";
import { chainHash } from "../../shared/bolt/chains.ts";
import { scidOf } from "../../shared/bolt/scid.ts";
import { signedPart } from "../../shared/bolt/signed.ts";
import { signGossip } from "../../shared/secp256k1.ts";
import {
  channelAnnouncement,
  channelUpdate,
  nodeAnnouncement,
  signedGraph,
  testKey,
} from "../support/fixtures/signed_gossip.ts";

const chain = chainHash("regtest");
const scid = scidOf({ block: 100, transaction: 1, output: 0 });
const nodes = [testKey("a"), testKey("b")] as const;
const strangers = [testKey("c"), testKey("d")] as const;
const announcement = channelAnnouncement({ scid, nodes });
const update = channelUpdate({ scid, nodes, direction: 0, timestamp: 1_700_000_000 });

const old = channelUpdate({
  scid,
  nodes,
  direction: 1,
  timestamp: 1_600_000_000,
  withoutMaximum: true,
});

/** The message with one byte of its text changed, so that its signatures do not hold. */
function tampered(raw: Uint8Array): Uint8Array {
  const copy = raw.slice();
  copy[copy.length - 1] ^= 1;
  return copy;
}

/** A verifier and what it tells. */
function watched() {
  const verdicts = new Map<number, string>();
  const bad: string[] = [];
  const verifier = new Verifier({
    chain,
    onVerdict: (number, verdict) => {
      assert.ok(!verdicts.has(number), `two verdicts on ${number}`);
      verdicts.set(number, verdict);
    },
    onBad: ({ source, number, verdict, proven }) =>
      bad.push(`${number} from ${source} ${verdict} ${proven}`),
  });
  return { verifier, verdicts, bad };
}

Deno.test("an update from before htlc_maximum_msat was compulsory is verified", async () => {
  assert.equal(old.length, 130);
  const { verifier, verdicts, bad } = watched();
  [announcement, old, tampered(old)].forEach((raw, number) => {
    verifier.push({ source: 1, number, raw });
  });
  await verifier.idle();
  assert.deepEqual([...verdicts.values()], ["valid", "valid", "invalid"]);
  assert.deepEqual(bad, ["2 from 1 invalid false"]);
});

Deno.test("a whole graph's signatures hold, in any order of arrival", async () => {
  const graph = signedGraph({ nodes: 5, channels: 8, timestamp: 1_700_000_000 });
  for (const messages of [graph, graph.toReversed()]) {
    const { verifier, verdicts, bad } = watched();
    messages.forEach((raw, number) => verifier.push({ source: number % 3, number, raw }));
    await verifier.idle();
    verifier.finish();
    assert.deepEqual([...verdicts.values()], graph.map(() => "valid"));
    assert.deepEqual(bad, []);
    assert.equal(verifier.counts.verdicts.valid, graph.length);
  }
});

Deno.test("what is forged or cut short is told with its sender, and says nothing about channels", async () => {
  const { verifier, verdicts, bad } = watched();
  const node = nodeAnnouncement(nodes[0], { timestamp: 1_700_000_000 });
  [
    tampered(announcement),
    update,
    tampered(node),
    announcement.subarray(0, 300),
    new Uint8Array([1, 2]),
  ].forEach((raw, number) => verifier.push({ source: 9, number, raw }));
  await verifier.idle();
  assert.equal(verifier.counts.orphans, 1);
  verifier.finish();
  const expected = ["invalid", "unknown_signer", "invalid", "malformed", "malformed"];
  assert.deepEqual(expected.map((_, number) => verdicts.get(number)), expected);
  assert.deepEqual(bad, [
    "0 from 9 invalid true",
    "2 from 9 invalid true",
    "3 from 9 malformed true",
    "4 from 9 malformed true",
  ]);
});

Deno.test("a false announcement of the same channel does not make the true nodes' update false", async () => {
  const { verifier, verdicts } = watched();
  const raws = [channelAnnouncement({ scid, nodes: strangers }), announcement, update];
  raws.forEach((raw, number) => verifier.push({ source: 1, number, raw }));
  await verifier.idle();
  assert.deepEqual([...verdicts.values()], ["valid", "valid", "valid"]);
});

Deno.test("an update signed by the other node of its channel is invalid", async () => {
  const { verifier, verdicts, bad } = watched();
  const wrong = channelUpdate({ scid, nodes, direction: 1, timestamp: 1 });
  const { signatures: [signature], digestInput } = signedPart(wrong)!;
  const [node1] = nodes.toSorted((a, b) => a.id < b.id ? -1 : 1);
  signature.set(signGossip(node1.privateKey, digestInput));
  [announcement, update, wrong].forEach((raw, number) => verifier.push({ source: 1, number, raw }));
  await verifier.idle();
  assert.deepEqual([...verdicts.values()], ["valid", "valid", "invalid"]);
  assert.deepEqual(bad, ["2 from 1 invalid false"], "others may have told wrong keys");
});

Deno.test("another chain's announcement tells nothing about ours", async () => {
  const { verifier, verdicts } = watched();
  const foreign = channelAnnouncement({ scid, nodes: strangers, network: "bitcoin" });
  const stray = channelUpdate({
    scid,
    nodes: strangers,
    direction: 0,
    timestamp: 1,
    network: "bitcoin",
  });
  [foreign, update, stray].forEach((raw, number) => verifier.push({ source: 1, number, raw }));
  await verifier.idle();
  assert.deepEqual([...verdicts], [[0, "valid"], [2, "unknown_signer"]]);
  assert.equal(verifier.counts.orphans, 1);
  verifier.finish();
});

Deno.test("a flood from one source delays another source's message by no more than its turn", async () => {
  const flood = Array.from({ length: 2000 }, (_, i) => i);
  const order: number[] = [];
  const verifier = new Verifier({
    chain,
    onVerdict: (number) => order.push(number),
    onBad: () => {},
  });
  const junk = announcement.subarray(0, 300);
  for (const number of flood) verifier.push({ source: 1, number, raw: junk });
  verifier.push({ source: 2, number: 5000, raw: announcement });
  await verifier.idle();
  assert.equal(order.indexOf(5000), 1);
  assert.equal(order.length, 2001);
});

Deno.test("a full queue leaves messages unchecked and counts them; an ended one stops", () => {
  const { verifier, verdicts } = watched();
  const big = new Uint8Array(65_000);
  big[0] = 1;
  for (let number = 0; number < 1000; number++) verifier.push({ source: 1, number, raw: big });
  const { queued, verdicts: counts } = verifier.counts;
  assert.ok(counts.unchecked > 400 && counts.unchecked + queued === 1000, String(queued));
  verifier.finish();
  verifier[Symbol.dispose]();
  assert.equal(verdicts.size, 0);
});

Deno.test("types without known signatures get no verdict", async () => {
  const { verifier, verdicts } = watched();
  for (const type of [0, 255, 259, 265, 513]) {
    verifier.push({ source: 1, number: type, raw: new Uint8Array([type >> 8, type & 255, 0]) });
  }
  verifier.push({ source: 1, number: 1, raw: new Uint8Array([1]) });
  await verifier.idle();
  assert.equal(verdicts.size, 0);
});

Deno.test("any bytes get a verdict", () => {
  const keys = new ChannelKeys();
  keys.add(scid, [nodes[0].id, nodes[1].id]);
  const whole = fc.constantFrom(announcement, update);
  const spoiled = fc.tuple(whole, fc.nat(), fc.nat(255), fc.nat()).map(([raw, at, byte, end]) => {
    const copy = raw.slice();
    copy[at % copy.length] = byte;
    return copy.subarray(0, 2 + end % (copy.length - 1));
  });
  fc.assert(fc.property(fc.oneof(fc.uint8Array(), spoiled), (raw) => {
    assert.ok(VERDICTS.includes(checkMessage(raw, keys, chain).verdict));
  }));
});
