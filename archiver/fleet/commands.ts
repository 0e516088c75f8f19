// `deno task fleet status` and `set`: what the fleet does, and what it should do.

import { type Flag, type FlagValues, type Subcommand, subcommand } from "../../shared/cli.ts";
import { UserError } from "../../shared/errors.ts";
import { MAX_PEERS, STEERED, type WrittenWish } from "../../shared/fleet/wish.ts";
import { printable } from "../../shared/text.ts";
import { askStatus } from "../commands/ask.ts";
import { CONFIG_FLAG, readArchiverConfig } from "../commands/flags.ts";
import { collectorNames } from "../commands/names.ts";
import { askHealth, readPeers, reportWishes } from "./report.ts";
import { fleetRows, fleetTable } from "./status.ts";
import { type FleetWish, Wishes } from "./wishes.ts";

/** What `--reset` takes out of a wish. */
const KEYS = [...Object.keys(STEERED), "peers", "until"];

export const statusCommand: Subcommand = subcommand({
  name: "deno task fleet status",
  summary:
    "List the collectors, the one that needs a look first, then what else the archiver finds wrong.\n" +
    "Asks the running archiver and the broker. Exit status: 1 if something needs a look.",
  flags: {
    config: CONFIG_FLAG,
    json: {
      type: "boolean",
      help: "print JSON: one line per collector, one for what else is wrong",
    },
  },
  examples: ["deno task fleet status --config /etc/gossip-observer/archiver.yaml"],
}, async ({ config: path, json }) => {
  const config = await readArchiverConfig(path, "fleet");
  const status = await askStatus(config, "fleet");
  const problems = await askHealth(config);
  let wishes: Map<string, FleetWish> | null = null;
  try {
    await using bucket = await Wishes.open(config);
    // Other archivers' collectors are not in this one's status.
    wishes = new Map(
      [...await bucket.all()].filter(([name]) => config.nats?.collectors?.includes(name) ?? true),
    );
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    problems.unshift(`wishes are not known: ${error.message}`);
  }
  const rows = fleetRows(status, wishes, Date.now());
  // What a row says already is not repeated.
  const named = new Set(rows.filter((row) => row.problems.length > 0).map(({ name }) => name));
  const more = problems.filter((text) => !text.split(/[\s:,]+/).some((word) => named.has(word)));
  if (json) {
    for (const row of rows) console.log(JSON.stringify(row));
    if (more.length > 0) console.log(JSON.stringify({ archiver: more }));
  } else {
    console.log(rows.length === 0 ? "No collector was heard yet" : fleetTable(rows));
    for (const text of more) console.log(`archiver: ${text}`);
  }
  return named.size > 0 || more.length > 0 ? 1 : 0;
});

const SET = "deno task fleet set";

const SET_FLAGS = {
  collectors: { value: "NAMES", help: "comma-separated (default: all, to print their wishes)" },
  target: { type: "number", help: "how many peers to hold", min: 0, max: MAX_PEERS },
  kinds: { value: "KINDS", help: "of addresses: ipv4,ipv6,dns,onion" },
  "rotate-every": { value: "TIME", help: "such as 6h" },
  "rotate-share": { type: "number", help: "of the peers, per rotation", fraction: true },
  peers: { value: "FILE", help: "pubkey@host:port lines: dial these alone" },
  until: { value: "TIME", help: "pause from this instant on" },
  pause: { type: "boolean", help: "end all sessions, open none" },
  resume: { type: "boolean", help: "end the pause" },
  reset: {
    value: "KEYS",
    help: `take ${KEYS.slice(0, -1).join(", ")} or ${KEYS.at(-1)} out of the wish`,
  },
  clear: { type: "boolean", help: "remove the wish" },
  config: CONFIG_FLAG,
} as const satisfies Record<string, Flag>;

export const setCommand: Subcommand = subcommand({
  name: SET,
  summary:
    "Change what collectors should do. They follow at once, without a restart, or refuse what is\n" +
    "wrong; what is not set is as in their own configs. Without a change, print the wishes.",
  flags: SET_FLAGS,
  examples: [
    `${SET} --collectors vps1,vps2 --target 800 --rotate-every 12h`,
    `${SET} --collectors vps3 --pause`,
  ],
}, async (flags) => {
  const change = await changeOf(flags);
  const given = change === null && flags.collectors === undefined
    ? null
    : collectorNames(flags.collectors, SET);
  const config = await readArchiverConfig(flags.config, "fleet");
  await using wishes = await Wishes.open(config);
  if (change === null) {
    const all = await wishes.all();
    for (const name of given ?? all.keys()) console.log(wishLine(name, all.get(name)));
    return;
  }
  const read = new Map<string, FleetWish | null>();
  for (const name of given!) read.set(name, await wishes.get(name));
  const put = new Map<string, number | null>();
  for (const [name, wish] of read) {
    const next = change(wish?.written ?? {});
    if (next === null) await wishes.clear(name);
    put.set(name, next && await wishes.put(name, next, wish));
  }
  return await reportWishes(config, put);
});

function wishLine(name: string, wish: FleetWish | undefined): string {
  if (wish === undefined) return `${name} no wish`;
  const { revision, written, fault } = wish;
  if (fault !== null) return `${name} wish ${revision} is not one: ${fault.slice(0, 300)}`;
  const peers = written.peers && `${written.peers.length} addresses`;
  return `${name} wish ${revision}: ${JSON.stringify({ ...written, peers })}`;
}

type Change = (wish: WrittenWish) => WrittenWish | null;

/** What the flags make of a wish; null when they change nothing. @throws {UserError} when they contradict each other. */
async function changeOf(flags: FlagValues<typeof SET_FLAGS>): Promise<Change | null> {
  const { pause, resume, clear } = flags;
  const given: WrittenWish = Object.fromEntries(
    Object.entries({
      target: flags.target,
      kinds: flags.kinds?.split(",").map((kind) => kind.trim()) as WrittenWish["kinds"],
      rotate_every: flags["rotate-every"],
      rotate_share: flags["rotate-share"],
      peers: flags.peers && [...(await readPeers(flags.peers)).values()].flat(),
      until: flags.until,
      paused: pause || (resume ? false : undefined),
    }).filter(([, value]) => value !== undefined),
  );
  const reset = (flags.reset ?? "").split(",").map((key) => key.trim()).filter(Boolean);
  const unknown = reset.find((key) => !KEYS.includes(key));
  if (unknown !== undefined) {
    throw new UserError(
      `${SET}: --reset has "${printable(unknown, 80)}"; it should name some of ${KEYS.join(", ")}`,
    );
  }
  const isChange = Object.keys(given).length > 0 || reset.length > 0;
  if (pause && resume) throw new UserError(`${SET}: use --pause or --resume, not both`);
  if (clear && isChange) throw new UserError(`${SET}: use --clear without a change`);
  if (clear) return () => null;
  if (!isChange) return null;
  return (wish) =>
    Object.fromEntries([
      ...Object.entries(wish).filter(([key]) => !reset.includes(key)),
      ...Object.entries(given),
    ]);
}
