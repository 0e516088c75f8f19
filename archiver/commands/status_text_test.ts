import { deepEqual, ok } from "node:assert/strict";
import type { SetStatus } from "../analytics/status.ts";
import type { CollectorStatus, HeartbeatStatus, Status } from "../status/status.ts";
import { statusText } from "./status_text.ts";

const QUIET: CollectorStatus = {
  name: "alpha",
  receipts: 1_234_567,
  unresolved_receipts: 0,
  lost_receipts: 0,
  batches: 12,
  lag_seconds: 3.25,
  last_receipt_at: "2025-09-26T12:00:01.500000Z",
  last_commit_at: "2025-09-26T12:00:02.000000Z",
  late: false,
  heartbeat: null,
  epoch: {
    started_at: "2025-09-26T11:00:00.000000Z",
    version: "1",
    target_peers: 9,
    high_water_mark: 12,
    ended_at: null,
  },
  clock: null,
  cut_off_epochs: [],
  gaps: { count: 0, batches: 0, awaited: 0, elsewhere: 0, latest: [] },
};

const STATUS: Status = {
  started_at: "2025-09-26T10:00:00.000000Z",
  archive: { id: "x", path: "a.duckdb", bytes: 1024 ** 2, log_bytes: 512 * 1024 },
  last_commit: null,
  failure: null,
  intake: { batches: 2, bytes: 100, receipts: 3000 },
  nats: null,
  days: {
    folder: "/days",
    running: false,
    last_rollover: null,
    failure: null,
    missing: { count: 0, paths: [] },
    damaged: { count: 0, paths: [] },
    would_drop: { files: 0, rows: 0 },
    kept: [],
    files: [],
  },
  analytics: { halted: null, sets: [] },
  dead_letters: 0,
  collectors: [QUIET],
  new_collectors: [],
};

const HEARTBEAT: HeartbeatStatus = {
  heard_at: STATUS.started_at,
  sent_at: STATUS.started_at,
  epoch: STATUS.started_at,
  version: "1",
  peers: 978,
  receipts: 1,
  spool_bytes: 1024 ** 2,
  spool_max: null,
  target: null,
  steering: null,
  problems: null,
};

Deno.test("a status where all is well says no more than there is", () => {
  deepEqual(statusText(STATUS).split("\n"), [
    "  archive        a.duckdb, 1.5 MiB",
    "  running since  2025-09-26 10:00:00 UTC",
    "  last commit    none yet",
    "  waiting        2 batches, 3,000 receipts",
    "  dead letters   0",
    "",
    "alpha",
    "  receipts       1,234,567 in 12 batches",
    "  last receipt   2025-09-26 12:00:01 UTC, 3.3 s ago",
    "  runs           since 2025-09-26 11:00:00 UTC",
  ]);
});

Deno.test("a status tells all that is amiss", () => {
  const text = statusText({
    ...STATUS,
    last_commit: { at: STATUS.started_at, batches: 1, receipts: 1000, milliseconds: 12 },
    failure: { reason: "disk\nfull", since: STATUS.started_at },
    nats: { server: null, problem: "refused", unacknowledged: 0 },
    collectors: [{
      ...QUIET,
      late: true,
      last_receipt_at: null,
      lag_seconds: null,
      unresolved_receipts: 5,
      lost_receipts: 70,
      epoch: { ...QUIET.epoch, ended_at: "2025-09-26T13:00:00.000000Z" },
      cut_off_epochs: ["2025-09-25T00:00:00.000000Z"],
      gaps: { count: 2, batches: 7, awaited: 4, elsewhere: 0, latest: [] },
      heartbeat: HEARTBEAT,
      clock: {
        measured_at: STATUS.started_at,
        offset_seconds: -0.0123,
        uncertainty_seconds: 0.0004,
      },
    }],
    new_collectors: [{ name: "beta", late: true, heartbeat: { ...HEARTBEAT, peers: 3 } }],
  });
  for (
    const part of [
      "1,000 receipts in 12 ms",
      "COMMITS FAIL",
      "not connected",
      "NATS PROBLEM   refused",
      "alpha  LATE",
      "none yet",
      "to 2025-09-26 13:00:00 UTC, ended",
      "978 peers, spool 1.0 MiB",
      "clock          12.3 ms ahead of the archiver's, give or take 0.4 ms, at 2025-09-26 10:00:00",
      "unresolved     5 receipts",
      "awaited        4 batches that may still come",
      "LOST           70 receipts, 3 batches in 2 gaps",
      "beta  LATE",
      "3 peers, spool",
      "1 earlier runs ended without saying so",
    ]
  ) ok(text.includes(part), `${part} is not in\n${text}`);
  ok(!text.includes("disk\nfull"), "a reason has one line");
});

