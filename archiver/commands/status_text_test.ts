import { deepEqual, ok } from "node:assert/strict";
import type { CollectorStatus, HeartbeatStatus, Status } from "../api/status.ts";
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
  gaps: { count: 0, batches: 0, latest: [] },
};

const STATUS: Status = {
  started_at: "2025-09-26T10:00:00.000000Z",
  archive: { path: "a.duckdb", bytes: 1024 ** 2, log_bytes: 512 * 1024 },
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
    would_drop: { files: 0, rows: 0 },
    kept: [],
    files: [],
  },
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
      gaps: { count: 2, batches: 3, latest: [] },
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
  deepEqual(lines.slice(5, 11), [
    "  days cold      receipts: 2025-09-26 to 2025-09-27, 1,000,000 rows, 3.0 MiB in 2 files",
    "  rolled over    2025-09-26 10:00:00 UTC",
    "  would drop     3,000 rows in 2 files, if days.apply were true",
    "  KEPT           receipts 2025-09-26 part 1: another sum of peer_id",
    "  FILES MISSING  1, such as /days/a.parquet",
    "  NO ROLLOVER    since 2025-09-26 10:00:00 UTC: no space left",
  ]);
});
