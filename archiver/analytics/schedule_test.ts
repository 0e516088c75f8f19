import fc from "fast-check";
import assert from "node:assert/strict";
import {
  cronFault,
  isWindowName,
  LOOK_BACK,
  nextDue,
  planRuns,
  windowAt,
  windowKey,
  windowName,
} from "./schedule.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const at = (text: string) => Date.parse(text) * 1000;

const daily = { cron: "30 0 * * *", window: DAY };
const sixHours = { cron: "5 */6 * * *", window: 6 * HOUR };

Deno.test("a cron expression that is none, or that no time matches, is refused with what would be right", () => {
  for (const good of ["30 0 * * *", "*/5 * * * *", "0 6 * * MON-FRI", "0 0 29 2 *"]) {
    assert.equal(cronFault(good), null, good);
  }
  assert.match(
    cronFault("61 * * * *")!,
    /^should be a cron expression .*: Invalid value for minute: 61$/,
  );
  assert.match(cronFault("0 30 0 * * *")!, /^should be a cron expression of five fields/);
  assert.match(cronFault("hourly")!, /^should be a cron expression of five fields/);
  assert.match(cronFault("0 0 31 2 *")!, /no time matches this one$/);
  assert.ok(!cronFault("\u202e\n* * * *")!.includes("\u202e"));
});

Deno.test("a day's window is the UTC day before; a shorter one ends with the last whole hour", () => {
  const now = at("2026-11-23T00:30:00Z");
  const day = windowAt(daily, now);
  assert.deepEqual(day, { from: at("2026-11-22T00:00:00Z"), to: at("2026-11-23T00:00:00Z") });
  assert.equal(windowName(day), "2026-11-22");
  const hours = windowAt(sixHours, now);
  assert.deepEqual(hours, { from: at("2026-11-22T18:00:00Z"), to: at("2026-11-23T00:00:00Z") });
  assert.equal(windowName(hours), "2026-11-22T18-00Z_6h");
  assert.equal(windowName(windowAt({ ...daily, window: 7 * DAY }, now)), "2026-11-16_7d");
});

Deno.test("a window's name is one of its own length alone", () => {
  const hours = fc.integer({ min: 1, max: 31 * 24 });
  fc.assert(fc.property(hours, hours, fc.integer({ min: 0, max: 40_000 }), (a, b, days) => {
    const from = days * DAY * 1000;
    const name = windowName({ from, to: from + a * HOUR * 1000 });
    assert.equal(isWindowName(name, a * HOUR), true);
    assert.equal(isWindowName(name, b * HOUR), a === b);
    assert.equal(isWindowName(`${name}.old`, a * HOUR), false);
    assert.equal(isWindowName(`.${name}`, a * HOUR), false);
  }));
  for (const other of ["queries", "chart", "out", "2026", "2026-11-22_x"]) {
    assert.equal(isWindowName(other, DAY), false, other);
  }
});

Deno.test("a set is due next after now, never at it", () => {
  assert.equal(nextDue(daily, at("2026-11-22T00:29:59.999Z")), at("2026-11-22T00:30:00Z"));
  assert.equal(nextDue(daily, at("2026-11-22T00:30:00Z")), at("2026-11-23T00:30:00Z"));
});

const none = { done: new Set<string>(), firstRun: null, dataFrom: at("2026-01-01T00:00:00Z") };
const names = (windows: readonly { from: number; to: number }[]) => windows.map(windowName);

Deno.test("of the windows that were due the newest are made up for, unless they are done", () => {
  const now = at("2026-11-23T00:30:00Z");
  const plan = planRuns(daily, none, now, 3);
  assert.deepEqual(names(plan.due), ["2026-11-22", "2026-11-21", "2026-11-20"]);
  assert.deepEqual(plan.missed, []);
  assert.equal(plan.dueAt, now);
  const early = planRuns(daily, none, now - 1000, 3);
  assert.deepEqual(names(early.due), ["2026-11-21", "2026-11-20", "2026-11-19"]);
  const done = new Set([windowKey(plan.due[0]), windowKey(plan.due[2])]);
  assert.deepEqual(names(planRuns(daily, { ...none, done }, now, 3).due), ["2026-11-21"]);
});

