// `deno task archive replay`: recorded receipts once more, at their pace or faster, into another archive.

import type { DuckDBConnection } from "@duckdb/node-api";
import { COLLECTOR_NAME } from "../../shared/batch/batch.ts";
import { DEFAULT_TOKEN_FILE } from "../../shared/api_token.ts";
import {
  type Flag,
  type FlagValues,
  refuseFlag,
  stopSignal,
  type Subcommand,
  subcommand,
  WINDOW_FLAGS,
  windowText,
} from "../../shared/cli.ts";
import { systemClock } from "../../shared/clock.ts";
import { UserError } from "../../shared/errors.ts";
import { expectPermitted, hostOf, natsNeeds, readNeeds } from "../../shared/sandbox.ts";
import { STREAM } from "../../shared/subjects.ts";
import { standardError } from "../../shared/terminal.ts";
import { printable } from "../../shared/text.ts";
import { isoTime } from "../../shared/time.ts";
import { pause } from "../../shared/waiting.ts";
import { openArchive } from "../../query_results/archive/open.ts";
import { at } from "../../query_results/archive/sql.ts";
import { readerLimits } from "../config.ts";
import { inOrder, replayRuns } from "../replay/batches.ts";
import { Away, httpTarget, natsTarget, type ReplayTarget } from "../replay/target.ts";
import { rowsOf } from "../store/database.ts";
import { archiveIdentity } from "../store/identity.ts";
import { ARCHIVE_FLAGS, archiveConfig } from "./flags.ts";
import { RowsProgress } from "./rows_progress.ts";

const EXIT_STOPPED = 130;
const RETRY_MS = 1000;
/** A collector's batch, and more at speeds at which these would be too many. */
const BATCH_US = 2_000_000;
const BATCH_SPEED = 60;

const COMMAND = "deno task archive replay";

const FLAGS = {
  to: {
    value: "URL",
    help: "nats://host:4222, tls://…, or http://127.0.0.1:8470",
    required: true,
  },
  ...WINDOW_FLAGS,
  speed: {
    type: "number",
    help: "times real time",
    default: 60,
    min: 0.01,
    max: 100_000,
    fraction: true,
  },
  as: {
    value: "NAME",
    help: "the collector to replay as; several become NAME-vps1, NAME-vps2, …",
    default: "replay",
  },
  collector: { value: "NAME", help: "whose receipts (default: all collectors')" },
  now: {
    type: "boolean",
    help: "shift all times so that the window's end is the end of the replay",
  },
  user: { value: "NAME", help: "the broker's user (default: none)" },
  "password-file": { value: "FILE", help: "file with the user's password" },
  stream: { value: "NAME", help: "the broker's stream", default: STREAM },
  "token-file": { value: "FILE", help: "file with the API's token", default: DEFAULT_TOKEN_FILE },
  ...ARCHIVE_FLAGS,
} as const satisfies Record<string, Flag>;
type Flags = FlagValues<typeof FLAGS>;

export const replayCommand: Subcommand = subcommand({
  name: COMMAND,
  summary:
    "Send the receipts of a window once more, as those of other collectors, to another archive: to try\n" +
    "dashboards, alerts and new code on a real day. Replay a snapshot while the archiver runs. A stopped\n" +
    "replay can be run again without doubles, except with --now.",
  flags: FLAGS,
  examples: [
    "deno task archive replay --archive archive/snapshots/2026-02-02T00-00-00Z.duckdb \\",
    "    --from 2026-02-01 --until 2026-02-02 --speed 60 --to http://127.0.0.1:8470 \\",
    "    --token-file archive/test/token",
  ],
}, async (flags) => {
  const { to, as: name, speed } = flags;
  if (!COLLECTOR_NAME.test(name)) {
    refuseFlag(COMMAND, "as", name, "1 to 63 lower-case letters, digits and dashes");
  }
  await using target = await openTarget(to, name, flags);
  const config = await archiveConfig(flags, false);
  using archive = await openArchive(config.archive, readerLimits(config));
  const { connection } = archive;
  const sources = await chooseCollectors(connection, name, flags);
  await refuseItself(connection, config.archive, to, target, sources.map(({ as }) => as));
  const from = flags.from ?? Math.min(...sources.map(({ first }) => first));
  const until = flags.until ?? Math.max(...sources.map(({ last }) => last)) + 1;
  const total = sources.reduce((sum, { receipts }) => sum + receipts, 0);
  const began = systemClock.now();
  const shift = flags.now ? Math.round(began + (until - from) / speed - until) : 0;
  using connections = new DisposableStack();
  const batches = inOrder(
    await Promise.all(sources.map(async ({ id, name: recorded, as, first }) => {
      const own = connections.adopt(await archive.connect(), (one) => one.closeSync());
      return replayRuns(own, {
        ...{ collectorId: id, name: as, from, until, shift },
        maxAgeUs: BATCH_US * Math.max(1, speed / BATCH_SPEED),
        version: `replay of ${recorded}`,
      }, first);
    })),
  );
  const signal = stopSignal();
  const progress = new RowsProgress(standardError());
  const underWay = new Set<Promise<void>>();
  let sent = 0;
  let reached = from;
  let failure: unknown = null;
  const send = async (batch: Parameters<ReplayTarget["send"]>[0]) => {
    while (!signal.aborted && failure === null) {
      try {
        await target.send(batch);
        sent += batch.receipts.receivedAt.length;
        return;
      } catch (error) {
        if (!(error instanceof Away)) failure = error;
        else {
          progress.show({ done: sent, total, what: `waiting: ${error.message}` });
          await pause(systemClock, RETRY_MS, signal);
        }
      }
    }
  };
  for await (const { batch, at } of batches) {
    const dueMs = ((at - from) / speed - (systemClock.now() - began)) / 1000;
    if (dueMs > 0) await pause(systemClock, dueMs, signal);
    while (underWay.size >= target.maxOutstanding) await Promise.race(underWay);
    if (signal.aborted || failure !== null) break;
    const sending = send(batch).finally(() => underWay.delete(sending));
    underWay.add(sending);
    reached = at;
    progress.show({ done: sent, total, what: `at ${isoTime(at).slice(0, 19)}Z` });
  }
  await Promise.all(underWay);
  progress.end();
  if (failure !== null) throw failure;
  if (signal.aborted) {
    const stopped = `Replay stopped at ${
      isoTime(reached)
    }: ${sent} receipts are sent. Run the same command to continue`;
    throw new UserError(stopped, { exitCode: EXIT_STOPPED });
  }
  if (sent !== total) {
    throw new UserError(
      `Replayed ${sent} receipts of ${total}: the others are of no run that the archive knows`,
    );
  }
  console.log(
    `replay: receipts=${sent} collectors=${sources.map((one) => one.name).join()} as=${
      sources.map(({ as }) => as).join()
    } window=${windowText({ from, until })} speed=${speed} to=${to}`,
  );
});

