import { deepEqual, equal, match } from "node:assert/strict";
import type { CollectorStatus, HeartbeatStatus } from "../status/status.ts";
import type { FleetWish } from "./wishes.ts";
import { fleetRows, fleetTable } from "./status.ts";

const NOW = Date.parse("2026-12-01T12:00:00Z");
const HEARTBEAT: HeartbeatStatus = {
  heard_at: "2026-12-01T11:59:58Z",
  sent_at: "2026-12-01T11:59:58Z",
  epoch: "2026-12-01T10:00:00Z",
  version: "1.2.3",
  peers: 9,
  receipts: 100,
  spool_bytes: 1024 ** 2,
  spool_max: 1024 ** 3,
  target: 10,
  steering: { revision: 4, listed: 10, refused: null, paused: false },
  problems: [],
};
const collector = (name: string, over: Partial<CollectorStatus> = {}): CollectorStatus => ({
  name,
  receipts: 100,
  unresolved_receipts: 0,
  lost_receipts: 0,
  batches: 3,
  lag_seconds: 0.5,
  last_receipt_at: null,
  last_commit_at: "2026-12-01T11:59:58Z",
  late: false,
  heartbeat: HEARTBEAT,
  epoch: {
    started_at: "2026-12-01T10:00:00Z",
    version: "1.2.3",
    target_peers: 10,
    high_water_mark: 3,
    ended_at: null,
  },
  clock: { measured_at: "2026-12-01T11:59:30Z", offset_seconds: 0.002, uncertainty_seconds: 0.001 },
  cut_off_epochs: [],
  gaps: { count: 0, batches: 0, awaited: 0, elsewhere: 0, latest: [] },
  ...over,
});
const wish = { revision: 4, at: NOW - 60_000, written: {}, fault: null };
const steering = (over: Partial<NonNullable<HeartbeatStatus["steering"]>>) => ({
  heartbeat: { ...HEARTBEAT, steering: { ...HEARTBEAT.steering!, ...over } },
});

const lost = (noticed_at: string) => ({
  lost_receipts: 5,
  gaps: {
    ...{ count: 1, batches: 2, awaited: 0, elsewhere: 0 },
    latest: [{
      ...{ epoch: "2026-12-01T10:00:00Z", first_batch: 1, last_batch: 2, receipts: 5 },
      ...{ reason: "dropped", noticed_at },
    }],
  },
});

Deno.test("the worst comes first, with what is wrong", () => {
  const collectors = [
    collector("well"),
    collector("few", { heartbeat: { ...HEARTBEAT, peers: 4 } }),
    collector("refuses", steering({ revision: 3, refused: { revision: 4, reason: "no" } })),
    collector("behind", steering({ revision: 3 })),
    collector("full-disk", { heartbeat: { ...HEARTBEAT, problems: ["no \x1b space"] } }),
    collector("wrong-clock", {
      heartbeat: null,
      clock: { ...collector("x").clock!, offset_seconds: -2 },
    }),
    collector("lost", lost("2026-12-01T11:00:00Z")),
    collector("lost-once", lost("2026-11-01T11:00:00Z")),
    collector("late", { late: true }),
    collector("paused", {
      heartbeat: {
        ...HEARTBEAT,
        ...{ peers: 0, target: 0 },
        steering: { ...HEARTBEAT.steering!, paused: true },
      },
    }),
    collector("ended", { epoch: { ...collector("x").epoch, ended_at: "2026-12-01T11:00:00.5Z" } }),
    collector("again", {
      epoch: { ...collector("x").epoch, ended_at: "2026-12-01T11:00:00.5Z" },
      heartbeat: { ...HEARTBEAT, epoch: "2026-12-01T11:01:00Z" },
    }),
  ];
  const wishes = new Map<string, FleetWish>([
    ...collectors.map(({ name }) => [name, wish] as const),
    ["nobody", wish],
    ["broken", { ...wish, fault: "it is not JSON" }],
  ]);
  wishes.delete("wrong-clock");
  const rows = fleetRows({ collectors, new_collectors: [] }, wishes, NOW);
  deepEqual(rows.map(({ name, problems }) => `${name}: ${problems.join("; ")}`), [
    "broken: its wish is not one: it is not JSON; no collector of this name is heard: nobody reads its wish",
    "late: LATE: no sign of life",
    "lost: LOST 5 receipts, 2 batches",
    "nobody: no collector of this name is heard: nobody reads its wish",
    "behind: does not follow wish 4",
    "ended: stopped at 2026-12-01T11:00:00Z",
    "full-disk: no \\u{1b} space",
    "refuses: refuses wish 4: no",
    "wrong-clock: clock is wrong: set it (NTP)",
    "few: few peers",
    "again: ",
    "lost-once: ",
    "paused: ",
    "well: ",
  ]);
  const lines = fleetTable(rows).split("\n");
  equal(lines.length, rows.length + 1);
  match(lines.at(-2)!, /^paused .* 0\/paused +0 .* ok$/);
  match(lines.find((line) => line.startsWith("late"))!, / \?\/10 /);
  match(lines.at(-1)!, /^well +1\.2\.3 +-2\.0 ms +0\.5 s +9\/10 +0 +1\.0 MiB \(0 %\) +4 +ok$/);
});

Deno.test("without the broker no wish is held against a collector", () => {
  const rows = fleetRows({ collectors: [collector("well")], new_collectors: [] }, null, NOW);
  deepEqual(rows.map(({ problems }) => problems), [[]]);
});
