// A seeded schedule of moves of a collector between two archivers on a NATS cluster, each while one of its servers is killed.

import { type Archiver, startArchiver } from "../../archiver/run.ts";
import { randomInteger, seededRandom } from "../../shared/random.ts";
import {
  AWAY_MILLISECONDS,
  between,
  type ChaosOutcome,
  COLLECTORS,
  configFor,
  LONGEST_MILLISECONDS,
  PAUSE_MILLISECONDS,
  Sender,
  sleep,
} from "./cluster_chaos.ts";
import { archiveRows } from "./fixtures/archive_check.ts";
import { startNatsCluster } from "./servers/nats_cluster.ts";
import { tempDir } from "./temp_dir.ts";
import { until } from "./until.ts";

/** When, of a move, each archiver is restarted and the server is killed. */
const START_MILLISECONDS = { least: 0, most: 3000 };
/** The kills alone leave few batches to be sent twice. */
const LOST_ANSWERS = 0.05;

/** What came of one schedule. `slowestSeconds`: from the last restart of an archiver until the new one pulls. */
export type MovingOutcome = Pick<
  ChaosOutcome,
  "kills" | "stamped" | "lost" | "doubled" | "slowestSeconds"
>;

/**
 * Moves a collector there and back. The archivers are restarted as their users would, the new one first or last, and the
 * server dies before, between or after.
 *
 * @throws {Error} when a move hangs.
 */
export async function movingChaos(seed: string, moves: number): Promise<MovingOutcome> {
  const random = seededRandom(seed);
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const cluster = stack.use(await startNatsCluster());
  const [stays, moved] = COLLECTORS;
  const paths = ["a.duckdb", "b.duckdb"].map((name) => dir.join(name));
  const archivers: (Archiver | null)[] = [null, null];
  stack.defer(async () => {
    for (const archiver of archivers) await archiver?.[Symbol.asyncDispose]();
  });
  const run = async (index: number, taker: number) => {
    await archivers[index]?.[Symbol.asyncDispose]();
    archivers[index] = null;
    const own = index === 0 ? stays : "another";
    const collectors = index === taker ? [own, moved] : [own];
    archivers[index] = await startArchiver(configFor(paths[index], cluster.urls, collectors));
  };
  const problems = async (index: number) => {
    const answer = await fetch(`${archivers[index]!.url}/healthz`);
    return (await answer.json()).problems as string[];
  };
  for (const index of [0, 1]) await run(index, 0);
  await until(() => cluster.isWhole(), undefined, LONGEST_MILLISECONDS);
  for (const index of [0, 1]) {
    await until(async () => (await problems(index)).length === 0, undefined, LONGEST_MILLISECONDS);
  }
  const kills: string[] = [];
  let [stamped, slowest] = [0, 0];
  {
    await using feeds = new AsyncDisposableStack();
    const senders = await Promise.all(
      COLLECTORS.map(async (collector) =>
        feeds.use(
          await Sender.start(collector, cluster.urls, dir.join(collector), LOST_ANSWERS),
        )
      ),
    );
    for (let i = 1; i <= moves; i++) {
      await sleep(between(random, PAUSE_MILLISECONDS));
      const taker = i % 2;
      const any = randomInteger(random, cluster.urls.length);
      // The one whose absence the others notice most, every other time.
      const victim = (i + randomInteger(random, 2)) % 2 === 0
        ? any
        : cluster.metadataLeader() ?? any;
      const [killAt, ...starts] = [0, 1, 2].map(() => between(random, START_MILLISECONDS));
      const away = between(random, AWAY_MILLISECONDS);
      const missesMove = randomInteger(random, 2) === 0;
      let restarted = 0;
      const restart = async (index: number) => {
        await sleep(starts[index]);
        await run(index, taker);
        restarted = performance.now();
      };
      const kill = async () => {
        await sleep(killAt);
        kills.push(`${victim}${await cluster.leader() === victim ? "*" : ""}`);
        await cluster.kill(victim);
        if (missesMove) return;
        await sleep(away);
        await cluster.restart(victim);
      };
      const killed = kill();
      let last: string[] = [];
      try {
        await Promise.all([restart(0), restart(1)]);
        await until(
          async () => (last = await problems(taker)).length === 0,
          () => `move ${i} to ${taker} hangs (kills ${kills.join()}): ${last.join()}`,
          LONGEST_MILLISECONDS,
        );
        slowest = Math.max(slowest, performance.now() - restarted);
      } finally {
        await killed;
      }
      if (missesMove) await cluster.restart(victim);
      await until(() => cluster.isWhole(), undefined, LONGEST_MILLISECONDS);
    }
    for (const sender of senders) stamped += sender.end();
    await until(
      async () => senders.every(({ isDelivered }) => isDelivered) && await cluster.messages() === 0,
      () => senders.map((sender) => sender.describe()).join("\n"),
      LONGEST_MILLISECONDS,
    );
  }
  for (const archiver of archivers.splice(0)) await archiver?.[Symbol.asyncDispose]();
  const receipts = (await Promise.all(paths.map((path) =>
    archiveRows(
      path,
      `SELECT name || ' ' || epoch_us(received_at) AS receipt
      FROM receipts JOIN collectors USING (collector_id)`,
    )
  ))).flat().map(({ receipt }) => String(receipt));
  const apart = new Set(receipts).size;
  return {
    kills,
    stamped,
    lost: stamped - apart,
    doubled: receipts.length - apart,
    slowestSeconds: slowest / 1000,
  };
}
