// A status as people read it.

import { grouped, mebibytes, printable } from "../../shared/text.ts";
import type { AnalyticsStatus, SetStatus } from "../analytics/status.ts";
import type { DaysStatus } from "../days/status.ts";
import type { ClockStatus, CollectorStatus, HeartbeatStatus, Status } from "../status/status.ts";

/** Some lines: the archive, what comes in, then each collector. */
export function statusText(status: Status): string {
  const { archive, intake, last_commit: commit, failure, nats } = status;
  const lines = [
    row("archive", `${archive.path}, ${mebibytes(archive.bytes + archive.log_bytes)}`),
    row("running since", moment(status.started_at)),
    row(
      "last commit",
      commit
        ? `${moment(commit.at)}: ${grouped(commit.receipts)} receipts in ${commit.milliseconds} ms`
        : "none yet",
    ),
    row("waiting", `${grouped(intake.batches)} batches, ${grouped(intake.receipts)} receipts`),
    row("dead letters", grouped(status.dead_letters)),
  ];
  if (failure) {
    lines.push(row("COMMITS FAIL", `since ${moment(failure.since)}: ${printable(failure.reason)}`));
  }
  if (nats) {
    lines.push(row("nats", nats.server ?? "not connected"));
    if (nats.problem !== null) lines.push(row("NATS PROBLEM", printable(nats.problem)));
  }
  lines.push(...daysLines(status.days), ...analyticsLines(status.analytics));
  lines.push(...status.collectors.flatMap(collectorLines));
  for (const { name, late, heartbeat } of status.new_collectors) {
    lines.push(...heading(name, late), row("receipts", "none yet"), heartbeatRow(heartbeat));
  }
  return lines.join("\n");
}

function daysLines(days: DaysStatus): string[] {
  const lines = days.files.map(({ table, state, files, rows, bytes, first_day, last_day }) =>
    row(
      `days ${state}`,
      `${table}: ${first_day} to ${last_day}, ${grouped(rows)} rows, ` +
        `${mebibytes(bytes)} in ${grouped(files)} files`,
    )
  );
  if (days.last_rollover !== null) lines.push(row("rolled over", moment(days.last_rollover)));
  if (days.would_drop.files > 0) {
    const { files, rows } = days.would_drop;
    const amount = `${grouped(rows)} rows in ${grouped(files)} files`;
    lines.push(row("would drop", `${amount}, if days.apply were true`));
  }
  for (const { table, day, part, reason } of days.kept) {
    lines.push(row("KEPT", `${table} ${day} part ${part}: ${printable(reason ?? "")}`));
  }
  for (const what of ["missing", "damaged"] as const) {
    const { count, paths } = days[what];
    if (count === 0) continue;
    lines.push(
      row(`FILES ${what.toUpperCase()}`, `${grouped(count)}, such as ${printable(paths[0])}`),
    );
  }
  if (days.failure) {
    const { since, reason } = days.failure;
    lines.push(row("NO ROLLOVER", `since ${moment(since)}: ${printable(reason)}`));
  }
  return lines;
}

function analyticsLines({ halted, sets }: AnalyticsStatus): string[] {
  const lines = halted === null ? [] : [row("ANALYTICS HALT", printable(halted, 300))];
  return [...lines, ...sets.flatMap(setLines)];
}

function setLines({ name, last, running, next_at, waiting, missed }: SetStatus): string[] {
  const parts = [];
  if (last) {
    const outcome = last.outcome === "done"
      ? `in ${grouped(Math.round(last.seconds))} s: ${last.folder}`
      : `FAILED: ${printable(last.error ?? "", 300)}`;
    parts.push(`last ${last.window} at ${moment(last.started_at)}, ${outcome}`);
  } else parts.push("never run yet");
  if (running) {
    const { window, step, queries_done, queries } = running;
    parts.push(`now ${window}: ${step}, ${queries_done} of ${queries} queries`);
  }
  if (waiting.length > 0) parts.push(`waiting: ${waiting.join(", ")}`);
  if (next_at !== null) parts.push(`next ${moment(next_at)}`);
  const lines = parts.map((part) => row(`set ${name}`, part));
  if (missed.length > 0) lines.push(row("MISSED", `${name}: ${missed.join(", ")}`));
  return lines;
}

function collectorLines(collector: CollectorStatus): string[] {
  const { epoch, gaps, heartbeat } = collector;
  const lines = [
    ...heading(collector.name, collector.late),
    row("receipts", `${grouped(collector.receipts)} in ${grouped(collector.batches)} batches`),
    row(
      "last receipt",
      collector.last_receipt_at === null
        ? "none yet"
        : `${moment(collector.last_receipt_at)}, ${collector.lag_seconds?.toFixed(1)} s ago`,
    ),
    row(
      "runs",
      epoch.ended_at === null
        ? `since ${moment(epoch.started_at)}`
        : `from ${moment(epoch.started_at)} to ${moment(epoch.ended_at)}, ended`,
    ),
  ];
  if (heartbeat) lines.push(heartbeatRow(heartbeat));
  if (collector.clock) lines.push(clockRow(collector.clock));
  if (collector.unresolved_receipts > 0) {
    lines.push(row("unresolved", `${grouped(collector.unresolved_receipts)} receipts`));
  }
  if (gaps.awaited > 0) {
    lines.push(row("awaited", `${grouped(gaps.awaited)} batches that may still come`));
  }
  if (gaps.elsewhere > 0) {
    const text = `${grouped(gaps.elsewhere)} batches came before this archive took it over`;
    lines.push(row("elsewhere", text));
  }
  const lostBatches = gaps.batches - gaps.awaited;
  if (collector.lost_receipts > 0 || lostBatches > 0) {
    const holes = `${grouped(lostBatches)} batches in ${grouped(gaps.count)} gaps`;
    lines.push(row("LOST", `${grouped(collector.lost_receipts)} receipts, ${holes}`));
  }
  const cut = collector.cut_off_epochs.length;
  if (cut > 0) lines.push(row("cut off", `${grouped(cut)} earlier runs ended without saying so`));
  return lines;
}

function heading(name: string, late: boolean): string[] {
  return ["", `${printable(name)}${late ? "  LATE" : ""}`];
}

function heartbeatRow({ heard_at, peers, spool_bytes }: HeartbeatStatus): string {
  const text = `${grouped(peers)} peers, spool ${mebibytes(spool_bytes)}`;
  return row("heartbeat", `${moment(heard_at)}: ${text}`);
}

function clockRow({ measured_at, offset_seconds, uncertainty_seconds }: ClockStatus): string {
  const way = offset_seconds < 0 ? "ahead of" : "behind";
  const apart = `${milliseconds(Math.abs(offset_seconds))} ${way} the archiver's`;
  return row(
    "clock",
    `${apart}, give or take ${milliseconds(uncertainty_seconds)}, at ${moment(measured_at)}`,
  );
}

function milliseconds(seconds: number): string {
  return `${(seconds * 1000).toFixed(1)} ms`;
}

function row(name: string, value: string): string {
  return `  ${name.padEnd(14)} ${value}`;
}

/** To the second. */
function moment(iso: string): string {
  return `${iso.slice(0, 19).replace("T", " ")} UTC`;
}