Deno.test("windows too long ago are missed, since the set was first run", () => {
  const now = at("2026-11-23T00:30:00Z");
  const firstRun = at("2026-11-16T00:00:00Z");
  const done = new Set([windowKey(windowAt(daily, at("2026-11-19T00:30:00Z")))]);
  const plan = planRuns(daily, { ...none, done, firstRun }, now, 2);
  assert.deepEqual(names(plan.due), ["2026-11-22", "2026-11-21"]);
  assert.deepEqual(plan.missed, ["2026-11-20", "2026-11-19", "2026-11-17"]);
});

Deno.test("what was missed before all that is looked back at is told as well", () => {
  const hourly = { cron: "0 * * * *", window: HOUR };
  const now = at("2026-11-23T05:30:00Z");
  const missedSince = (firstRun: string, done: ReadonlySet<string> = new Set()) =>
    planRuns(hourly, { ...none, dataFrom: 0, done, firstRun: at(firstRun) }, now, 3).missed;
  const long = missedSince("2026-11-16T00:00:00Z");
  assert.equal(long.length, LOOK_BACK - 3 + 1);
  assert.equal(long.at(-2), windowName(windowAt(hourly, now - (LOOK_BACK - 1) * HOUR * 1000)));
  assert.equal(long.at(-1), "and earlier");
  const short = missedSince("2026-11-22T20:00:00Z");
  assert.equal(short.at(-1), "2026-11-22T21-00Z_1h");
  const oldest = windowKey(windowAt(hourly, now - (LOOK_BACK - 1) * HOUR * 1000));
  assert.ok(!missedSince("2026-11-16T00:00:00Z", new Set([oldest])).includes("and earlier"));
});

Deno.test("a set that is due every minute still looks back at as many windows", () => {
  const minutely = { cron: "* * * * *", window: DAY };
  const firstRun = at("2026-11-01T00:00:00Z");
  const plan = planRuns(minutely, { ...none, firstRun }, at("2026-11-23T05:30:00Z"), 3);
  assert.deepEqual(names(plan.due), ["2026-11-22", "2026-11-21", "2026-11-20"]);
  assert.equal(plan.missed.length, 18);
  assert.equal(plan.missed.at(-1), "2026-11-02");
});

Deno.test("nothing is due before the archive's beginning, nor of an empty one", () => {
  const now = at("2026-11-23T00:30:00Z");
  const dataFrom = at("2026-11-22T12:00:00Z");
  assert.deepEqual(names(planRuns(daily, { ...none, dataFrom }, now, 3).due), ["2026-11-22"]);
  assert.deepEqual(planRuns(daily, { ...none, dataFrom: null }, now, 3).due, []);
});

Deno.test("a set that is due several times in one window runs it once", () => {
  const hourly = { cron: "0 * * * *", window: DAY };
  const plan = planRuns(hourly, none, at("2026-11-23T05:30:00Z"), 3);
  assert.deepEqual(names(plan.due), ["2026-11-22", "2026-11-21", "2026-11-20"]);
});

Deno.test("for any time, what is due is whole, past and newest first", () => {
  const tables = fc.constantFrom(daily, sixHours, { cron: "17 3 * * 2", window: 7 * DAY });
  const times = fc.integer({ min: 1_767_225_600, max: 1_798_761_600 });
  fc.assert(
    fc.property(tables, times, fc.integer({ min: 1, max: 31 }), (table, seconds, catchUp) => {
      const now = seconds * 1_000_000;
      const { due } = planRuns(table, { ...none, dataFrom: 0 }, now, catchUp);
      assert.equal(due.length, catchUp);
      due.forEach(({ from, to }, i) => {
        assert.ok(to <= now && to - from === table.window * 1000);
        if (i > 0) assert.ok(from < due[i - 1].from);
      });
    }),
    { numRuns: 50 },
  );
});
