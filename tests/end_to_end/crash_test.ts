import assert from "node:assert/strict";
import { compareWithLedger } from "../demo/compare.ts";
import { archiveTotals } from "../support/fixtures/archive_check.ts";
import { freePort } from "../support/servers/free_port.ts";
import { startNatsServer, untilArchived } from "../support/servers/nats_server.ts";
import { ObservedRun, PATIENCE_MILLISECONDS } from "../support/fixtures/observed_run.ts";
import { startArchiver } from "../support/servers/programs.ts";
import { tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

const NETWORK = { name: "crash", peers: 12, seconds: 8, seed: 2 };

/** Waits until more than `before` receipts are archived, or the network has nothing more to send. */
async function untilMore(run: ObservedRun, before: number): Promise<number> {
  await until(
    async () => run.done !== null || (await run.archived() ?? 0) > before,
    run.told,
    PATIENCE_MILLISECONDS,
  );
  return await run.archived() ?? before;
}

/** Lets the run come to its end, stops everything in order, and holds the archive against what was sent. */
async function settle(run: ObservedRun, untilDelivered: () => Promise<void>) {
  const done = await run.sent;
  assert.deepEqual([done.skipped, done.uncertain, done.failures], [0, 0, []]);
  await until(async () => await run.archived() === done.sent, run.told, PATIENCE_MILLISECONDS);
  assert.equal((await run.collector.terminate()).code, 0, run.told());
  await untilDelivered();
  assert.equal((await run.archiver.process.terminate()).code, 0, run.told());

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

Deno.test("killing archiver and nats-server in turn loses and doubles nothing", async () => {
  await using dir = await tempDir();
  await using server = await startNatsServer();
  await using run = await ObservedRun.start({
    ...NETWORK,
    dir: dir.path,
    uplink: { kind: "nats", servers: [server.url] },
    startArchiver: () => startArchiver({ dir: dir.path, nats: server.url }),
    hold: true,
  });

  let seen = await untilMore(run, 0);
  assert.equal(run.done, null, "the network was through before the first kill");
  run.release();
  await run.replaceArchiver();
  seen = await untilMore(run, seen);
  await server.kill();
  await server.restart();
  seen = await untilMore(run, seen);
  await Promise.all([run.replaceArchiver(), server.kill()]);
  await server.restart();
  seen = await untilMore(run, seen);

  await settle(run, () => untilArchived(server, run.told));
});

Deno.test("killing the archiver of a local collector loses and doubles nothing", async () => {
  await using dir = await tempDir();
  const port = freePort();
  await using run = await ObservedRun.start({
    ...NETWORK,
    dir: dir.path,
    uplink: { kind: "local", url: `http://127.0.0.1:${port}` },
    startArchiver: () => startArchiver({ dir: dir.path, port }),
    hold: true,
  });

  let seen = await untilMore(run, 0);
  assert.equal(run.done, null, "the network was through before the first kill");
  run.release();
  await run.replaceArchiver();
  seen = await untilMore(run, seen);
  await run.replaceArchiver();
  // A local uplink's batches are committed before they are delivered: nothing is left to wait for.
  await settle(run, () => Promise.resolve());
});
