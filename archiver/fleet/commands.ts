// `deno task fleet status` and `set`: what the fleet does, and what it should do.

import { type Subcommand, subcommand } from "../../shared/cli.ts";
import { UserError } from "../../shared/errors.ts";
import { MAX_PEERS, type WrittenWish } from "../../shared/fleet/wish.ts";
import { CONFIG_FLAG, readArchiverConfig } from "../commands/flags.ts";
import { askStatus, readPeers, reportWishes } from "./report.ts";
import { fleetRows, fleetTable } from "./status.ts";
import { type FleetWish, Wishes } from "./wishes.ts";

export const statusCommand: Subcommand = subcommand({
  name: "deno task fleet status",
  summary:
    "List the collectors, the one that needs a look first. Asks the running archiver and the\n" +
    "broker. Exit status: 1 if a collector needs a look.",
  flags: {
    config: CONFIG_FLAG,
    json: { type: "boolean", help: "print JSON, one line per collector" },
  },
  examples: [
    "deno task fleet status --config fleet/archive/archiver.yaml",
    "deno run --quiet --no-prompt -P=fleet --allow-net=127.0.0.1:8470,100.64.0.7:4222 \\",
    "    archiver/deploy/main.ts status --config fleet/archive/archiver.yaml",
  ],
}, async ({ config: path, json }) => {
  const config = await readArchiverConfig(path, "fleet");
  await using wishes = await Wishes.open(config);
  // Other archivers' collectors are not in this one's status.
  const ours = [...await wishes.all()].filter(([name]) =>
    config.nats?.collectors?.includes(name) ?? true
  );
  const rows = fleetRows(await askStatus(config), new Map(ours), Date.now());
  if (json) { for (const row of rows) console.log(JSON.stringify(row)); }
  else console.log(rows.length === 0 ? "No collector was heard yet" : fleetTable(rows));
  return rows.some(({ problems }) => problems.length > 0) ? 1 : 0;
});

export const setCommand: Subcommand = subcommand({
  name: "deno task fleet set",
  summary:
    "Change what collectors should do. They follow at once, without a restart, or refuse what is\n" +
    "wrong; what is not set is as in their own configs. Without a change, print the wishes.",
  flags: {
    collectors: { type: "string", value: "NAMES", help: "the collectors' names, comma-separated" },
    target: { type: "number", help: "how many peers to hold", min: 0, max: MAX_PEERS },
    kinds: { type: "string", value: "KINDS", help: "of addresses: ipv4,ipv6,dns,onion" },
    "rotate-every": { type: "string", value: "TIME", help: "such as 6h" },
    "rotate-share": { type: "number", help: "of the peers, per rotation", fraction: true },
    peers: { type: "string", value: "FILE", help: "pubkey@host:port lines: dial these alone" },
    until: { type: "string", value: "TIME", help: "pause from this instant on" },
    pause: { type: "boolean", help: "end all sessions, open none" },
    resume: { type: "boolean", help: "end the pause" },
    reset: {
      type: "string",
      value: "KEYS",
      help: "take target, kinds, rotate_every, rotate_share, peers or until out of the wish",
    },
    clear: { type: "boolean", help: "remove the wish" },
    config: CONFIG_FLAG,
  },
  examples: [
    "deno task fleet set --collectors vps1,vps2 --target 800 --rotate-every 12h",
    "deno task fleet set --collectors vps3 --pause",
  ],
}, async (flags) => {
  const names = (flags.collectors ?? "").split(",").map((name) => name.trim()).filter(Boolean);
  if (names.length === 0) {
    throw new UserError(
      "deno task fleet set: --collectors is required. See deno task fleet set --help",
    );
  }
  const change = await changeOf(flags);
  const config = await readArchiverConfig(flags.config, "fleet");
  await using wishes = await Wishes.open(config);
  const read = new Map<string, FleetWish | null>();
  for (const name of names) read.set(name, await wishes.get(name));
  if (change === null && !flags.clear) {
    for (const [name, wish] of read) {
      console.log(`${name} ${wish === null ? "no wish" : JSON.stringify(wish.written)}`);
    }
    return;
  }
  const put = new Map<string, number | null>();
  for (const [name, wish] of read) {
    if (flags.clear) await wishes.clear(name);
    const next = flags.clear ? null : change!(wish?.written ?? {});
    put.set(name, next && await wishes.put(name, next, wish));
  }
  return await reportWishes(config, put);
});

/** What the flags make of a wish; null when they change nothing. */
async function changeOf(flags: {
  readonly target?: number;
  readonly kinds?: string;
  readonly "rotate-every"?: string;
  readonly "rotate-share"?: number;
  readonly peers?: string;
  readonly until?: string;
  readonly pause: boolean;
  readonly resume: boolean;
  readonly reset?: string;
}): Promise<((wish: WrittenWish) => WrittenWish) | null> {
  const given: WrittenWish = Object.fromEntries(
    Object.entries({
      target: flags.target,
      kinds: flags.kinds?.split(",") as WrittenWish["kinds"],
      rotate_every: flags["rotate-every"],
      rotate_share: flags["rotate-share"],
      peers: flags.peers && [...(await readPeers(flags.peers)).values()].flat(),
      until: flags.until,
      paused: flags.pause || (flags.resume ? false : undefined),
    }).filter(([, value]) => value !== undefined),
  );
  const reset = new Set((flags.reset ?? "").split(",").filter(Boolean));
  if (Object.keys(given).length === 0 && reset.size === 0) return null;
  return (wish) =>
    Object.fromEntries([
      ...Object.entries(wish).filter(([key]) => !reset.has(key)),
      ...Object.entries(given),
    ]);
}
