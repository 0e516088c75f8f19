// `deno task fleet plan`: who should watch which peers.

import { type Subcommand, subcommand } from "../../shared/cli.ts";
import { UserError } from "../../shared/errors.ts";
import { MAX_PEERS, type WrittenWish } from "../../shared/fleet/wish.ts";
import { grouped } from "../../shared/text.ts";
import { askStatus } from "../commands/ask.ts";
import { CONFIG_FLAG, readArchiverConfig } from "../commands/flags.ts";
import type { ArchiverConfig } from "../config.ts";
import { collectorNames, foldersIn } from "../commands/names.ts";
import { readGroups } from "./peer_list.ts";
import { type Coverage, coverageOf, type Range } from "./coverage.ts";
import { type Plan, type PlannedPeer, planPeers } from "./plan.ts";
import { readFileOf, readPeers, reportWishes } from "./report.ts";
import { Wishes } from "./wishes.ts";

const COLLECTORS_FOLDER = "fleet/collectors";

export const planCommand: Subcommand = subcommand({
  name: "deno task fleet plan",
  summary:
    "Split a list of peers among collectors so that several watch each peer, and show what would\n" +
    "change; --apply makes it so. What is watched already moves only where it must.",
  flags: {
    peers: { value: "FILE", help: "pubkey@host:port lines", required: true },
    watchers: { type: "number", help: "collectors per peer", default: 2, min: 1, max: 100 },
    collectors: {
      value: "NAMES",
      help: `who takes part; others are paused (default: the folders of ${COLLECTORS_FOLDER})`,
    },
    capacity: {
      type: "number",
      help: "peers per collector, at most",
      default: MAX_PEERS,
      min: 1,
      max: MAX_PEERS,
    },
    groups: { value: "FILE", help: "CSV: node_id and columns such as region" },
    keep: { value: "COLUMN", help: "give a group to the same collectors" },
    spread: { value: "COLUMN", help: "divide a group among all collectors" },
    apply: { type: "boolean", help: "make it the collectors' wishes" },
    config: CONFIG_FLAG,
  },
  examples: [
    "deno task fleet plan --peers peers.txt --watchers 2",
    "deno task fleet plan --peers peers.txt --groups nodes.csv --keep region --spread community --apply",
  ],
}, async (flags) => {
  const lines = await readPeers(flags.peers);
  const [kept, spread] = await Promise.all(
    [flags.keep, flags.spread].map((column) => groupsOf(flags.groups, column)),
  );
  const peers = [...lines.keys()].map((nodeId): PlannedPeer => ({
    nodeId,
    kept: kept?.get(nodeId),
    spread: spread?.get(nodeId),
  }));
  const collectors = collectorNames(
    flags.collectors ?? ((await foldersIn(COLLECTORS_FOLDER)).join() || undefined),
    "deno task fleet plan",
  );
  const config = await readArchiverConfig(flags.config, "fleet");
  await using wishes = await Wishes.open(config);
  const all = await wishes.all();
  const current = new Map([...all].map(([name, { written }]) => [name, nodesOf(written)]));
  const { watchers, capacity } = flags;
  const plan = planPeers(peers, { collectors, watchers, capacity, current });
  const gone = [...all].filter(([name, { written }]) =>
    written.peers !== undefined && !collectors.includes(name)
  );
  const held = await heldShares(config);
  for (const [column, groups] of [[flags.keep, kept], [flags.spread, spread]] as const) {
    const without = peers.filter(({ nodeId }) => groups !== null && !groups.has(nodeId)).length;
    if (without > 0) console.log(`${grouped(without)} peers have no ${column} in the CSV`);
  }
  const paused = collectors.filter((name) => all.get(name)?.written.paused);
  console.log(planText(peers, plan, current, { gone: gone.map(([name]) => name), paused }, held));
  if (!flags.apply) {
    console.log("Nothing is changed yet: add --apply");
    return;
  }
  const put = new Map<string, number | null>();
  for (const [name, own] of plan.assigned) {
    const wish = all.get(name) ?? null;
    const listed = [...own].sort().flatMap((nodeId) => lines.get(nodeId)!);
    const next = { ...wish?.written, peers: listed, target: own.size, paused: own.size === 0 };
    if (own.size === 0) delete (next as WrittenWish).peers;
    put.set(name, await wishes.put(name, next, wish));
  }
  for (const [name, wish] of gone) {
    const { peers: _, ...rest } = wish.written;
    put.set(name, await wishes.put(name, { ...rest, paused: true }, wish));
  }
  return await reportWishes(config, put);
});

