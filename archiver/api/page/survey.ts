// What the live page shows of the archive itself: the fleet, peers, stalls, disk and reports. Looked up every few seconds
// while anyone watches.

import { printable } from "../../../shared/text.ts";
import type { QuerySet } from "../../analytics/config.ts";
import { freeBytes } from "../../analytics/window_copy.ts";
import { windowName } from "../../analytics/schedule.ts";
import { daysStatus } from "../../days/status.ts";
import type { Row } from "../../store/store.ts";
import { type CollectorStatus, readCollectors, type StatusSources } from "../../status/status.ts";

const HOUR_US = 3_600_000_000;
const MINUTES = 60;
const MAX_REASONS = 12;
const MAX_REPORTS = 10;
/** Puts vps2 before vps10. */
const byName = new Intl.Collator("en", { numeric: true }).compare;

export interface FleetRow {
  readonly name: string;
  readonly late: boolean;
  readonly ended: boolean;
  readonly peers: number;
  readonly target_peers: number | null;
  readonly receipts: number;
  readonly lost_receipts: number;
  readonly missing_batches: number;
  readonly last_receipt_at: string | null;
  readonly clock: CollectorStatus["clock"];
  /** In the last hour. */
  readonly stalls: { readonly count: number; readonly seconds: number };
  readonly version: string | null;
}

/** Figures of the archive. Instants are µs since the Unix epoch. */
export interface Survey {
  readonly at: number;
  /** Late ones first, then by name. */
  readonly collectors: readonly FleetRow[];
  /** Those that several collectors hold count once. */
  readonly peers_held: number;
  /** Peers held at the end of each minute of the last hour, the oldest first. */
  readonly peers: readonly { readonly name: string; readonly held: readonly number[] }[];
  /** Sessions that ended in the last hour. */
  readonly ends: readonly {
    readonly by: string;
    readonly reason: string;
    readonly sessions: number;
  }[];
  readonly disk: {
    readonly archive_bytes: number;
    readonly log_bytes: number;
    readonly day_file_bytes: number;
    readonly free_bytes: number | null;
  };
  /** The newest first. */
  readonly reports: readonly { readonly set: string; readonly window: string }[];
}

/**
 * Reads all of it; about ten small queries.
 * @param sets whose reports are listed.
 * @throws {Error} while the archive cannot be read.
 */
export async function survey(sources: StatusSources, sets: readonly QuerySet[]): Promise<Survey> {
  const { store, days, now } = sources;
  const at = now();
  const { stalls, history } = await readPeers(sources, at - HOUR_US, at);
  const held = await readHeld(store, at);
  const collectors = (await readCollectors(sources))
    .map((status) => fleetRow(status, held.byCollector, stalls))
    .sort((a, b) =>
      Number(b.late) - Number(a.late) || Number(a.ended) - Number(b.ended) ||
      byName(a.name, b.name)
    );
  const { bytes, logBytes } = await store.size();
  const files = (await daysStatus(days, store)).files.filter(({ state }) => state !== "dropped");
  return {
    at,
    collectors,
    peers_held: held.all,
    peers: history,
    ends: await readEnds(store, at - HOUR_US),
    disk: {
      archive_bytes: bytes,
      log_bytes: logBytes,
      day_file_bytes: files.reduce((sum, file) => sum + file.bytes, 0),
      free_bytes: await freeBytes(store.options.path),
    },
    reports: await readReports(store, sets),
  };
}

function fleetRow(
  status: CollectorStatus,
  held: ReadonlyMap<string, number>,
  stalls: ReadonlyMap<string, FleetRow["stalls"]>,
): FleetRow {
  const { name, late, receipts, lost_receipts, last_receipt_at, epoch, clock, gaps, heartbeat } =
    status;
  return {
    name,
    late,
    ended: epoch.ended_at !== null,
    peers: heartbeat?.peers ?? held.get(name) ?? 0,
    target_peers: epoch.target_peers,
    receipts,
    lost_receipts,
    missing_batches: gaps.batches,
    last_receipt_at,
    clock,
    stalls: stalls.get(name) ?? { count: 0, seconds: 0 },
    version: epoch.version,
  };
}

