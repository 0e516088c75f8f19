import assert from "node:assert/strict";
import fc from "fast-check";
import type { GossipFacts } from "../../shared/bolt/facts.ts";
import { seededRandom } from "../../shared/random.ts";
import { type RawLimits, RawQuotas } from "./raw_quotas.ts";

const SECOND = 1_000_000;
const START = 1_758_844_000 * SECOND;
const MUCH = { burst: 1e12, perSecond: 1 };
const NONE = { burst: 0.5, perSecond: 1e-9 };
const MUCH_OF_ALL: RawLimits = {
  subject: { burst: 1_000_000, intervalSeconds: 1 },
  peerSpam: NONE,
  peerUnknown: MUCH,
  peerProposed: MUCH,
  totalProposed: MUCH,
  peerBytes: MUCH,
  totalBytes: MUCH,
  peerReserve: NONE,
  subjectDigests: { burst: 1_000_000, intervalSeconds: 1 },
  peerDigests: MUCH,
  totalDigests: MUCH,
  peerDigestReserve: NONE,
};
const NO_DIGESTS = { totalDigests: NONE };

const quotas = (limits: Partial<RawLimits>, isKnownChannel?: (scid: bigint) => boolean) =>
  new RawQuotas({ limits: { ...MUCH_OF_ALL, ...limits }, isKnownChannel, random: seededRandom(1) });

const NOTHING = { scid: null, direction: null, nodeId: null, ownTimestamp: null, innerId: null };
const update = (scid: bigint, direction: 0 | 1 = 0, size = 138): GossipFacts => ({
  ...NOTHING,
  type: 258,
  size,
  scid,
  direction,
});
const node = (id: string): GossipFacts => ({ ...NOTHING, type: 257, size: 170, nodeId: id });
const other = (type: number, size = 100): GossipFacts => ({ ...NOTHING, type, size });

/** How many of so many equal messages of one peer are stored. */
function stored(quotas: RawQuotas, facts: GossipFacts, count: number, peer = "a", now = START) {
  let passed = 0;
  for (let i = 0; i < count; i++) if (quotas.judge(facts, peer, now) === "raw") passed++;
  return passed;
}

Deno.test("each direction of a channel, and each node, has versions of its own, and more with time", () => {
  const limited = quotas({ subject: { burst: 3, intervalSeconds: 60 } });
  const things = [
    update(7n, 0),
    update(7n, 1),
    update(8n, 0),
    update(-1n),
    node(`02${"5".repeat(64)}`),
  ];
  for (const thing of things) assert.equal(stored(limited, thing, 9), 3);
  assert.equal(stored(limited, things[0], 9, "a", START + 59 * SECOND), 0);
  assert.equal(stored(limited, things[0], 9, "a", START + 60 * SECOND), 1);
  assert.deepEqual(limited.withheld, {
    spam: 5 * 6 + 9 + 8,
    unknown_channel: 0,
    proposed: 0,
    peer: 0,
    total: 0,
  });
});

Deno.test("a flood of versions leaves each peer a few beyond it, so that no liar keeps news out", () => {
  const limited = quotas({
    subject: { burst: 3, intervalSeconds: 1e6 },
    peerSpam: { burst: 2, perSecond: 1e-6 },
  });
  assert.equal(stored(limited, update(7n), 100, "liar"), 3 + 2);
  assert.equal(stored(limited, update(7n), 100, "honest"), 2);
});

Deno.test("a long text counts once for each KiB", () => {
  const limited = quotas({ subject: { burst: 8, intervalSeconds: 60 } });
  assert.equal(stored(limited, update(7n, 0, 4096), 9), 2);
  assert.equal(stored(limited, update(8n, 0, 4097), 9), 1);
});

Deno.test("updates of unknown channels are stored so many a peer, others without end", () => {
  const limited = quotas({ peerUnknown: { burst: 4, perSecond: 1e-6 } }, (scid) => scid === 7n);
  for (const peer of ["a", "b"]) {
    let passed = 0;
    for (let scid = 100n; scid < 150n; scid++) passed += stored(limited, update(scid), 1, peer);
    assert.equal(passed, 4);
  }
  assert.equal(stored(limited, update(7n), 50), 50);
  assert.equal(limited.withheld.unknown_channel, 92);
});

Deno.test("proposed types have bytes of their own: so many a peer, and so many in all", () => {
  const limited = quotas({
    peerProposed: { burst: 250, perSecond: 1e-6 },
    totalProposed: { burst: 450, perSecond: 1e-6 },
  });
  const from = (peer: string) => stored(limited, other(267), 9, peer);
  assert.deepEqual(["a", "b", "c"].map(from), [2, 2, 0]);
  assert.equal(stored(limited, update(7n), 9), 9);
});

