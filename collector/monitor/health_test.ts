import assert from "node:assert/strict";
import { Health, type Vitals } from "./health.ts";

const MINUTE = 60_000_000;
const START = 1_758_844_000_000_000;
const WELL: Vitals = {
  peers: 3,
  spoolBytes: 10,
  spoolMaxBytes: 100,
  dropped: 0,
  spoolTrouble: null,
  isJournalFailing: false,
  clockOffset: 300,
  twinsHeard: 0,
  uplink: { delivered: 1, trouble: null, reason: null },
};

/** The problems after looks at these minutes. */
function after(...looks: readonly [minute: number, vitals: Partial<Vitals>][]): readonly string[] {
  const health = new Health(START);
  for (const [minute, vitals] of looks) {
    health.look({ ...WELL, ...vitals }, START + minute * MINUTE);
  }
  return health.problems;
}

Deno.test("a collector is well at first, and while its vitals are", () => {
  assert.deepEqual(new Health(START).problems, []);
  assert.deepEqual(after([0, {}], [500, {}]), []);
});

Deno.test("to be without peers is told after ten minutes, until there is one", () => {
  const none = { peers: 0 };
  assert.deepEqual(after([9, none]), []);
  assert.deepEqual(after([10, none]), ["no peer has been connected for 10 minutes"]);
  assert.deepEqual(after([5, {}], [14, none]), []);
  assert.deepEqual(after([5, {}], [15.5, none]), ["no peer has been connected for 10 minutes"]);
  assert.deepEqual(after([30, none], [31, {}]), []);
});

Deno.test("a clock that is a second off is a problem, and so is one that was never measured", () => {
  assert.deepEqual(after([1, { clockOffset: 999_999 }]), []);
  assert.deepEqual(after([1, { clockOffset: 36_000_000_000 }]), [
    "the clock is 36000 s behind the archiver's: set it (NTP)",
  ]);
  assert.deepEqual(after([1, { clockOffset: -1_000_000 }]), [
    "the clock is 1 s ahead of the archiver's: set it (NTP)",
  ]);
  assert.deepEqual(after([14, { clockOffset: null }]), []);
  assert.match(after([15, { clockOffset: null }])[0], /^the clock was never compared with/);
});

const uplink = (trouble: Vitals["uplink"]["trouble"], delivered: number) => ({
  uplink: { trouble, delivered, reason: trouble && `it is ${trouble}` },
});

Deno.test("an uplink that is away is told after a quarter of an hour, with what is wrong", () => {
  const away = uplink("unreachable", 7);
  assert.deepEqual(after([14, away]), []);
  assert.deepEqual(after([14, away], [15, uplink("no_stream", 7)]), [
    "batches have been waiting for 15 minutes: no_stream: it is no_stream",
  ]);
  assert.deepEqual(after([30, away], [31, {}], [40, away]), []);
});

Deno.test("an uplink that refuses, or never delivered, is a problem at once", () => {
  assert.deepEqual(after([0, uplink("refused", 7)]), ["batches are refused: it is refused"]);
  assert.deepEqual(after([0, uplink("refused", 7)], [1, {}]), []);
  assert.deepEqual(after([0, uplink(null, 0)]), ["nothing has been delivered yet"]);
  assert.deepEqual(after([0, uplink("unreachable", 0)]), [
    "nothing has been delivered yet: unreachable: it is unreachable",
  ]);
  assert.deepEqual(after([20, uplink("refused", 0)]), [
    "nothing has been delivered yet: refused: it is refused",
  ]);
});

Deno.test("a spool that fills up is told before it drops, and what it dropped for an hour", () => {
  assert.deepEqual(after([1, { spoolBytes: 90 }]), []);
  assert.deepEqual(after([1, { spoolBytes: 91 }]), ["the spool is 91 % full"]);
  const told = ["the spool dropped batches: 7 so far"];
  assert.deepEqual(after([1, { dropped: 7 }]), told);
  assert.deepEqual(after([1, { dropped: 7 }], [60, { dropped: 7 }]), told);
  assert.deepEqual(after([1, { dropped: 7 }], [61, { dropped: 7 }]), []);
});

Deno.test("a disk that takes nothing is told at once, and all that is wrong together", () => {
  assert.deepEqual(
    after([20, { peers: 0, spoolTrouble: "no space left", isJournalFailing: true }]),
    [
      "no peer has been connected for 20 minutes",
      "the spool cannot be written: no space left",
      "the journal of the open batch cannot be written",
    ],
  );
});

Deno.test("another collector of the same name is a problem until it falls silent", () => {
  const problem = ["another collector runs under this name: give each a name of its own"];
  assert.deepEqual(after([1, {}], [2, { twinsHeard: 1 }]), problem);
  assert.deepEqual(
    after([1, { twinsHeard: 1 }], [2, { twinsHeard: 9 }], [3, { twinsHeard: 9 }]),
    problem,
  );
  assert.deepEqual(after([1, { twinsHeard: 9 }], [3, { twinsHeard: 9 }]), []);
});