Deno.test("a status tells what is with days", () => {
  const lines = statusText({
    ...STATUS,
    days: {
      ...STATUS.days,
      last_rollover: STATUS.started_at,
      failure: { reason: "no space left", since: STATUS.started_at },
      missing: { count: 1, paths: ["/days/a.parquet"] },
      damaged: { count: 2, paths: ["/days/b.parquet", "/days/c.parquet"] },
      would_drop: { files: 2, rows: 3000 },
      kept: [{
        action: "kept",
        table: "receipts",
        day: "2025-09-26",
        part: 1,
        rows: 7,
        bytes: 1,
        reason: "another sum of peer_id",
      }],
      files: [{
        table: "receipts",
        state: "cold",
        files: 2,
        rows: 1_000_000,
        bytes: 3 * 1024 ** 2,
        first_day: "2025-09-26",
        last_day: "2025-09-27",
      }],
    },
  }).split("\n");
  deepEqual(lines.slice(5, 12), [
    "  days cold      receipts: 2025-09-26 to 2025-09-27, 1,000,000 rows, 3.0 MiB in 2 files",
    "  rolled over    2025-09-26 10:00:00 UTC",
    "  would drop     3,000 rows in 2 files, if days.apply were true",
    "  KEPT           receipts 2025-09-26 part 1: another sum of peer_id",
    "  FILES MISSING  1, such as /days/a.parquet",
    "  FILES DAMAGED  2, such as /days/b.parquet",
    "  NO ROLLOVER    since 2025-09-26 10:00:00 UTC: no space left",
  ]);
});

Deno.test("a status tells of each set: its last run, what is under way or waits, the next and what was missed", () => {
  const set: SetStatus = {
    name: "daily",
    cron: "30 0 * * *",
    last: {
      window: "2025-09-25",
      outcome: "done",
      started_at: "2025-09-26T00:30:00.000000Z",
      seconds: 61.4,
      folder: "/srv/query_results/2025-09-25",
      error: null,
    },
    running: null,
    next_at: "2025-09-27T00:30:00.000000Z",
    waiting: [],
    missed: [],
    runs: 1,
    failures: 0,
    seconds: 61.4,
  };
  const text = (halted: string | null, ...sets: SetStatus[]) =>
    statusText({ ...STATUS, analytics: { halted, sets } }).split("\n").slice(5, -5);
  deepEqual(text(null, set), [
    "  set daily      last 2025-09-25 at 2025-09-26 00:30:00 UTC, in 61 s: /srv/query_results/2025-09-25",
    "  set daily      next 2025-09-27 00:30:00 UTC",
  ]);
  const busy: SetStatus = {
    ...set,
    last: { ...set.last!, outcome: "failed", folder: null, error: "disk\nfull" },
    running: {
      window: "2025-09-26",
      started_at: STATUS.started_at,
      step: "sessions",
      queries_done: 3,
      queries: 22,
    },
    next_at: null,
    waiting: ["2025-09-24"],
    missed: ["2025-09-20", "2025-09-19"],
  };
  deepEqual(text("it hung", { ...busy, last: null }, busy), [
    "  ANALYTICS HALT it hung",
    "  set daily      never run yet",
    "  set daily      now 2025-09-26: sessions, 3 of 22 queries",
    "  set daily      waiting: 2025-09-24",
    "  MISSED         daily: 2025-09-20, 2025-09-19",
    "  set daily      last 2025-09-25 at 2025-09-26 00:30:00 UTC, FAILED: disk\\u{a}full",
    "  set daily      now 2025-09-26: sessions, 3 of 22 queries",
    "  set daily      waiting: 2025-09-24",
    "  MISSED         daily: 2025-09-20, 2025-09-19",
  ]);
});
