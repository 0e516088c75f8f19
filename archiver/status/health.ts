// What is wrong with the archiver, in words.

import { printable } from "../../shared/text.ts";
import type { StatusSources } from "./status.ts";

/** A payload set aside is a problem for an hour. */
const SET_ASIDE_US = 3_600_000_000;
const LONG_STATEMENT_SECONDS = 300;

/** One line per problem; empty when all is well. */
export function healthProblems(sources: StatusSources): string[] {
  const { intake, jetStream, days, analytics, watch, quack, now } = sources;
  const problems: string[] = [];
  const { failure } = intake.status();
  if (failure) problems.push(`commits fail: ${failure.reason}`);
  const { setAside, lastSetAside } = intake.status();
  if (lastSetAside !== null && now() - lastSetAside.at < SET_ASIDE_US) {
    const count = [...setAside.values()].reduce((sum, count) => sum + count, 0);
    const { source, reason } = lastSetAside;
    problems.push(
      `${count} payloads set aside, the last from ${printable(source)}: ${printable(reason)}`,
    );
  }
  const nats = jetStream?.status().problem ?? null;
  if (nats !== null) problems.push(`no batches from NATS: ${nats}`);
  problems.push(...watch.problems());
  const longest = quack?.status().longest ?? 0;
  if (longest > LONG_STATEMENT_SECONDS) {
    const minutes = Math.floor(longest / 60);
    problems.push(
      `a DuckDB client's statement has run for ${minutes} minutes; only a restart of the archiver ends it`,
    );
  }
  const { failure: rollover, unreadable } = days.progress();
  if (rollover) problems.push(`days do not roll over: ${rollover.reason}`);
  for (const [what, paths] of Object.entries(unreadable)) {
    if (paths.length === 0) continue;
    problems.push(`${paths.length} day files are ${what}, such as ${paths[0]}`);
  }
  const { halted } = analytics.status();
  if (halted !== null) problems.push(`scheduled queries are halted: ${halted}`);
  return problems;
}
