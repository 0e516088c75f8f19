import assert from "node:assert/strict";
import { configure, type LogRecord, reset } from "@logtape/logtape";
import { DiscardPolicy, type JetStreamManager, StorageType } from "nats";
import { Delivery } from "../../collector/uplink/delivery.ts";
import { sendHeartbeats } from "../../collector/uplink/heartbeats.ts";
import { JetStreamUplink } from "../../collector/uplink/jetstream.ts";
import { NatsLink } from "../../collector/uplink/nats_link.ts";
import { watchForTwins } from "../../collector/uplink/twins.ts";
import { UplinkFault } from "../../collector/uplink/uplink.ts";
import { Spool, type SpoolOptions } from "../../collector/spool/spool.ts";
import type { ResendRequest } from "../../shared/batch/batch.ts";
import { encodeResendRequest } from "../../shared/batch/resend_request.ts";
import { systemClock } from "../../shared/clock.ts";
import { type NatsAccess, readNatsAccess } from "../../shared/nats/access.ts";
import { connectNats } from "../../shared/nats/connect.ts";
import { seededRandom } from "../../shared/random.ts";
import { decodeHeartbeat, type Heartbeat, HEARTBEAT_MS } from "../../shared/nats/message.ts";
import { BATCHES, batchSubject, HEARTBEATS, resendSubject, STREAM } from "../../shared/subjects.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { type NatsServer, startNatsServer } from "../support/servers/nats_server.ts";
import { tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

const COLLECTOR = "test";
const never = new AbortController().signal;
const bytesOf = (number: number) => new TextEncoder().encode(`batch ${number}`);
const batch = (number: number, bytes: Uint8Array = bytesOf(number)) => ({
  epoch: 1,
  number,
  bytes,
});

function uplinkTo(
  server: NatsServer,
  onResendRequest: (resend: ResendRequest) => void = () => {},
  readAccess: () => Promise<NatsAccess> = () => Promise.resolve({ servers: [server.url] }),
): JetStreamUplink {
  return new JetStreamUplink({
    servers: [server.url],
    readAccess,
    stream: STREAM,
    collector: COLLECTOR,
    maxOutstanding: 16,
    onResendRequest,
  });
}

/** A connection of the test's own. */
async function manage(server: NatsServer): Promise<
  AsyncDisposable & { manager: JetStreamManager; publish(s: string, b: Uint8Array): void }
> {
  const connection = await connectNats({ servers: [server.url], name: "test" });
  return {
    manager: await connection.jetstreamManager(),
    publish: (subject, bytes) => connection.publish(subject, bytes),
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

/**
 * A stream like the archiver's. Its limit is in messages: at a limit in bytes, servers before 2.10.5 may drop the oldest
 * message although they are to refuse the newest (nats-server pull request 4772).
 */
async function addStream(manager: JetStreamManager, maxMessages = 100_000): Promise<void> {
  await manager.streams.add({
    name: STREAM,
    subjects: [BATCHES],
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    max_msgs: maxMessages,
  });
}

/** Numbers of the batches in the stream, in its order. */
async function stored(manager: JetStreamManager): Promise<number[]> {
  const { state } = await manager.streams.info(STREAM);
  const numbers: number[] = [];
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const message = await manager.streams.getMessage(STREAM, { seq });
    assert.equal(message.subject, batchSubject(COLLECTOR));
    numbers.push(Number(/^batch (\d+)$/.exec(new TextDecoder().decode(message.data))![1]));
  }
  return numbers;
}

/** Takes out of the stream what is in it, as an archiver that acknowledges. */
async function take(manager: JetStreamManager): Promise<number[]> {
  const { state } = await manager.streams.info(STREAM);
  const taken = await stored(manager);
  for (let seq = state.first_seq; seq < state.first_seq + taken.length; seq++) {
    await manager.streams.deleteMessage(STREAM, seq, false);
  }
  return taken;
}

/** Without what was sent again when the answer was lost or late. */
function apart(numbers: readonly number[]): number[] {
  return [...new Set(numbers)].sort((a, b) => a - b);
}

const upTo = (end: number) => Array.from({ length: end }, (_, number) => number);

/** Room for all that a test appends, in several segments. */
const SPOOL: SpoolOptions = { maxBytes: 1 << 24, segmentBytes: 1 << 16, onDropped: () => {} };

Deno.test("the stream takes a batch as often as it is sent: the archive knows which it has", async () => {
  await using server = await startNatsServer();
  await using own = await manage(server);
  await addStream(own.manager);
  await using uplink = uplinkTo(server);
  assert.equal(await uplink.send(batch(1), never), "stored");
  assert.equal(await uplink.send(batch(2), never), "stored");
  assert.equal(await uplink.send(batch(1), never), "stored");
  assert.deepEqual(await stored(own.manager), [1, 2, 1]);
});

Deno.test("resend requests are heard, and malformed ones are not", async () => {
  await using server = await startNatsServer();
  await using own = await manage(server);
  await addStream(own.manager);
  const requests: ResendRequest[] = [];
  await using uplink = uplinkTo(server, (resend) => requests.push(resend));
  await uplink.send(batch(1), never);
  const resend = { epoch: 1, messages: [5, 6], sessions: [7] };
  own.publish(resendSubject(COLLECTOR), new TextEncoder().encode("{}"));
  own.publish(resendSubject("other"), encodeResendRequest(resend));
  own.publish(resendSubject(COLLECTOR), encodeResendRequest(resend));
  await until(() => requests.length > 0);
  assert.deepEqual(requests, [resend]);
});

Deno.test("each reason for which a batch waits has its code", async () => {
  await using server = await startNatsServer({ config: "max_payload: 65536" });
  await using own = await manage(server);
  await using uplink = uplinkTo(server);
  const refused = async (bytes: Uint8Array) => {
    try {
      await uplink.send(batch(1, bytes), never);
    } catch (error) {
      if (error instanceof UplinkFault) return error.code;
      throw error;
    }
    assert.fail("it was delivered");
  };
  assert.equal(await refused(bytesOf(1)), "no_stream");
  await addStream(own.manager, 1);
  assert.equal(await refused(new Uint8Array(70_000)), "refused");
  assert.equal(await uplink.send(batch(2), never), "stored");
  assert.equal(await refused(bytesOf(1)), "full");
  await server.kill();
  assert.equal(await refused(bytesOf(1)), "unreachable");
});

Deno.test("a server that refuses the user refuses the batch, time after time", async () => {
  const config = "authorization { users: [ { user: a, password: secret } ] }";
  await using server = await startNatsServer({ config });
  await using uplink = uplinkTo(server);
  // Often, because the client's own transport turns one such refusal in five into an error nobody can catch.
  for (let i = 0; i < 30; i++) {
    await assert.rejects(
      uplink.send(batch(1), never),
      (error) => error instanceof UplinkFault && error.code === "refused",
    );
  }
});

/** Why a batch is not delivered. */
async function refusal(uplink: JetStreamUplink, bytes = bytesOf(1)): Promise<[string, string]> {
  try {
    await uplink.send(batch(1, bytes), never);
  } catch (error) {
    if (error instanceof UplinkFault) return [error.code, error.message];
    throw error;
  }
  assert.fail("it was delivered");
}

Deno.test("what another stream takes is not delivered, and that stream is named", async () => {
  await using server = await startNatsServer();
  await using own = await manage(server);
  await own.manager.streams.add({ name: "EVERYTHING", subjects: ["gossip.>"] });
  await using uplink = uplinkTo(server);
  assert.deepEqual(await refusal(uplink), [
    "refused",
    "stream EVERYTHING takes gossip.batches.test in place of GOSSIP, the archiver's: " +
    "delete it or narrow its subjects (or set uplink.stream)",
  ]);
  const { state } = await own.manager.streams.info("EVERYTHING");
  assert.equal(state.messages, 0, "nothing piles up there");
  await own.manager.streams.delete("EVERYTHING");
  await addStream(own.manager);
  assert.equal(await uplink.send(batch(1), never), "stored");
});

Deno.test("a max_payload that was too small and is mended lets batches through", async () => {
  await using server = await startNatsServer({ config: "max_payload: 65536" });
  await using own = await manage(server);
  await addStream(own.manager);
  await using uplink = uplinkTo(server);
  const large = new Uint8Array(70_000);
  assert.deepEqual(await refusal(uplink, large), [
    "refused",
    "the server's max_payload is below 1 MiB",
  ]);
  await server.reload("max_payload: 1048576");
  await until(async () => {
    const outcome = await uplink.send(batch(1, large), never).catch(() => null);
    return outcome === "stored";
  });
});

Deno.test("a rotated password is read again at the next connect", async () => {
  await using dir = await tempDir();
  const file = dir.join("password");
  const configOf = (password: string) =>
    `authorization { users: [{ user: a, password: ${password} }] }`;
  await Deno.writeTextFile(file, "first\n");
  await using server = await startNatsServer({ config: configOf("first") });
  const access = { servers: [server.url], auth: { user: "a", password_file: file } };
  const connect = async () => await connectNats({ ...await readNatsAccess(access), name: "test" });
  {
    const connection = await connect();
    await addStream(await connection.jetstreamManager());
    await connection.close();
  }
  await using uplink = uplinkTo(server, undefined, () => readNatsAccess(access));
  assert.equal(await uplink.send(batch(1), never), "stored");
  await Deno.writeTextFile(file, "second\n");
  // It drops the connections of users that have changed.
  await server.reload(configOf("second"));
  await until(async () => await uplink.send(batch(2), never).catch(() => null) !== null);
  await Deno.remove(file);
  await server.reload(configOf("third"));
  await until(async () => (await refusal(uplink))[0] === "refused");
  assert.match((await refusal(uplink))[1], /Cannot read NATS auth.password_file/);
});

Deno.test("a server's refusals are reported in words", async () => {
  const refusals: [string, string][] = [];
  const users = (permissions: string) =>
    `authorization { users: [{ user: a, password: b, permissions: { ${permissions} } }] }`;
  for (
    const [config, password] of [
      ["accounts { A { users: [{ user: a, password: b }] } }", "b"],
      [users("publish: [x]"), "b"],
      [users("subscribe: [x]"), "b"],
      [users("publish: [x]"), "wrong"],
    ]
  ) {
    await using server = await startNatsServer({ config });
    await using dir = await tempDir();
    const file = dir.join("password");
    await Deno.writeTextFile(file, password);
    const access = { servers: [server.url], auth: { user: "a", password_file: file } };
    await using uplink = uplinkTo(server, undefined, () => readNatsAccess(access));
    const [code, text] = await refusal(uplink);
    refusals.push([code, text.replace(/_INBOX\S*/, "its inbox")]);
  }
  assert.deepEqual(refusals, [
    [
      "no_stream",
      "no stream takes batches: the archiver has not made it yet, or this account has no JetStream",
    ],
    ["refused", "these credentials may not publish to gossip.batches.test"],
    ["refused", "these credentials may not subscribe to its inbox"],
    ["refused", "the server refuses these credentials"],
  ]);
});

Deno.test("broker and stream may come late and go away; each state is said once", async () => {
  const records: LogRecord[] = [];
  await configure({
    reset: true,
    sinks: { test: (record: LogRecord) => records.push(record) },
    loggers: [
      { category: ["gossip", "collector", "uplink"], lowestLevel: "info", sinks: ["test"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: [] },
    ],
  });
  await using _log = { [Symbol.asyncDispose]: reset };
  await using dir = await tempDir();
  using spool = await Spool.open(dir.path, SPOOL);
  await using server = await startNatsServer();
  await server.stop();
  await using uplink = uplinkTo(server);
  const random = seededRandom(1);
  await using delivery = new Delivery({ spool, uplink, clock: systemClock, random });
  let next = 0;
  const append = (count: number) => {
    for (let i = 0; i < count; i++, next++) spool.append(bytesOf(next), { epoch: 1, number: next });
  };
  const said = () => records.map(({ properties }) => String(properties.trouble ?? "well"));

  append(50);
  await until(() => delivery.status.failures > 3);
  assert.equal(delivery.status.trouble, "unreachable");
  await server.restart();
  await until(() => delivery.status.trouble === "no_stream");
  {
    await using own = await manage(server);
    await addStream(own.manager);
  }
  await until(() => spool.batches === 0);
  assert.deepEqual(said(), ["unreachable", "no_stream", "well"]);

  await server.stop();
  append(50);
  await until(() => delivery.status.trouble === "unreachable");
  await server.restart();
  assert.equal((await delivery.drain(60_000)).batches, 0);
  assert.deepEqual(said().slice(3).filter((word) => word !== "no_stream"), ["unreachable", "well"]);
  await using own = await manage(server);
  assert.deepEqual(apart(await stored(own.manager)), upTo(100));
});

Deno.test("a full stream lets batches wait until it has room again", async () => {
  await using dir = await tempDir();
  using spool = await Spool.open(dir.path, SPOOL);
  await using server = await startNatsServer();
  await using own = await manage(server);
  await addStream(own.manager, 40);
  await using uplink = uplinkTo(server);
  const random = seededRandom(1);
  await using delivery = new Delivery({ spool, uplink, clock: systemClock, random });
  for (let n = 0; n < 300; n++) spool.append(bytesOf(n), { epoch: 1, number: n });
  const taken: number[] = [];
  let waits = 0;
  while (spool.batches > 0) {
    await until(() => delivery.status.trouble === "full" || spool.batches === 0);
    if (spool.batches > 0) waits++;
    taken.push(...await take(own.manager));
    const { delivered } = delivery.status;
    await until(() => delivery.status.delivered > delivered || spool.batches === 0);
  }
  taken.push(...await take(own.manager));
  assert.ok(waits > 2);
  assert.deepEqual(apart(taken), upTo(300));
});

Deno.test("killing the broker again and again while batches go out loses nothing", async () => {
  await using dir = await tempDir();
  using spool = await Spool.open(dir.path, SPOOL);
  await using server = await startNatsServer();
  {
    await using own = await manage(server);
    await addStream(own.manager);
  }
  await using uplink = uplinkTo(server);
  const random = seededRandom(1);
  await using delivery = new Delivery({ spool, uplink, clock: systemClock, random });
  let next = 0;
  for (let kill = 0; kill < 3; kill++) {
    const enough = delivery.status.delivered + 100;
    // Many at once, so that some are under way when it is killed.
    await until(() => {
      for (let i = 0; i < 40; i++, next++) spool.append(bytesOf(next), { epoch: 1, number: next });
      return delivery.status.delivered > enough;
    });
    await server.kill();
    await until(() => delivery.status.trouble !== null);
    await server.restart();
  }
  assert.equal((await delivery.drain(60_000)).batches, 0);
  await using own = await manage(server);
  assert.deepEqual(apart(await stored(own.manager)), upTo(next));
});

Deno.test("an uplink that never connected closes, and closing twice is harmless", async () => {
  await using server = await startNatsServer();
  await server.stop();
  const idle = uplinkTo(server);
  await idle[Symbol.asyncDispose]();
  await idle[Symbol.asyncDispose]();
  const tried = uplinkTo(server);
  await assert.rejects(tried.send(batch(1), never), UplinkFault);
  await tried[Symbol.asyncDispose]();
  await assert.rejects(tried.send(batch(1), never), UplinkFault);
});

Deno.test("two collectors of one name hear of each other, and those of other names of nobody", async () => {
  await using server = await startNatsServer();
  const clock = new ManualClock();
  const heard: string[] = [];
  await using stack = new AsyncDisposableStack();
  for (const [collector, epoch] of [["alpha", 1], ["alpha", 2], ["beta", 3]] as const) {
    const readAccess = () => Promise.resolve({ servers: [server.url] });
    const link = stack.use(new NatsLink({ collector, servers: [server.url], readAccess }));
    const report = () => heard.push(`${collector} ${epoch}`);
    stack.use(watchForTwins(link, epoch, clock, report));
  }
  const beat = async () => {
    await until(() => clock.sleeping === 3);
    await clock.advance(HEARTBEAT_MS);
  };
  // Who connects later hears the next one.
  await until(async () => {
    await beat();
    return heard.length >= 2;
  });
  for (let i = 0; i < 5; i++) await beat();
  assert.deepEqual(heard.sort(), ["alpha 1", "alpha 2"], "and not time after time");
});

Deno.test("heartbeats reach whoever listens, also after the server was away", async () => {
  await using server = await startNatsServer();
  await using uplink = uplinkTo(server);
  const heard: [string, Heartbeat][] = [];
  const listen = async () => {
    const connection = await connectNats({ servers: [server.url], name: "test" });
    connection.subscribe(HEARTBEATS, {
      callback: (_, { subject, data }) => heard.push([subject, decodeHeartbeat(data)]),
    });
    await connection.flush();
    return { [Symbol.asyncDispose]: () => connection.close() };
  };
  const facts = { epoch: 1, version: "x", peers: 2, receipts: 3, spool_bytes: 4 };
  const clock = new ManualClock(5);
  using _beats = sendHeartbeats(uplink.link, () => facts, clock);
  // Without a server too it goes on, at its pace.
  const nextBeat = async () => {
    await until(() => clock.sleeping > 0);
    await clock.advance(HEARTBEAT_MS);
  };
  {
    await using _listening = await listen();
    await nextBeat();
    await until(() => heard.length > 0);
  }
  await server.kill();
  await nextBeat();
  await server.restart();
  heard.length = 0;
  await using _listening = await listen();
  await until(async () => {
    await nextBeat();
    return heard.length > 0;
  });
  const [subject, { at: _at, ...rest }] = heard[0];
  assert.equal(subject, "gossip.heartbeats.test");
  assert.deepEqual(rest, facts);
});
