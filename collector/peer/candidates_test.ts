import assert from "node:assert/strict";
import fc from "fast-check";
import { seededRandom } from "../../shared/random.ts";
import { CAUSES } from "./backoff.ts";
import { Candidates } from "./candidates.ts";
import type { PeerAddress } from "./peer_file.ts";

const peer = (node: number, port = 1): PeerAddress => ({
  nodeId: `02${String(node).padStart(64, "0")}`,
  host: "192.0.2.1",
  port,
});
const peers = Array.from({ length: 20 }, (_, i) => peer(i));

function takeAll(candidates: Candidates, now: number): PeerAddress[] {
  const taken: PeerAddress[] = [];
  for (let next; (next = candidates.take(now));) taken.push(next);
  return taken;
}

Deno.test("peers come in a random order that the seed replays, each once", () => {
  const order = (seed: string) => takeAll(new Candidates(peers, seededRandom(seed)), 0);
  assert.deepEqual(order("a"), order("a"));
  assert.notDeepEqual(order("a"), order("b"));
  assert.deepEqual(new Set(order("a")), new Set(peers));
});

Deno.test("a peer that failed is left alone for its back-off, and longer each time", () => {
  const candidates = new Candidates([peer(1)], { next: () => 0 }, (_, failures) => failures * 1000);
  for (const [failures, now] of [[1, 0], [2, 5_000_000], [3, 9_000_000]]) {
    const taken = candidates.take(now)!;
    assert.equal(candidates.release(taken, "unreachable", false, now), failures);
    assert.equal(candidates.soonest(), now + failures * 1_000_000);
    assert.equal(candidates.take(candidates.soonest() - 1), undefined);
  }
  const taken = candidates.take(candidates.soonest())!;
  assert.equal(candidates.release(taken, "lost", true, 0), 1, "a session that worked clears it");
});

Deno.test("a peer with the wrong key never comes back", () => {
  const candidates = new Candidates([peer(1)], seededRandom(1));
  candidates.release(candidates.take(0)!, "wrong_key", false, 0);
  assert.equal(candidates.take(Number.MAX_SAFE_INTEGER), undefined);
  assert.equal(candidates.soonest(), Infinity);
});

Deno.test("two addresses of one node are never in use at once", () => {
  const candidates = new Candidates([peer(1, 1), peer(1, 2)], seededRandom(1));
  const first = candidates.take(0)!;
  assert.equal(candidates.take(0), undefined);
  assert.equal(candidates.soonest(), Infinity);
  candidates.release(first, "unreachable", false, 0);
  assert.notEqual(candidates.take(0)!.port, first.port);
});

Deno.test("whatever happens, no peer is lost or handed out twice", () => {
  const kept = CAUSES.filter((cause) => cause !== "wrong_key" && cause !== "not_allowed");
  const step = fc.oneof(
    fc.constant("take" as const),
    fc.record({ which: fc.nat(), cause: fc.constantFrom(...kept), worked: fc.boolean() }),
  );
  fc.assert(fc.property(fc.array(step), (steps) => {
    const candidates = new Candidates(peers, seededRandom(7));
    const held: PeerAddress[] = [];
    let now = 0;
    for (const step of steps) {
      now += 60_000_000;
      if (step === "take") {
        const taken = candidates.take(now);
        if (taken) held.push(taken);
      } else if (held.length > 0) {
        const [back] = held.splice(step.which % held.length, 1);
        candidates.release(back, step.cause, step.worked, now);
      }
    }
    const all = [...held, ...takeAll(candidates, Number.MAX_SAFE_INTEGER)];
    assert.equal(all.length, peers.length);
    assert.deepEqual(new Set(all), new Set(peers));
  }));
});