/** Sessions that were open at some time since `from`; of a run that was cut off, until its last receipt. */
const SPANS = `SELECT c.name, s.peer_id, s.filter_at AS opened,
    coalesce(s.closed_at, e.ended_at, CASE WHEN e.started_at < n.started_at THEN e.last_receipt_at END) AS closed
  FROM sessions s JOIN epochs e ON e.epoch_id = s.epoch_id JOIN collectors c ON c.collector_id = e.collector_id
    JOIN (SELECT collector_id, max(started_at) AS started_at FROM epochs GROUP BY collector_id) n
      ON n.collector_id = e.collector_id
  WHERE s.closed_at IS NULL OR s.closed_at > make_timestamptz($1)`;

/** Peers held at an instant. In `all`, those that several collectors hold count once. @param at µs since the Unix epoch. */
export async function readHeld(
  store: Pick<StatusSources["store"], "read">,
  at: number,
): Promise<{ readonly all: number; readonly byCollector: ReadonlyMap<string, number> }> {
  const moment = `make_timestamptz(${at})`;
  const rows = await store.read(
    `SELECT name, count(DISTINCT peer_id) AS peers FROM (${SPANS.replace("$1", String(at))})
    WHERE opened <= ${moment} AND (closed IS NULL OR closed > ${moment})
    GROUP BY GROUPING SETS ((name), ())`,
  );
  const counts = rows.map(({ name, peers }) => [name, Number(peers)] as const);
  return {
    all: counts.find(([name]) => name === null)?.[1] ?? 0,
    byCollector: new Map(counts.map(([name, peers]) => [String(name), peers])),
  };
}

async function readPeers({ store }: Pick<StatusSources, "store">, from: number, to: number) {
  const minutes = `SELECT make_timestamptz(${to} - i * 60000000) AS at, i
    FROM range(${MINUTES}) r(i)`;
  const spans = SPANS.replace("$1", String(from));
  const rows = await store.read(
    `SELECT s.name, m.i, count(*) AS peers FROM (${minutes}) m JOIN (${spans}) s
      ON s.opened <= m.at AND (s.closed IS NULL OR s.closed > m.at)
    GROUP BY s.name, m.i`,
  );
  const lines = Map.groupBy(rows, ({ name }) => String(name));
  const history = [...lines].sort(([a], [b]) => byName(a, b)).map(([name, own]) => {
    const counts = new Map(own.map(({ i, peers }) => [Number(i), Number(peers)]));
    // The oldest first.
    return {
      name,
      held: Array.from({ length: MINUTES }, (_, k) => counts.get(MINUTES - 1 - k) ?? 0),
    };
  });
  const stalled = await store.read(
    `SELECT c.name, count(*) AS count, sum(epoch_us(to_at) - epoch_us(from_at)) / 1000000 AS seconds
    FROM stalls s JOIN collectors c ON c.collector_id = s.collector_id
    WHERE to_at > make_timestamptz(${from}) GROUP BY c.name`,
  );
  return {
    history,
    stalls: new Map(
      stalled.map(({ name, count, seconds }) =>
        [String(name), { count: Number(count), seconds: Number(seconds) }] as const
      ),
    ),
  };
}

async function readEnds(store: StatusSources["store"], from: number) {
  const rows = await store.read(
    `SELECT closed_by, coalesce(close_reason, '') AS reason, count(*) AS sessions FROM sessions
    WHERE closed_at > make_timestamptz(${from})
    GROUP BY ALL ORDER BY sessions DESC, closed_by, reason LIMIT ${MAX_REASONS}`,
  );
  return rows.map(({ closed_by, reason, sessions }) => ({
    by: String(closed_by),
    reason: printable(String(reason)),
    sessions: Number(sessions),
  }));
}

async function readReports(store: StatusSources["store"], sets: readonly QuerySet[]) {
  const rows: Row[] = await store.read(
    `SELECT set_name, epoch_us(window_from) AS "from", epoch_us(window_to) AS "to" FROM analytics_runs
    WHERE outcome = 'done' ORDER BY window_to DESC, set_name LIMIT ${MAX_REPORTS}`,
  );
  return rows.filter(({ set_name }) => sets.some(({ name }) => name === set_name))
    .map(({ set_name, from, to }) => ({
      set: String(set_name),
      window: windowName({ from: Number(from), to: Number(to) }),
    }));
}