Deno.test("a peer's bytes are its own, and when all bytes are used up each has a reserve", () => {
  const one = quotas({ peerBytes: { burst: 1000, perSecond: 1e-6 } });
  assert.deepEqual(["a", "b"].map((peer) => stored(one, update(7n, 0, 400), 9, peer)), [2, 2]);
  assert.equal(one.withheld.peer, 14);

  const all = quotas({
    totalBytes: { burst: 1000, perSecond: 1e-6 },
    peerReserve: { burst: 400, perSecond: 1e-6 },
  });
  assert.deepEqual(["a", "b"].map((peer) => stored(all, update(7n, 0, 400), 9, peer)), [3, 1]);
  assert.equal(all.withheld.total, 14);
});

Deno.test("a stand-in says what is missing and why, is equal each time, and of a type nobody sends", () => {
  const limited = quotas({
    ...NO_DIGESTS,
    totalProposed: NONE,
    subject: { burst: 0, intervalSeconds: 1 },
  });
  const text = (facts: GossipFacts) => {
    const raw = limited.judge(facts, "a", START) as Uint8Array;
    assert.deepEqual([...raw.subarray(0, 2)], [255, 255]);
    return new TextDecoder().decode(raw.subarray(2));
  };
  assert.equal(text(update(7n)), "channel_update not stored: spam");
  assert.equal(text(update(8n)), "channel_update not stored: spam");
  assert.equal(text(other(271)), "271 not stored: proposed");
});

Deno.test("whatever comes, each message is stored or counted, and bytes stay within what there is", () => {
  const facts = fc.oneof(
    fc.record({ scid: fc.bigInt({ min: -9n, max: 9n }), size: fc.integer({ min: 2, max: 65_535 }) })
      .map(({ scid, size }) => update(scid, 0, size)),
    fc.integer({ min: 2, max: 65_535 }).map((size) => other(260, size)),
    fc.string({ minLength: 32, maxLength: 32, unit: fc.constantFrom(..."0123456789abcdef") }).map((
      id,
    ) => node(`02${id}${id}`)),
  );
  const arrival = fc.record({ facts, peer: fc.constantFrom("a", "b", "c"), after: fc.nat(1000) });
  fc.assert(fc.property(fc.array(arrival, { maxLength: 60 }), (arrivals) => {
    const limited = quotas({
      totalBytes: { burst: 100_000, perSecond: 10 },
      peerReserve: { burst: 10_000, perSecond: 1 },
      subject: { burst: 5, intervalSeconds: 60 },
    });
    let now = START, bytes = 0, withheld = 0;
    for (const { facts, peer, after } of arrivals) {
      now += after * SECOND;
      if (limited.judge(facts, peer, now) === "raw") bytes += facts.size;
      else withheld++;
    }
    const seconds = (now - START) / SECOND;
    assert.ok(bytes <= 130_000 + 13 * seconds + 1e-6, String(bytes));
    assert.equal(Object.values(limited.withheld).reduce((a, b) => a + b, 0), withheld);
  }));
});

Deno.test("what is not stored keeps a digest, ten times what the busiest node needs, and only past that it is folded", () => {
  const limited = quotas({
    subject: { burst: 5, intervalSeconds: 1e6 },
    subjectDigests: { burst: 20, intervalSeconds: 1e6 },
  });
  const judged = (facts: GossipFacts) =>
    Object.groupBy(
      Array.from({ length: 40 }, () => limited.judge(facts, "a", START)),
      (judgement) => typeof judgement === "string" ? judgement : "folded",
    );
  for (const scid of [7n, 8n]) {
    const { raw, digest, folded } = judged(update(scid));
    assert.deepEqual([raw?.length, digest?.length, folded?.length], [5, 20, 15]);
  }
  assert.equal(limited.folded, 30);
  assert.equal(limited.withheld.spam, 70);

  // The busiest node of mainnet, for a week: nothing of it is folded.
  const real = new RawQuotas({ random: seededRandom(1) });
  for (let i = 0; i < 7 * 3369; i++) {
    const now = START + Math.floor(i * 86_400 / 3369) * SECOND;
    assert.equal(typeof real.judge(node(`02${"5".repeat(64)}`), `peer ${i % 9}`, now), "string");
  }
});

Deno.test("a flooder that uses up all digests leaves each other peer some of its own", () => {
  const limited = quotas({
    peerBytes: NONE,
    peerDigests: { burst: 100, perSecond: 1e-9 },
    totalDigests: { burst: 150, perSecond: 1e-9 },
    peerDigestReserve: { burst: 10, perSecond: 1e-9 },
  });
  const digests = (peer: string) => {
    let count = 0;
    for (let scid = 0n; scid < 200n; scid++) {
      if (limited.judge(update(scid), peer, START) === "digest") count++;
    }
    return count;
  };
  assert.deepEqual(["flooder", "accomplice", "honest"].map(digests), [100, 60, 10]);
});
