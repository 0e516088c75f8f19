import { deepEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { seededRandom } from "../../shared/random.ts";
import { coverageOf } from "./coverage.ts";
import { type PlannedPeer, type PlanOptions, planPeers } from "./plan.ts";

const peers = (count: number, more: (i: number) => Partial<PlannedPeer> = () => ({})) =>
  Array.from({ length: count }, (_, i): PlannedPeer => ({ nodeId: `n${i}`, ...more(i) }));
const options = (over: Partial<PlanOptions> = {}): PlanOptions => ({
  collectors: ["a", "b", "c"],
  watchers: 2,
  capacity: 5000,
  current: new Map(),
  ...over,
});
const opened = (plan: ReturnType<typeof planPeers>) =>
  [...plan.moves.values()].reduce((sum, { opened }) => sum + opened, 0);

Deno.test("each peer has its watchers, loads are level, and a second plan moves nothing", () => {
  const plans = fc.record({
    count: fc.nat(120),
    collectors: fc.integer({ min: 1, max: 7 }),
    watchers: fc.integer({ min: 1, max: 4 }),
    kept: fc.nat(5),
    spread: fc.nat(5),
  });
  fc.assert(
    fc.property(plans, ({ count, collectors, watchers, kept, spread }) => {
      const names = "abcdefg".slice(0, collectors).split("");
      const listed = peers(count, (i) => ({
        ...kept > 0 && { kept: `k${i % kept}` },
        ...spread > 0 && { spread: `s${i % spread}` },
      }));
      const asked = options({ collectors: names, watchers });
      const plan = planPeers(listed, asked);
      const each = Math.min(watchers, collectors);
      const level = count * each / collectors;
      const slack = kept > 0 ? level / 10 : 0;
      for (const { size } of plan.assigned.values()) {
        ok(size >= Math.floor(level - slack) && size <= Math.ceil(level + slack));
      }
      const { byWatchers } = coverageOf(listed, plan.assigned, new Map());
      equal(byWatchers[each] ?? 0, count);
      if (plan.notSpread > 0 || kept > 0) return;
      equal(opened(planPeers(listed, { ...asked, current: plan.assigned })), 0);
    }),
    { numRuns: 200 },
  );
});

Deno.test("a collector that comes takes its share and no more moves; one that goes leaves its own alone", () => {
  const listed = peers(900);
  const before = planPeers(listed, options()).assigned;
  const come = planPeers(listed, options({ collectors: ["a", "b", "c", "d"], current: before }));
  equal(opened(come), 450);
  equal(come.moves.get("d")!.opened, 450);
  const gone = planPeers(listed, options({ collectors: ["a", "b"], current: before }));
  equal(opened(gone), 600);
  equal(gone.moves.get("a")!.ended + gone.moves.get("b")!.ended, 0);
});

Deno.test("whoever comes or goes, hardly more sessions open than level loads need", () => {
  const changes = fc.record({
    count: fc.integer({ min: 1, max: 300 }),
    watchers: fc.integer({ min: 1, max: 4 }),
    collectors: fc.integer({ min: 2, max: 12 }),
    change: fc.constantFrom("come", "go", "more peers", "fewer peers"),
  });
  fc.assert(fc.property(changes, ({ count, watchers, collectors, change }) => {
    const names = Array.from({ length: collectors }, (_, i) => `vps${i}`);
    const current = planPeers(peers(count), options({ collectors: names, watchers })).assigned;
    const after = change === "come" ? [...names, "new"] : change === "go" ? names.slice(1) : names;
    const listed = change === "more peers"
      ? peers(count + 20)
      : peers(count).slice(change === "fewer peers" ? count / 4 : 0);
    const plan = planPeers(listed, options({ collectors: after, watchers, current }));
    const ids = new Set(listed.map(({ nodeId }) => nodeId));
    const held = after.map((name) => (current.get(name) ?? new Set()).intersection(ids).size)
      .sort((a, b) => b - a);
    const places = listed.length * Math.min(watchers, after.length);
    const share = (at: number) =>
      Math.floor(places / after.length) + (at < places % after.length ? 1 : 0);
    const needed = held.reduce((sum, own, at) => sum + Math.max(0, share(at) - own), 0);
    ok(opened(plan) <= needed + after.length, `${opened(plan)} opened, ${needed} needed`);
  }));
});

Deno.test("of a kept group as of a single peer only what must moves", () => {
  const listed = peers(5000, (i) => ({ kept: `r${i % 40}` }));
  const names = Array.from({ length: 50 }, (_, i) => `vps${i}`);
  const before = planPeers(listed, options({ collectors: names, watchers: 3 })).assigned;
  const plan = planPeers(
    listed,
    options({ collectors: names.slice(1), watchers: 3, current: before }),
  );
  equal(opened(plan), before.get("vps0")!.size);
});

Deno.test("a group that is kept stays with the same collectors; one that is spread is divided", () => {
  const regions = peers(300, (i) => ({ kept: `r${i % 10}` }));
  const kept = planPeers(regions, options({ collectors: ["a", "b", "c", "d", "e"], watchers: 1 }));
  const homes = Map.groupBy(regions, ({ kept }) => kept!);
  const whole = [...homes.values()].filter((group) =>
    [...kept.assigned.values()].some((own) => group.every(({ nodeId }) => own.has(nodeId)))
  );
  ok(whole.length >= 7, `${whole.length} of 10 whole`);
  const communities = peers(300, (i) => ({ spread: `s${i % 10}` }));
  const spread = planPeers(communities, options());
  equal(spread.notSpread, 0);
  for (const own of spread.assigned.values()) {
    for (let group = 0; group < 10; group++) {
      equal(
        communities.filter(({ nodeId, spread }) => spread === `s${group}` && own.has(nodeId))
          .length,
        20,
      );
    }
  }
});

Deno.test("coverage says who depends on one collector, and what is expected of leaky ones", () => {
  const assigned = new Map([["a", new Set(["n0", "n1"])], ["b", new Set(["n1"])]]);
  deepEqual(coverageOf(peers(3), assigned, new Map([["a", 0.5], ["b", 0.5]])), {
    byWatchers: [1, 1, 1],
    worst: { collector: "a", unwatched: 1 },
    expected: [0.5 + 0.5, 0.5 + 0.75],
    expectedByAll: [0.5 + 0.25, 0.5 + 0.5],
  });
});

Deno.test("what a simulation holds is within what is expected, whether peers or chance decide", () => {
  const listed = peers(2000);
  const { assigned } = planPeers(listed, options());
  const random = seededRandom(3);
  const share = 0.8;
  const dead = new Set(listed.filter(() => random.next() >= share).map(({ nodeId }) => nodeId));
  const held = new Map([...assigned.keys()].map((name) => [name, share]));
  const { expected, expectedByAll } = coverageOf(listed, assigned, held);
  for (const isLost of [(id: string) => dead.has(id), () => random.next() >= share]) {
    const watching = listed.map(({ nodeId }) =>
      [...assigned.values()].filter((own) => own.has(nodeId) && !isLost(nodeId)).length
    );
    for (const [[least, most], enough] of [[expected, 1], [expectedByAll, 2]] as const) {
      const found = watching.filter((count) => count >= enough).length;
      // Three standard deviations.
      const error = 3 * Math.sqrt(listed.length * share * (1 - share));
      ok(found >= least - error && found <= most + error, `${found} of ${least} to ${most}`);
    }
  }
});

Deno.test("too many peers are refused with what would help", () => {
  throws(() => planPeers(peers(100), options({ capacity: 60 })), /need 200 places.*add collectors/);
});
