import assert from "node:assert/strict";
import { compareWithLedger } from "../demo/compare.ts";
import { type SimnetChild, startSimnet } from "../simnet/child.ts";
import type { Done } from "../simnet/ipc.ts";
import { archiveTotals } from "../support/archive_check.ts";
import { freePort } from "../support/free_port.ts";
import { startNatsServer, untilArchived } from "../support/nats_server.ts";
import type { Process } from "../support/process.ts";
import { type ArchiverProcess, startArchiver, startCollector } from "../support/programs.ts";
import { tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

const PEERS = 12;
const SECONDS = 8;
/** What a killed archiver had not acknowledged may be given out again only after a while, and more than once. */
const PATIENCE_MILLISECONDS = 90_000;

/** A run whose parts can be killed. */
interface Run {
  readonly simnet: SimnetChild;
  readonly collector: Process;
  archiver: ArchiverProcess;
  /** What the simulated network did, once all is written. */
  done: Done | null;
}

/** Receipts that the archiver says it holds; null while it does not answer. */
async function archived({ archiver }: Run): Promise<number | null> {
  const status = await archiver.get("/status") as
    | { collectors: { receipts: number }[] }
    | null;
  return status && status.collectors.reduce((sum, { receipts }) => sum + receipts, 0);
}

function told({ collector, archiver }: Run): () => string {
  return () => [...collector.lines.slice(-20), ...archiver.process.lines.slice(-20)].join("\n");
}

/** Waits until more than `before` receipts are archived, or the network has nothing more to send. */
async function untilMore(run: Run, before: number): Promise<number> {
  await until(
    async () => run.done !== null || (await archived(run) ?? 0) > before,
    told(run),
    PATIENCE_MILLISECONDS,
  );
  return await archived(run) ?? before;
}

/** Lets the run come to its end, stops everything in order, and holds the archive against what was sent. */
async function settle(run: Run, sent: Promise<Done>, untilDelivered: () => Promise<void>) {
  const done = await sent;
  assert.deepEqual([done.skipped, done.uncertain, done.failures], [0, 0, []]);
  await until(async () => await archived(run) === done.sent, told(run), PATIENCE_MILLISECONDS);
  assert.equal((await run.collector.terminate()).code, 0, told(run)());
  await untilDelivered();
  assert.equal((await run.archiver.process.terminate()).code, 0, told(run)());

  const totals = await archiveTotals(run.archiver.archive);
  assert.equal(totals.stamped, done.sent);
  assert.equal(totals.receipts, done.sent);
  assert.deepEqual(
    [totals.gaps, totals.unresolved, totals.deadLetters, totals.messagesTwice],
    [0, 0, 0, 0],
  );
  const { lost, duplicated, differing, examples } = await compareWithLedger(
    run.archiver.archive,
    done.ledger,
  );
  assert.deepEqual({ lost, duplicated, differing }, { lost: 0, duplicated: 0, differing: 0 });
  assert.deepEqual(examples, []);
}

/** Kills the archiver and starts another on the same archive. */
async function replaceArchiver(run: Run, start: () => Promise<ArchiverProcess>): Promise<void> {
  assert.equal((await run.archiver.process.kill()).signal, "SIGKILL");
  run.archiver = await start();
}

/** A collector on all of a simulated network's peers, subscribed to each. */
async function startRun(
  dir: string,
  uplink: Record<string, unknown>,
  startFirstArchiver: () => Promise<ArchiverProcess>,
  stack: AsyncDisposableStack,
): Promise<{ run: Run; sent: Promise<Done> }> {
  const simnet = stack.use(await startSimnet({ peers: PEERS, seconds: SECONDS, seed: 2, dir }));
  const collector = stack.use(
    await startCollector(dir, {
      name: "crash",
      peers: { file: simnet.ready.addresses, target: PEERS, dials_per_second: 100 },
      batch: { max_age: "200ms" },
      uplink,
    }),
  );
  // The collector is there first: it has nowhere to send to yet.
  await until(
    () => simnet.progress()?.subscribed === PEERS,
    () => [...collector.lines, ...simnet.process.lines].slice(-40).join("\n"),
  );
  await simnet.start();
  const run: Run = { simnet, collector, archiver: await startFirstArchiver(), done: null };
  stack.defer(() => run.archiver[Symbol.asyncDispose]());
  const sent = simnet.done(PATIENCE_MILLISECONDS);
  // A failure is told by whoever awaits `sent`.
  sent.then((done) => run.done = done, () => {});
  return { run, sent };
}

Deno.test("killing archiver and nats-server in turn loses and doubles nothing", async () => {
  await using dir = await tempDir();
  await using server = await startNatsServer();
  await using stack = new AsyncDisposableStack();
  const start = () => startArchiver({ dir: dir.path, nats: server.url });
  const uplink = { kind: "nats", servers: [server.url] };
  const { run, sent } = await startRun(dir.path, uplink, start, stack);

  let seen = await untilMore(run, 0);
  assert.equal(run.done, null, "the network was through before the first kill");
  await replaceArchiver(run, start);
  seen = await untilMore(run, seen);
  await server.kill();
  await server.restart();
  seen = await untilMore(run, seen);
  await Promise.all([replaceArchiver(run, start), server.kill()]);
  await server.restart();
  seen = await untilMore(run, seen);

  await settle(run, sent, () => untilArchived(server, told(run)));
});

Deno.test("killing the archiver of a local collector loses and doubles nothing", async () => {
  await using dir = await tempDir();
  await using stack = new AsyncDisposableStack();
  const port = freePort();
  const start = () => startArchiver({ dir: dir.path, port });
  const uplink = { kind: "local", url: `http://127.0.0.1:${port}` };
  const { run, sent } = await startRun(dir.path, uplink, start, stack);

  let seen = await untilMore(run, 0);
  assert.equal(run.done, null, "the network was through before the first kill");
  await replaceArchiver(run, start);
  seen = await untilMore(run, seen);
  await replaceArchiver(run, start);
  // A local uplink's batches are committed before they are delivered: nothing is left to wait for.
  await settle(run, sent, () => Promise.resolve());
});
