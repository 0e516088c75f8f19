import assert from "node:assert/strict";
import type { NatsConnection } from "nats";
import { type ArchiverConfig, ArchiverConfigSchema } from "../../archiver/config.ts";
import { type Given, OrderedAcks } from "../../archiver/intake/ordered_acks.ts";
import { openConsumer, openStream } from "../../archiver/intake/stream.ts";
import { startArchiver } from "../../archiver/run.ts";
import type { Batch } from "../../shared/batch/batch.ts";
import { encodeBatch } from "../../shared/batch/codec.ts";
import { decodeResendRequest } from "../../shared/batch/resend_request.ts";
import { parseConfig } from "../../shared/config.ts";
import { connectNats } from "../../shared/nats/connect.ts";
import { encodeMessage } from "../../shared/nats/message.ts";
import { batchSubject, heartbeatSubject, resendSubject, STREAM } from "../../shared/subjects.ts";
import { openArchive, receiptLines, rows } from "../support/fixtures/archive.ts";
import { BatchMaker, plainMessage } from "../support/fixtures/batch_maker.ts";
import { type NatsServer, startNatsServer } from "../support/servers/nats_server.ts";
import { startProgram } from "../support/servers/process.ts";
import { tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

function configFor(archive: string, server: string, maxBatches = 1000): ArchiverConfig {
  const yaml = `archive: ${archive}\napi: {port: 0}\nthreads: 1\nmemory_limit: 256MiB\n` +
    `nats: {servers: ['${server}'], max_batches: ${maxBatches}}\n`;
  return parseConfig(yaml, ArchiverConfigSchema, "test.yaml");
}

const CLAIM = { stream: STREAM, archive: "test", collector: null };

/** Batches of two receipts each; each but the first brings a message of its own. */
function makeBatches(count: number): Batch[] {
  const maker = new BatchMaker("alpha");
  const session = maker.session(1);
  return Array.from({ length: count }, (_, i) => {
    const message = maker.message(plainMessage(i));
    for (let k = 0; k < 2; k++) maker.receipt(maker.epoch + i * 1000 + k, message, session);
    return maker.close();
  });
}

/** Publishes as a collector does: until the stream has it. */
async function publish(connection: NatsConnection, batches: readonly Batch[]): Promise<void> {
  const jetStream = connection.jetstream();
  for (const batch of batches) {
    const send = () =>
      jetStream.publish(batchSubject(batch.collector), encodeBatch(batch), { timeout: 1000 });
    await until(() => send().then(() => true, () => false));
  }
}

/** Publishes many at once, over a new connection whenever one is lost, until the stream has had them all. */
async function publishAnyhow(server: NatsServer, batches: readonly Batch[]): Promise<void> {
  for (let next = 0; next < batches.length;) {
    const connection = await connectNats({ servers: [server.url], name: "test" }).catch(() => null);
    if (connection === null) continue;
    const jetStream = connection.jetstream();
    const sent = batches.slice(next, next + 40).map((batch) => {
      const options = { timeout: 1000 };
      const sending = jetStream.publish(batchSubject("alpha"), encodeBatch(batch), options);
      return sending.then(() => true, () => false);
    });
    const failed = (await Promise.all(sent)).indexOf(false);
    next += failed === -1 ? sent.length : failed;
    await connection.close();
  }
}

/** What the archiver's API says. */
async function get(url: string, path: string) {
  const response = await fetch(url + path);
  return { status: response.status, body: await response.json() };
}

async function receiptsAt(url: string): Promise<number> {
  const { collectors } = (await get(url, "/status")).body;
  return collectors[0]?.receipts ?? 0;
}

/** That the archive holds each receipt of `batches` once, and nothing missing. */
async function checkArchive(path: string, batches: readonly Batch[]): Promise<void> {
  await using store = await openArchive(path);
  const lines = await receiptLines(store);
  const times = lines.map((line) => Number(line.split(" ")[0]));
  assert.deepEqual(times, batches.flatMap(({ receipts }) => [...receipts.receivedAt]));
  assert.deepEqual(await rows(store, "SELECT * FROM gaps"), []);
}

Deno.test("batches come through a real broker, are committed, then acknowledged", async () => {
  await using dir = await tempDir();
  await using server = await startNatsServer();
  const batches = makeBatches(50);
  const path = dir.join("a.duckdb");
  {
    await using archiver = await startArchiver(configFor(path, server.url));
    const connection = await connectNats({ servers: [server.url], name: "test" });
    await publish(connection, batches);
    await until(async () => await receiptsAt(archiver.url) === 100);
    assert.deepEqual((await get(archiver.url, "/healthz")).body, { ok: true, problems: [] });
    const manager = await connection.jetstreamManager();
    await until(async () => (await manager.streams.info(STREAM)).state.messages === 0);
    const { config } = await manager.streams.info(STREAM);
    assert.equal(config.retention, "workqueue");
    assert.equal(config.discard, "new");
    assert.equal(config.max_msgs, 1000);
    assert.equal(config.max_bytes, -1);
    await connection.close();
  }
  await checkArchive(path, batches);
});

Deno.test("a stream that takes the batches already is named, and nothing is pulled in its place", async () => {
  await using dir = await tempDir();
  await using server = await startNatsServer();
  const connection = await connectNats({ servers: [server.url], name: "test" });
  const manager = await connection.jetstreamManager();
  await manager.streams.add({ name: "EVERYTHING", subjects: ["gossip.>"] });
  await using archiver = await startArchiver(configFor(dir.join("a.duckdb"), server.url));
  const problem =
    /Cannot make stream GOSSIP: EVERYTHING takes gossip\.batches\.\* already: delete it/;
  await until(async () => problem.test((await get(archiver.url, "/healthz")).body.problems.join()));
  await manager.streams.delete("EVERYTHING");
  await until(async () => (await get(archiver.url, "/healthz")).body.ok);
  await connection.close();
});

Deno.test("an archiver that starts before its broker serves its API, says so, and goes on by itself", async () => {
  await using dir = await tempDir();
  await using server = await startNatsServer();
  await server.kill();
  const path = dir.join("a.duckdb");
  const batches = makeBatches(3);
  {
    await using archiver = await startArchiver(configFor(path, server.url));
    const { status, body } = await get(archiver.url, "/healthz");
    assert.equal(status, 503);
    assert.match(body.problems[0], /^no batches from NATS: /);
    await server.restart();
    const connection = await connectNats({ servers: [server.url], name: "test" });
    await publish(connection, batches);
    await until(async () => await receiptsAt(archiver.url) === 6);
    assert.equal((await get(archiver.url, "/healthz")).status, 200);
    await connection.close();
  }
  await checkArchive(path, batches);
});

Deno.test("a stream that a collector filled before the archiver's first start is taken over", async () => {
  await using dir = await tempDir();
  await using server = await startNatsServer();
  const path = dir.join("a.duckdb");
  const batches = makeBatches(20);
  const connection = await connectNats({ servers: [server.url], name: "test" });
  // An older archiver made the stream with another limit.
  {
    await using _first = await startArchiver(configFor(dir.join("other.duckdb"), server.url));
    const manager = await connection.jetstreamManager();
    await until(() => manager.streams.info(STREAM).then(() => true, () => false));
    await until(() => manager.consumers.info(STREAM, "archiver").then(() => true, () => false));
    await manager.streams.update(STREAM, { max_msgs: 500, max_bytes: 1024 * 1024 });
  }
  await publish(connection, batches);
  {
    await using archiver = await startArchiver(configFor(path, server.url));
    await until(async () => await receiptsAt(archiver.url) === 40);
    const { config } = await (await connection.jetstreamManager()).streams.info(STREAM);
    assert.equal(config.max_msgs, 1000);
    assert.equal(config.max_bytes, -1);
  }
  await connection.close();
  await checkArchive(path, batches);
});

for (const [what, maxBatches] of [["a roomy", 1000], ["an always full", 16]] as const) {
  Deno.test(`killing the broker again and again with ${what} stream loses and doubles nothing`, async () => {
    await using dir = await tempDir();
    await using server = await startNatsServer();
    const path = dir.join("a.duckdb");
    const batches = makeBatches(400);
    {
      await using archiver = await startArchiver(configFor(path, server.url, maxBatches));
      const publishing = publishAnyhow(server, batches);
      for (const receipts of [60, 200, 400]) {
        await until(async () => await receiptsAt(archiver.url) >= receipts);
        await server.kill();
        await server.restart();
      }
      await publishing;
      await until(async () => await receiptsAt(archiver.url) === 800);
      // What the killed server brought back is taken off the stream again.
      const connection = await connectNats({ servers: [server.url], name: "test" });
      const manager = await connection.jetstreamManager();
      await until(async () => (await manager.streams.info(STREAM)).state.messages === 0);
      await connection.close();
    }
    await checkArchive(path, batches);
  });
}

Deno.test("an archiver stops in order while its broker is away", async () => {
  await using dir = await tempDir();
  await using server = await startNatsServer();
  const path = dir.join("a.duckdb");
  const yaml = `archive: ${path}\napi: {port: 0}\nnats: {servers: ['${server.url}']}\n`;
  await Deno.writeTextFile(dir.join("a.yaml"), yaml);
  await using archiver = startProgram("archiver/main.ts", ["--config", dir.join("a.yaml")], ["-A"]);
  await archiver.waitForLine(/Pulling batches/);
  await server.kill();
  await archiver.waitForLine(/Cannot pull batches .*disconnected/);
  archiver.signal("SIGTERM");
  assert.equal((await archiver.wait()).code, 0);
});

Deno.test("a malformed batch on the stream is set aside, acknowledged and counted", async () => {
  await using dir = await tempDir();
  await using server = await startNatsServer();
  const path = dir.join("a.duckdb");
  const batches = makeBatches(2);
  {
    await using archiver = await startArchiver(configFor(path, server.url));
    const connection = await connectNats({ servers: [server.url], name: "test" });
    await publish(connection, batches.slice(0, 1));
    await connection.jetstream().publish(batchSubject("evil"), new Uint8Array(100).fill(7));
    await publish(connection, batches.slice(1));
    await until(async () => await receiptsAt(archiver.url) === 4);
    const manager = await connection.jetstreamManager();
    await until(async () => (await manager.streams.info(STREAM)).state.messages === 0);
    await until(async () => (await get(archiver.url, "/status")).body.dead_letters === 1);
    await connection.close();
  }
  await checkArchive(path, batches);
  await using store = await openArchive(path);
  const [letter] = await rows(store, "SELECT source, reason FROM dead_letters");
  assert.equal(letter.source, batchSubject("evil"));
  assert.match(String(letter.reason), /^bad_magic: /);
});

Deno.test("a collector cannot write as another: the broker's subject says who sent a batch", async () => {
  await using dir = await tempDir();
  await using server = await startNatsServer();
  const path = dir.join("a.duckdb");
  const batches = makeBatches(3);
  {
    await using archiver = await startArchiver(configFor(path, server.url));
    const connection = await connectNats({ servers: [server.url], name: "test" });
    const stolen = batches.map((batch) => ({ ...batch, receiptsBefore: batch.receiptsBefore + 9 }));
    for (const batch of stolen) {
      const send = () => connection.jetstream().publish(batchSubject("evil"), encodeBatch(batch));
      await until(() => send().then(() => true, () => false));
    }
    await publish(connection, batches);
    await until(async () => await receiptsAt(archiver.url) === 6);
    const health = await get(archiver.url, "/healthz");
    assert.equal(health.status, 503);
    assert.match(
      health.body.problems[0],
      /^3 payloads set aside, the last from gossip\.batches\.evil: wrong_sender: evil .* alpha$/,
    );
    const metrics = await (await fetch(`${archiver.url}/metrics`)).text();
    assert.match(metrics, /^gossip_archiver_set_aside_total\{reason="wrong_sender"\} 3$/m);
    await connection.close();
  }
  await checkArchive(path, batches);
});

Deno.test("a consumer that delivers nothing while batches wait is noticed, named and made anew", async () => {
  await using dir = await tempDir();
  await using server = await startNatsServer();
  const path = dir.join("a.duckdb");
  const batches = makeBatches(3);
  {
    await using archiver = await startArchiver(configFor(path, server.url));
    const connection = await connectNats({ servers: [server.url], name: "test" });
    await publish(connection, batches.slice(0, 1));
    await until(async () => await receiptsAt(archiver.url) === 2);
    const manager = await connection.jetstreamManager();
    // As a newer server's pause would, or another client's mistake.
    await manager.consumers.update(STREAM, "archiver", { filter_subject: batchSubject("nobody") });
    await publish(connection, batches.slice(1));
    let problem = "";
    await until(async () => {
      const { body } = await get(archiver.url, "/healthz");
      problem = body.problems[0] ?? problem;
      return await receiptsAt(archiver.url) === 6;
    });
    assert.match(
      problem,
      /^no batches from NATS: 2 batches wait and consumer archiver delivers none .* making it anew$/,
    );
    await until(async () => (await get(archiver.url, "/healthz")).status === 200);
    await connection.close();
  }
  await checkArchive(path, batches);
});

Deno.test("what is wanted is asked for on the collector's subject, until it is told", async () => {
  await using dir = await tempDir();
  await using server = await startNatsServer();
  const path = dir.join("a.duckdb");
  const maker = new BatchMaker("alpha");
  const [session, raw] = [maker.session(1), plainMessage(1)];
  const message = maker.message(raw);
  const lost = maker.close();
  maker.receipt(maker.epoch + 1, message, session);
  const first = maker.close();
  {
    await using archiver = await startArchiver(configFor(path, server.url));
    const connection = await connectNats({ servers: [server.url], name: "test" });
    const requests = connection.subscribe(resendSubject("alpha"), { max: 1 });
    await publish(connection, [first]);
    for await (const { data } of requests) {
      const resend = { epoch: maker.epoch, messages: [message], sessions: [session] };
      assert.deepEqual(decodeResendRequest(data), resend);
    }
    maker.tell(message, raw);
    maker.event(lost.events[0]);
    await publish(connection, [maker.close()]);
    await until(async () => {
      const [collector] = (await get(archiver.url, "/status")).body.collectors;
      return collector.unresolved_receipts === 0;
    });
    await connection.close();
  }
  await using store = await openArchive(path);
  assert.equal((await receiptLines(store)).length, 1);
});

Deno.test("a collector's heartbeats are shown in the status", async () => {
  await using dir = await tempDir();
  await using server = await startNatsServer();
  await using archiver = await startArchiver(configFor(dir.join("a.duckdb"), server.url));
  const connection = await connectNats({ servers: [server.url], name: "test" });
  const facts = { at: 1, epoch: 2, version: "x", peers: 3, receipts: 4, spool_bytes: 5 };
  await until(async () => {
    connection.publish(heartbeatSubject("alpha"), encodeMessage(facts));
    connection.publish(heartbeatSubject("beta"), new Uint8Array([1]));
    return (await get(archiver.url, "/status")).body.new_collectors.length > 0;
  });
  const { new_collectors } = (await get(archiver.url, "/status")).body;
  assert.equal(new_collectors.length, 1);
  assert.equal(new_collectors[0].name, "alpha");
  assert.equal(new_collectors[0].heartbeat.peers, 3);
  await connection.close();
});

Deno.test("a full stream that is killed keeps what was given out and not acknowledged", async () => {
  await using server = await startNatsServer();
  const before = await connectNats({ servers: [server.url], name: "test" });
  await openStream(before, STREAM, 20);
  const batches = makeBatches(30);
  await publish(before, batches.slice(0, 20));
  const acks = new OrderedAcks();
  const consumer = await openConsumer(before, CLAIM);
  const given: Given[] = [];
  for await (const message of await consumer.fetch({ max_messages: 20 })) {
    given.push(acks.take(message));
  }
  // The last ones are committed first. Were they acknowledged now, others would take their place, and the server would
  // have 30 when it comes back: its 10 oldest would go.
  for (const late of given.slice(10)) acks.done(late);
  await before.flush();
  for (const batch of batches.slice(20)) {
    const sending = before.jetstream().publish(batchSubject("alpha"), encodeBatch(batch));
    await sending.catch(() => {});
  }
  await server.kill();
  await server.restart();
  const after = await connectNats({ servers: [server.url], name: "test" });
  const { state } = await (await after.jetstreamManager()).streams.info(STREAM);
  assert.equal(state.first_seq, 1);
  assert.ok(state.messages >= 20);
  await after.close();
});

Deno.test("a stream that holds more than a new limit keeps all, and its old limit meanwhile", async () => {
  await using server = await startNatsServer();
  const connection = await connectNats({ servers: [server.url], name: "test" });
  await openStream(connection, STREAM, 100);
  const batches = makeBatches(60);
  await publish(connection, batches);
  const manager = await connection.jetstreamManager();
  await openStream(connection, STREAM, 30);
  const { config, state } = await manager.streams.info(STREAM);
  assert.deepEqual([state.messages, config.max_msgs], [60, 100]);
  await manager.streams.purge(STREAM);
  await openStream(connection, STREAM, 30);
  assert.equal((await manager.streams.info(STREAM)).config.max_msgs, 30);
  await connection.close();
});