async function openTarget(to: string, name: string, flags: Flags): Promise<ReplayTarget> {
  if (/^http:\/\/[^/@\s]+\/?$/.test(to)) {
    const needs = [{ kind: "net", key: "--to", value: hostOf(to, 80) } as const];
    expectPermitted([...needs, ...readNeeds({ "--token-file": flags["token-file"] })], "archiver");
    return await httpTarget(to, flags["token-file"]);
  }
  if (!/^(nats|tls):\/\/[^/@\s]+$/.test(to)) {
    refuseFlag(COMMAND, "to", to, "nats://host:4222 or http://127.0.0.1:8470");
  }
  const { user, "password-file": password_file } = flags;
  const nats = { servers: [to], ...user !== undefined && { auth: { user, password_file } } };
  expectPermitted(natsNeeds("--to", nats), "archiver");
  return natsTarget(nats, flags.stream, name);
}

/** Published days and lakes have no identity of their own. */
async function refuseItself(
  connection: DuckDBConnection,
  path: string,
  to: string,
  target: ReplayTarget,
  names: readonly string[],
): Promise<void> {
  const read = (sql: string) => rowsOf(connection, sql);
  const [made] = await read("SELECT name FROM schema_version WHERE version = 1");
  if (made?.name !== "schema") {
    throw new UserError(
      `Cannot replay ${path}: only an archive's own file or snapshot says which archive it is`,
    );
  }
  const own = await archiveIdentity({ read });
  for (const name of names) {
    if (await target.identity(name) !== own) continue;
    throw new UserError(
      `Cannot replay ${path} to ${to}: that is the archive it comes from, or a copy of it; replay into another one`,
    );
  }
}

interface Source {
  readonly id: number;
  readonly name: string;
  /** Under which it is replayed. */
  readonly as: string;
  readonly receipts: number;
  readonly first: number;
  readonly last: number;
}

async function chooseCollectors(
  connection: DuckDBConnection,
  as: string,
  { collector: wanted, from = -Infinity, until = Infinity }: Flags,
): Promise<Source[]> {
  const rows = await rowsOf(
    connection,
    `SELECT c.collector_id, c.name, count(*) AS receipts, epoch_us(min(received_at)) AS first, epoch_us(max(received_at)) AS last
    FROM receipts r JOIN collectors c USING (collector_id)
    WHERE received_at >= ${at(from)} AND received_at < ${at(until)}
    GROUP BY ALL ORDER BY c.name`,
  );
  const chosen = rows.filter(({ name }) => wanted === undefined || name === wanted);
  if (chosen.length === 0) {
    const names = rows.map(({ name }) => printable(String(name))).join(", ") || "none";
    throw new UserError(
      `${COMMAND}: the window has receipts of ${names}; name one with --collector`,
    );
  }
  const taken = new Set(rows.map(({ name }) => String(name)));
  return chosen.map(({ collector_id, name, receipts, first, last }) => {
    // A source's name is COLLECTOR/SOURCE.
    const own = chosen.length === 1 ? as : `${as}-${String(name).replaceAll("/", "-")}`;
    if (!COLLECTOR_NAME.test(own) || taken.has(own)) {
      throw new UserError(
        `${COMMAND}: with --as ${as}, ${
          printable(String(name))
        } becomes ${own}, which is too long for a name, or ` +
          "recorded here; choose another",
      );
    }
    taken.add(own);
    return {
      ...{ id: Number(collector_id), name: String(name), as: own },
      ...{ receipts: Number(receipts), first: Number(first), last: Number(last) },
    };
  });
}
