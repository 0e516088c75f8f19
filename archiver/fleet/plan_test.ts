import { deepEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { coverageOf, type PlannedPeer, type PlanOptions, planPeers } from "./plan.ts";

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
      const level = Math.ceil(count * each / collectors * (kept > 0 ? 1.1 : 1));
      for (const own of plan.assigned.values()) ok(own.size <= level);
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
  const come = planPeers(
    listed,
    options({ collectors: ["a", "b", "c", "d"], current: before }),
  );
  equal(opened(come), 450);
  equal(come.moves.get("d")!.opened, 450);
  const gone = planPeers(listed, options({ collectors: ["a", "b"], current: before }));
  equal(opened(gone), 600);
  equal(gone.moves.get("a")!.ended + gone.moves.get("b")!.ended, 0);
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
    expected: 0.5 + 0.75,
    expectedByAll: 0.5 + 0.25,
  });
});

Deno.test("too many peers are refused with what would help", () => {
  throws(() => planPeers(peers(100), options({ capacity: 60 })), /need 200 places.*add collectors/);
});