function planText(
  peers: readonly PlannedPeer[],
  plan: Plan,
  current: ReadonlyMap<string, ReadonlySet<string>>,
  { gone, paused }: { readonly gone: readonly string[]; readonly paused: readonly string[] },
  held: ReadonlyMap<string, number>,
): string {
  const lines = [...plan.assigned].map(([name, own]) => {
    const { opened, ended } = plan.moves.get(name)!;
    const resumed = paused.includes(name) && own.size > 0 ? "; it is paused now: resumed" : "";
    return `  ${name.padEnd(20)} ${
      grouped(own.size).padStart(6)
    } peers, +${opened} -${ended}${resumed}`;
  });
  const now = coverageOf(peers, current, held);
  const then = coverageOf(peers, plan.assigned, held);
  const total = [...plan.moves.values()].reduce((sum, { opened }) => sum + opened, 0);
  const known = [...plan.assigned.keys()].filter((name) => held.has(name)).length;
  return [
    `${grouped(peers.length)} peers, ${plan.assigned.size} collectors, ${
      grouped(total)
    } sessions to open`,
    ...lines,
    ...gone.map((name) => `  ${name.padEnd(20)} paused: it takes no part`),
    `watchers by wishes now: ${watchersText(now)}`,
    `watchers then: ${watchersText(then)}`,
    `if one collector fails: ${
      grouped(then.worst.unwatched)
    } peers unwatched (${then.worst.collector})`,
    `expected at any moment: ${rangeText(then.expected)} watched, ${
      rangeText(then.expectedByAll)
    } by all their ` +
    `watchers (as ${known} of ${plan.assigned.size} collectors hold their peers now; the others counted as 100 %)`,
    ...plan.notSpread > 0
      ? [`not spread as wished: ${grouped(plan.notSpread)} places, for want of room`]
      : [],
  ].join("\n");
}

function rangeText([least, most]: Range): string {
  return grouped(least) === grouped(most)
    ? grouped(least)
    : `${grouped(least)} to ${grouped(most)}`;
}

function watchersText({ byWatchers }: Coverage): string {
  const parts = byWatchers.map((count, watchers) => `${grouped(count)} by ${watchers}`)
    .filter((_, watchers) => byWatchers[watchers] > 0);
  return parts.reverse().join(", ");
}

/** The share of their target that collectors hold, as the archiver hears it; empty without one. */
async function heldShares(config: ArchiverConfig): Promise<Map<string, number>> {
  const status = await askStatus(config, "fleet").catch(() => null);
  const heard = [...status?.collectors ?? [], ...status?.new_collectors ?? []];
  return new Map(heard.flatMap(({ name, heartbeat }) => {
    if (!heartbeat?.target) return [];
    return [[name, Math.min(1, heartbeat.peers / heartbeat.target)]];
  }));
}

async function groupsOf(
  path: string | undefined,
  column: string | undefined,
): Promise<Map<string, string> | null> {
  if (column === undefined) return null;
  if (path === undefined) {
    throw new UserError(`deno task fleet plan: --groups is required for column ${column}`);
  }
  return readGroups(await readFileOf("--groups", path), column, `--groups ${path}`);
}

function nodesOf({ peers }: WrittenWish): Set<string> {
  return new Set(peers?.map((line) => line.slice(0, line.indexOf("@")).toLowerCase()));
}
