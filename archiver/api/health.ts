// What is not well with the archiver, as `/healthz` tells it.

import type { StatusSources } from "./status.ts";

/** Where it is learnt from. */
export type HealthSources = Pick<StatusSources, "intake" | "jetStream" | "days" | "analytics">;

/** A line each of what needs somebody's eye; none when all is well. */
export function healthProblems({ intake, jetStream, days, analytics }: HealthSources): string[] {
  const problems: string[] = [];
  const { failure } = intake.status();
  if (failure) problems.push(`commits fail: ${failure.reason}`);
  const nats = jetStream?.status().problem ?? null;
  if (nats !== null) problems.push(`batches do not come from NATS: ${nats}`);
  const { failure: rollover, unreadable } = days.progress();
  if (rollover) problems.push(`days do not roll over: ${rollover.reason}`);
  for (const [what, paths] of Object.entries(unreadable)) {
    if (paths.length === 0) continue;
    problems.push(`files of days that are ${what}: ${paths.length}, such as ${paths[0]}`);
  }
  const { halted } = analytics.status();
  if (halted !== null) problems.push(`scheduled queries are halted: ${halted}`);
  return problems;
}
