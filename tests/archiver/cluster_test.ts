import { deepEqual, ok } from "node:assert/strict";
import type { NatsConnection } from "nats";
import { openConsumer, openStream, readNext, resetConsumer } from "../../archiver/intake/stream.ts";
import { startArchiver } from "../../archiver/run.ts";
import { JetStreamUplink } from "../../collector/uplink/jetstream.ts";
import { connectNats } from "../../shared/nats/connect.ts";
import { BATCHES, STREAM } from "../../shared/subjects.ts";
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

Deno.test("after batches were sent twice, a server that was killed has the same stream as the others", async () => {
  await using stack = new AsyncDisposableStack();
  const cluster = stack.use(await startNatsCluster());
  const { urls: servers } = cluster;
  const uplink = stack.use(
    new JetStreamUplink({
      ...{ servers, stream: STREAM, collector: "vps1", maxOutstanding: 1 },
      readAccess: () => Promise.resolve({ servers }),
      onResendRequest: () => {},
    }),
  );
  const send = async (first: number, last: number) => {
    const { signal } = new AbortController();
    for (let number = first; number <= last; number++) {
      const bytes = new TextEncoder().encode(`batch ${number}`);
      const sending = () => uplink.send({ epoch: 1, number, bytes }, signal);
      await until(() => sending().then(() => true, () => false));
    }
  };
  const connect = async () => {
    const nats = await connectNats({ servers, name: "test" });
    stack.defer(() => nats.close());
    return nats;
  };
  const before = await connect();
  await until(() => openStream(before, STREAM, 1000, 3).then(() => true, () => false));
  await until(() => cluster.isWhole());
  await send(0, 9);
  // As if the answers had been lost.
  await send(5, 9);
  const consumer = await openConsumer(before, { stream: STREAM, archive: "1", collector: null });
  while (await cluster.messages() !== 0) {
    const batches = await consumer.fetch({ max_messages: 10, expires: 1000 });
    for await (const message of batches) await message.ackAck();
  }
  // A server that chance chooses answers: on all of them they are removed.
  await until(async () => {
    const read = () => readNext(before, STREAM, BATCHES, 1);
    const found = await Promise.all(Array.from({ length: 30 }, read)).catch(() => null);
    return found?.every((next) => next === null) ?? false;
  });
  const victim = (1 + (await cluster.leader())!) % servers.length;
  await cluster.kill(victim);
  await cluster.restart(victim);
  await until(() => cluster.isWhole());
  await send(10, 10);
  await until(() => cluster.isWhole());
  const after = await connect();
  const manager = await after.jetstreamManager();
  const { state } = await manager.streams.info(STREAM);
  await until(async () => {
    if (await cluster.leader() === victim) return true;
    await after.request(`$JS.API.STREAM.LEADER.STEPDOWN.${STREAM}`).catch(() => {});
    return false;
  });
  const { state: { first_seq, last_seq } } = await manager.streams.info(STREAM);
  deepEqual([first_seq, last_seq], [state.first_seq, state.last_seq]);
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
