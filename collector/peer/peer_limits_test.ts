import assert from "node:assert/strict";
import { PeerLimits } from "./peer_limits.ts";

const SECOND = 1_000_000;
const START = 1_758_844_800 * SECOND;
const bad = { source: 1, number: 1, verdict: "invalid", proven: true } as const;

/** How many times something is let pass, a given time apart, before it is refused. */
function passes(seconds: number, limit: number, act: (now: number) => boolean): number {
  for (let count = 0; count < limit; count++) {
    if (!act(START + count * seconds * SECOND)) return count;
  }
  return limit;
}

Deno.test("a thousand proven bad messages at once are too many, and the reason counts them", () => {
  const limits = new PeerLimits();
  assert.equal(passes(0, 5000, (now) => limits.badGossip(bad, now) === null), 1000);
  const malformed = { ...bad, verdict: "malformed" } as const;
  assert.deepEqual(limits.badGossip(malformed, START), {
    what: "bad_gossip",
    reason: "it sent too many bad messages: 1 malformed, 1001 with wrong signatures",
  });
});

Deno.test("a bad message now and then is borne for ever", () => {
  const limits = new PeerLimits();
  assert.equal(passes(1, 50_000, (now) => limits.badGossip(bad, now) === null), 50_000);
});

Deno.test("updates that are wrong by other peers' word do not send an honest peer away", () => {
  const limits = new PeerLimits();
  const doubtful = { ...bad, proven: false };
  // Three times the updates of the whole network, all of them misjudged: 180 a minute.
  assert.equal(passes(1 / 9, 50_000, (now) => limits.badGossip(doubtful, now) === null), 50_000);
});

Deno.test("pings of every implementation are borne, a flood is not", () => {
  const real = new PeerLimits();
  assert.equal(passes(10, 10_000, (now) => real.ping(65_535, now) === null), 10_000);
  const flood = new PeerLimits();
  const most = passes(0, 100_000, (now) => flood.ping(0, now) === null);
  assert.ok(most > 1000 && most < 50_000, String(most));
});

Deno.test("a whole graph every few minutes is borne, and more than anybody needs is not", () => {
  const graphs = new PeerLimits();
  assert.equal(passes(150, 1000, (now) => graphs.read(60_000_000, now) === null), 1000);
  const flood = new PeerLimits();
  const reads = passes(0, 100_000, (now) => flood.read(32 * 1024, now) === null);
  assert.equal(reads, 8192);
});

Deno.test("what comes beside gossip is borne as far as real peers go, and a flood of any type is not", () => {
  const real = new PeerLimits();
  // Pings, or a whole range of replies every hour.
  assert.equal(passes(10, 10_000, (now) => real.beside(6, now) === null), 10_000);
  const replying = new PeerLimits();
  assert.equal(passes(3600, 100, (now) => replying.beside(2_000_000, now) === null), 100);
  const flood = new PeerLimits();
  assert.equal(passes(0, 1000, (now) => flood.beside(65_535, now) === null), 255);
});

Deno.test("questions and complaints have their limits too", () => {
  const limits = new PeerLimits();
  assert.equal(passes(0, 1000, (now) => limits.question(now)), 60);
  assert.equal(passes(0, 1000, (now) => limits.complaint(now)), 5);
});
