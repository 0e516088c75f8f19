import { deepEqual, ok } from "node:assert/strict";
import type { NatsConnection } from "nats";
import { openConsumer, openStream, resetConsumer } from "../../archiver/intake/stream.ts";
import { startArchiver } from "../../archiver/run.ts";
import { connectNats } from "../../shared/nats/connect.ts";
import { STREAM } from "../../shared/subjects.ts";
import { CapturedLog } from "../support/captured_log.ts";
import { clusterChaos, configFor } from "../support/cluster_chaos.ts";
import { movingChaos } from "../support/moving_chaos.ts";
import { startNatsCluster } from "../support/servers/nats_cluster.ts";
import { tempDir } from "../support/temp_dir.ts";
import { until, untilWell } from "../support/until.ts";

Deno.test("SIGKILL of a cluster's servers under load, leaders too, loses and doubles nothing", async () => {
  using _ = new CapturedLog();
  const { stamped, lost, doubled, slowestSeconds, kills } = await clusterChaos("suite", 2, true);
  deepEqual({ lost, doubled }, { lost: 0, doubled: 0 }, kills.join());
  ok(stamped > 0);
  // A loaded machine is slower; `deno task bench --only cluster` holds it against 10 s.
  ok(slowestSeconds < 60, `${slowestSeconds} s`);
});

Deno.test("a collector moved between archivers there and back, each time while a server is killed, loses and doubles nothing", async () => {
  using _ = new CapturedLog();
  const { stamped, lost, doubled, kills } = await movingChaos("suite", 2);
  deepEqual({ lost, doubled }, { lost: 0, doubled: 0 }, kills.join());
  ok(stamped > 0);
});

Deno.test("a server that was killed and missed how a collector was let go keeps no other archive from it", async () => {
  await using stack = new AsyncDisposableStack();
  const cluster = stack.use(await startNatsCluster());
  const within = async <T>(index: number, work: (nats: NatsConnection) => Promise<T>) => {
    const nats = await connectNats({ servers: [cluster.urls[index]], name: "test" });
    try {
      await until(() => work(nats).then(() => true, () => false));
    } finally {
      await nats.close();
    }
  };
  const claimOf = (archive: number) => ({
    stream: STREAM,
    archive: String(archive),
    collector: "vps1",
  });
  await within(0, (nats) => openStream(nats, STREAM, 1000, 3));
  for (let archive = 0; archive < 4; archive += 2) {
    await until(() => cluster.isWhole());
    await within(0, (nats) => openConsumer(nats, claimOf(archive)));
    // It led what the cluster says of consumers, and nats-server 2.9 then forgets to delete its own.
    await until(() => cluster.metadataLeader() !== null);
    const victim = cluster.metadataLeader()!;
    const other = (victim + 1) % 3;
    await cluster.kill(victim);
    await within(other, (nats) => resetConsumer(nats, claimOf(archive)));
    await within(other, (nats) => openConsumer(nats, claimOf(archive + 1)));
    await cluster.restart(victim);
    await until(() => cluster.isWhole());
    await within(victim, (nats) => resetConsumer(nats, claimOf(archive + 1)));
  }
  await within(0, (nats) => openConsumer(nats, claimOf(4)));
});

Deno.test("what a cluster lacks at the start is said in one line, until it is there", async () => {
  await using stack = new AsyncDisposableStack();
  stack.use(new CapturedLog());
  const dir = stack.use(await tempDir());
  const cluster = stack.use(await startNatsCluster());
  await Promise.all([cluster.kill(1), cluster.kill(2)]);
  await using archiver = await startArchiver(configFor(dir.join("a.duckdb"), [cluster.urls[0]]));
  const says = (problem: RegExp) =>
    until(async () => problem.test(await (await fetch(`${archiver.url}/healthz`)).text()));
  await says(/\(of a cluster, most servers must run\)/);
  await cluster.restart(1);
  await says(
    /stream GOSSIP cannot be kept on 3 servers \(nats\.replicas\), so many of one cluster/,
  );
  await cluster.restart(2);
  await untilWell(archiver.url);
});
