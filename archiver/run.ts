// The archiver, put together from its parts.

import { dirname, join } from "node:path";
import { type Clock, systemClock } from "../shared/clock.ts";
import { errorText, UserError } from "../shared/errors.ts";
import { logger } from "../shared/log.ts";
import { readNatsAccess } from "../shared/nats/access.ts";
import { type Random, systemRandom } from "../shared/random.ts";
import { atMost } from "../shared/waiting.ts";
import { Analytics } from "./analytics/analytics.ts";
import { openApiToken, quackTokenFile, tokenFile } from "./api/access.ts";
import { createApi } from "./api/api.ts";
import { Counters } from "./status/counters.ts";
import { healthProblems } from "./status/health.ts";
import { Feed } from "./api/page/feed.ts";
import { PAGE_VERSION } from "./api/page/page.ts";
import { Recent } from "./api/page/recent.ts";
import { type ArchiverConfig, limitOptions } from "./config.ts";
import { publisherOf } from "./publish/publisher.ts";
import { Days } from "./days/days.ts";
import { Claims } from "./intake/claims.ts";
import { answerClock, Heartbeats } from "./intake/heartbeats.ts";
import { Intake } from "./intake/intake.ts";
import { CollectorWatch } from "./intake/watch.ts";
import { JetStreamIntake } from "./intake/jetstream.ts";
import { Quack } from "./quack/quack.ts";
import { Snapshots } from "./snapshots/snapshots.ts";
import { usersFile } from "./postgres/users.ts";
import { archivedRanges, type Claimed, collectorsIn } from "./store/claimed.ts";
import type { OnStep } from "./store/crash_points.ts";
import { archiveIdentity } from "./store/identity.ts";
import { type DatabaseOptions, Store } from "./store/store.ts";

const PROGRESS_EVERY_MS = 10_000;
/** For open requests to end once all that was taken is committed. */
const SHUTDOWN_MS = 5000;
const LOOPBACK = /^(127\.[\d.]+|::1|localhost)$/;

const log = logger("archiver");

/** What the archiver needs of the world. */
export interface ArchiverDependencies {
  readonly clock?: Clock;
  readonly random?: Random;
  /** For tests; see `store/crash_points.ts`. */
  readonly onStep?: OnStep;
}

/** A running archiver. Disposing commits what was taken, checkpoints and closes the archive. */
export interface Archiver extends AsyncDisposable {
  /** Of its API, e.g. `http://127.0.0.1:8470`. */
  readonly url: string;
}

/** Runs an archiver until `signal` aborts. Throws as {@link startArchiver} does. */
export async function runArchiver(config: ArchiverConfig, signal: AbortSignal): Promise<void> {
  await using _archiver = await startArchiver(config);
  if (!signal.aborted) {
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  }
  log.info("Stopping: committing what was taken");
}

/**
 * Starts an archiver.
 * @throws {UserError} when the archive cannot be opened, the NATS credentials cannot be read, a folder of analytics
 * cannot be used, or the API cannot listen. An unreachable NATS server is no error: it is retried.
 */
export async function startArchiver(
  config: ArchiverConfig,
  dependencies: ArchiverDependencies = {},
): Promise<Archiver> {
  const { clock = systemClock, random = systemRandom, onStep } = dependencies;
  // Disposed from the last to the first.
  await using stack = new AsyncDisposableStack();
  const quack = config.quack && new Quack({
    ...config.quack,
    downloads: join(dirname(config.archive), "extensions"),
    readToken: () => openApiToken(quackTokenFile(config)),
  }, clock);
  const claimed = new Map<string, Claimed>();
  const store = await Store.open(
    { ...storeOptions(config), serve: quack && ((connection) => quack.serve(connection)) },
    { clock, random, onStep, claimed },
  );
  stack.defer(() => closeStore(store));
  const days = stack.use(
    new Days({ ...config.days, memoryLimitBytes: config.memory_limit }, {
      ...{ store, clock, onStep },
      newPublisher: publisherOf(config.days.publish),
    }),
  );
  await days.recover();
  const analytics = stack.use(await Analytics.start(config.analytics, { store, clock }));
  const token = await openApiToken(tokenFile(config));
  const counters = new Counters(clock.now());
  const recent = new Recent();
  const watch = stack.use(new CollectorWatch({ store, clock }));
  const { max_receipts: maxReceipts, max_wait: maxWaitMs } = config.commit;
  const intake = new Intake({ maxReceipts, maxWaitMs, limits: limitOptions(config) }, {
    store,
    clock,
    onCommit(commit) {
      const now = clock.now();
      counters.add(commit, now);
      for (const batch of commit.batches) {
        watch.batch(batch);
        recent.add(batch, now);
      }
    },
  });
  const heartbeats = new Heartbeats(clock, (name, { epoch, at }) => {
    watch.heartbeat(name, epoch, at);
  });
  const { nats } = config;
  const archive = await archiveIdentity(store);
  const isOurs = (collector: string) => nats?.collectors?.includes(collector) ?? true;
  // What cannot be read at all is said at once.
  if (nats) await readNatsAccess(nats);
  const jetStream = nats
    ? stack.use(
      new JetStreamIntake({
        servers: nats.servers,
        readAccess: () => readNatsAccess(nats),
        stream: nats.stream,
        maxBatches: nats.max_batches,
        replicas: nats.replicas,
        collectors: nats.collectors ?? null,
        archive,
      }, {
        intake,
        resendRequests: () => store.resendRequests(),
        isWanting: async (collector) => {
          const rows = await store.read(
            `SELECT 1 FROM unresolved_receipts JOIN epochs USING (epoch_id)
            JOIN collectors c ON c.collector_id = epochs.collector_id WHERE c.name = $1 LIMIT 1`,
            [collector],
          );
          return rows.length > 0;
        },
        onConnect(connection) {
          heartbeats.listen(connection);
          // Of archivers that share collectors, the one that has it answers.
          const answers = (name: string) => nats.collectors ? claimed.has(name) : true;
          answerClock(connection, clock, answers, archive);
        },
        clock,
        claims: new Claims({
          archive,
          replicas: nats.replicas,
          clock,
          claimed,
          known: () => collectorsIn(store),
          archived: (collector) => archivedRanges(store, collector),
        }),
      }),
    )
    : null;
  const { folder, max_files: maxFiles } = config.snapshots;
  const now = () => clock.now();
  const sources = {
    store,
    intake,
    jetStream,
    heartbeats,
    counters,
    days,
    analytics,
    watch,
    quack,
    now,
    isOurs,
  };
  const { sets } = config.analytics;
  const feed = new Feed(
    { maxViewers: config.api.viewers, sets, version: PAGE_VERSION },
    { recent, sources, problems: () => healthProblems(sources), clock },
  );
  const postgres = await startPostgres(config, store);
  if (postgres) stack.use(postgres);
  const api = createApi({
    ...{ ...sources, token, feed, sets, postgres },
    snapshots: new Snapshots({ folder, maxFiles }, { store, clock }),
    names: [config.api.host, ...config.api.names],
  });
  stack.defer(() => intake[Symbol.asyncDispose]());
  const server = listen(config.api, api.fetch);
  stack.defer(() => atMost(clock, SHUTDOWN_MS, server.shutdown()));
  // Disposed first: take no more and commit what was taken; only then can open requests be answered.
  stack.defer(async () => {
    // Together: a pull may wait for room that only the end of the intake gives.
    const parts = [feed, intake, days, analytics].map((part) => part[Symbol.asyncDispose]());
    await Promise.all([jetStream?.stop(), ...parts]);
  });
  stack.defer(reportProgress(counters, intake, clock));
  days.start();
  watch.start();
  const { hostname, port } = server.addr;
  const url = `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  const what = config.api.viewers > 0 ? "live page and API" : "API";
  log.info("Archiving into {path}; {what} at {url}", { path: config.archive, what, url });
  const owned = stack.move();
  return { url, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** With clients of its own, DuckDB reaches the archiver's folders only; Postgres clients bring memory for their queries. */
function storeOptions(config: ArchiverConfig): DatabaseOptions {
  const { archive: path, memory_limit, threads, days, snapshots, analytics } = config;
  const folders = [dirname(path), days.folder, snapshots.folder, analytics.work_folder];
  return {
    ...{ path, threads, memoryLimitBytes: memory_limit + (config.postgres?.memory ?? 0) },
    ...(config.postgres || config.quack) && { folders },
  };
}

/** Loads it only when it is configured: the catalogue takes much memory. */
async function startPostgres({ postgres, archive }: ArchiverConfig, store: Store) {
  if (!postgres) return null;
  const { PostgresServer } = await import("./postgres/server.ts");
  const file = usersFile(archive, postgres.users_file);
  return await PostgresServer.start(postgres, { store, archive, usersFile: file });
}

function listen(
  api: ArchiverConfig["api"],
  handler: (request: Request) => Response | Promise<Response>,
): Deno.HttpServer<Deno.NetAddr> {
  const { host, port } = api;
  if (!LOOPBACK.test(host)) {
    const text = "The API listens on {host}: everyone who can reach it can read the archive";
    log.warning(text, { host });
  }
  try {
    return Deno.serve({ hostname: host, port, onListen: () => {} }, (request) => handler(request));
  } catch (error) {
    const text = `Cannot listen on ${host}:${port} (api): ${errorText(error)}`;
    throw new UserError(text, { cause: error });
  }
}

/** A failed checkpoint loses nothing: what is committed is in the write-ahead log. */
async function closeStore(store: Store): Promise<void> {
  try {
    await store[Symbol.asyncDispose]();
  } catch (error) {
    log.warning("Cannot checkpoint the archive: {error}", { error: errorText(error) });
  }
}

/** Logs progress while batches come; returns what ends it. */
function reportProgress(counters: Counters, intake: Intake, clock: Clock): () => void {
  let last = { receipts: counters.receipts, at: clock.now() };
  const timer = setInterval(() => {
    const now = clock.now();
    const receipts = counters.receipts - last.receipts;
    const seconds = (now - last.at) / 1_000_000;
    last = { receipts: counters.receipts, at: now };
    if (receipts === 0 && intake.status().batches === 0) return;
    log.info(
      "{receipts} receipts archived, {rate}/s; the latest is {lag} s old; batches waiting: {waiting}",
      {
        receipts: counters.receipts,
        rate: Math.round(receipts / seconds),
        lag: counters.lastReceiptAt === null
          ? "?"
          : ((now - counters.lastReceiptAt) / 1_000_000).toFixed(1),
        waiting: intake.status().batches,
      },
    );
  }, PROGRESS_EVERY_MS);
  return () => clearInterval(timer);
}
