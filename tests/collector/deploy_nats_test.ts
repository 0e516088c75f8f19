import { deepEqual, equal, match, notEqual, rejects } from "node:assert/strict";
import { type NatsConnection, NatsError, usernamePasswordAuthenticator } from "nats";
import { openConsumer, openStream } from "../../archiver/intake/stream.ts";
import { ArchiverConfigSchema } from "../../archiver/config.ts";
import { startArchiver } from "../../archiver/run.ts";
import { type CollectorConfig, CollectorConfigSchema } from "../../collector/config.ts";
import { formatNodeAddress } from "../../collector/addresses/endpoint.ts";
import { run } from "../../collector/run.ts";
import { parseConfig } from "../../shared/config.ts";
import { readWishSubject, WISHES, wishSubject } from "../../shared/fleet/wish.ts";
import { connectNats } from "../../shared/nats/connect.ts";
import {
  batchSubject,
  CLOCKS,
  clockSubject,
  HEARTBEATS,
  resendSubject,
  STREAM,
} from "../../shared/subjects.ts";
import { archiveTotals } from "../support/fixtures/archive_check.ts";
import { CapturedLog } from "../support/captured_log.ts";
import { fleetOf, startFleetBroker } from "../support/servers/fleet_broker.ts";
import type { NatsServer } from "../support/servers/nats_server.ts";
import { startProcess } from "../support/servers/process.ts";
import { honest, ScriptedPeer } from "../support/fixtures/scripted_peer.ts";
import { signedGraph } from "../support/fixtures/signed_gossip.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { until, untilWell } from "../support/until.ts";

const ANSWER_MILLISECONDS = 5000;
const VIOLATION = "PERMISSIONS_VIOLATION";

const CLAIM = { stream: STREAM, archive: "test", collector: null };
const COLLECTORS = ["vps1", "vps2"];
const { files, passwords } = fleetOf(COLLECTORS);
const serverConfig = files.get("broker/nats-server.conf")!;
const passwordsConfig = files.get("broker/nats-passwords.conf")!;

function passwordOf(user: string): string {
  return passwords.get(user)!;
}

/** A connection of a user. */
function logIn(server: NatsServer, user: string, password: string): Promise<NatsConnection> {
  const authenticator = usernamePasswordAuthenticator(user, password);
  return connectNats({ servers: [server.url], name: user, authenticator });
}

/** The shipped server, its stream, and a connection of the archiver and of two collectors. */
async function network(stack: AsyncDisposableStack) {
  const broker = stack.use(await startFleetBroker(COLLECTORS));
  const { server } = broker;
  const [archiver, vps1, vps2] = await Promise.all(
    ["archiver", ...COLLECTORS].map((user) => broker.connect(user)),
  );
  await openStream(archiver, STREAM, 1 << 30);
  return { server, archiver, vps1, vps2 };
}

/** The generated config of a collector, with this test's folders, server and peer. */
async function collectorConfig(
  dir: TempDir,
  server: NatsServer,
  peer: ScriptedPeer,
  name: string,
): Promise<CollectorConfig> {
  const text = files.get("collectors/vps1/collector.yaml")!;
  const config = parseConfig(text, CollectorConfigSchema, "collector.yaml");
  const file = dir.join("peers.txt");
  await Deno.writeTextFile(file, formatNodeAddress(peer.address));
  if (config.uplink.kind !== "nats" || !config.uplink.auth) throw new Error("no NATS user in it");
  const password_file = dir.join("nats-password");
  await Deno.writeTextFile(password_file, passwordOf(config.uplink.auth.user!));
  return {
    ...config,
    name,
    network: "regtest",
    data_dir: dir.join(`data of ${name}`),
    peers: { ...config.peers, file, target: 1 },
    uplink: {
      ...config.uplink,
      servers: [server.url],
      auth: { ...config.uplink.auth, password_file },
    },
    stop_timeout: 2000,
  };
}

/** How many messages the stream has. */
async function stored(archiver: NatsConnection): Promise<number> {
  const { streams } = await archiver.jetstreamManager();
  return (await streams.info(STREAM)).state.messages;
}

const bytes = (text: string) => new TextEncoder().encode(text);

/** What comes of asking: the answer's text, or the error's code. */
async function ask(connection: NatsConnection, subject: string, body = ""): Promise<string> {
  try {
    const answer = await connection.request(subject, body, { timeout: ANSWER_MILLISECONDS });
    return answer.string();
  } catch (error) {
    if (error instanceof NatsError) return error.code;
    throw error;
  }
}

/** Subscribes; gives the error's code, or null when the server takes it. */
async function subscribe(connection: NatsConnection, subject: string): Promise<string | null> {
  let code: string | null = null;
  const subscription = connection.subscribe(subject, {
    callback: (error) => code = error?.code ?? code,
  });
  // The server answers in order.
  await connection.flush();
  subscription.unsubscribe();
  return code;
}

Deno.test("nats-server takes the generated files as they are, but not without passwords", async () => {
  await using dir = await tempDir();
  const config = dir.join("nats-server.conf");
  await Deno.writeTextFile(config, serverConfig);
  const check = async () => {
    await using program = startProcess("/usr/sbin/nats-server", ["-t", "-c", config]);
    return { code: (await program.wait()).code, text: program.lines.join("\n") };
  };
  const without = await check();
  notEqual(without.code, 0);
  match(without.text, /nats-passwords\.conf/);
  await Deno.writeTextFile(dir.join("nats-passwords.conf"), passwordsConfig);
  deepEqual(await check(), { code: 0, text: `nats-server: configuration file ${config} is valid` });
});

Deno.test("a collector's batches reach the stream, and the archiver takes them", async () => {
  await using stack = new AsyncDisposableStack();
  const { archiver, vps1, vps2 } = await network(stack);
  for (const [name, connection] of [["vps1", vps1], ["vps2", vps2]] as const) {
    await connection.jetstream().publish(batchSubject(name), bytes(`of ${name}`));
  }
  const consumer = await openConsumer(archiver, CLAIM);
  const taken: string[] = [];
  for await (const message of await consumer.fetch({ max_messages: 2 })) {
    taken.push(`${message.subject} ${message.string()}`);
    await message.ackAck();
  }
  deepEqual(taken, ["gossip.batches.vps1 of vps1", "gossip.batches.vps2 of vps2"]);
  equal(await stored(archiver), 0);
});

Deno.test("a batch of the largest size passes", async () => {
  await using stack = new AsyncDisposableStack();
  const { archiver, vps1 } = await network(stack);
  await vps1.jetstream().publish(batchSubject("vps1"), new Uint8Array(1024 * 1024 - 4096));
  equal(await stored(archiver), 1);
});

Deno.test("a collector writes no other's subjects and speaks to no other", async () => {
  await using stack = new AsyncDisposableStack();
  const { archiver, vps1, vps2 } = await network(stack);
  const heard: string[] = [];
  for (const subject of [HEARTBEATS, "gossip.resend.*"]) {
    archiver.subscribe(subject, { callback: (_, message) => heard.push(message.subject) });
  }
  vps2.subscribe(resendSubject("vps2"), { callback: (_, { subject }) => heard.push(subject) });
  await Promise.all([archiver.flush(), vps2.flush()]);

  for (const subject of ["gossip.batches.vps2", "gossip.batches.x", "gossip.resend.vps2", "x"]) {
    equal(await ask(vps1, subject), VIOLATION, subject);
  }
  vps1.publish("gossip.heartbeats.vps2");
  vps1.publish("gossip.resend.vps2");
  vps1.publish("gossip.heartbeats.vps1");
  await vps1.flush();
  await Promise.all([archiver.flush(), vps2.flush()]);
  deepEqual(heard, ["gossip.heartbeats.vps1"]);
  equal(await stored(archiver), 0);
});

Deno.test("a collector asks the archiver for its time under its own name", async () => {
  await using stack = new AsyncDisposableStack();
  const { archiver, vps1, vps2 } = await network(stack);
  archiver.subscribe(CLOCKS, { callback: (_, message) => message.respond(message.subject) });
  await archiver.flush();
  equal(await ask(vps1, clockSubject("vps1")), "gossip.clock.vps1");
  equal(await ask(vps2, clockSubject("vps2")), "gossip.clock.vps2");
  equal(await ask(vps1, clockSubject("vps2")), VIOLATION);
});

Deno.test("a collector hears what is wanted of it, and nothing of others", async () => {
  await using stack = new AsyncDisposableStack();
  const { archiver, vps1, vps2 } = await network(stack);
  const heard: string[] = [];
  vps1.subscribe(resendSubject("vps1"), { callback: (_, { subject }) => heard.push(subject) });
  // Answers to others, batches on their way to the archiver among them, go by such subjects.
  vps1.subscribe("_INBOX.>", { callback: (_, message) => heard.push(message.string()) });
  await vps1.flush();
  for (const subject of ["gossip.resend.vps2", "gossip.resend.*", "gossip.>", "$JS.>", ">"]) {
    equal(await subscribe(vps1, subject), VIOLATION, subject);
  }
  await vps2.jetstream().publish(batchSubject("vps2"), bytes("a secret"));
  const consumer = await openConsumer(archiver, CLAIM);
  for await (const message of await consumer.fetch({ max_messages: 1 })) await message.ackAck();
  archiver.publish(resendSubject("vps2"));
  archiver.publish(resendSubject("vps1"));
  await archiver.flush();
  await vps1.flush();
  deepEqual(heard, [resendSubject("vps1")]);
});

Deno.test("a collector reads its own wish, and neither another's nor writes any", async () => {
  await using stack = new AsyncDisposableStack();
  const { archiver, vps1, vps2 } = await network(stack);
  const bucket = await archiver.jetstream().views.kv(WISHES);
  const heard: string[] = [];
  for (const [name, connection] of [["vps1", vps1], ["vps2", vps2]] as const) {
    connection.subscribe(wishSubject(name), {
      callback: (_, message) => heard.push(`${name} ${message.string()}`),
    });
    await connection.flush();
  }
  await bucket.put("vps1", "one");
  await bucket.put("vps2", "two");
  equal(await ask(vps1, readWishSubject("vps1")), "one");
  equal(await ask(vps2, readWishSubject("vps2")), "two");
  equal(await ask(vps1, readWishSubject("vps2")), VIOLATION);
  for (const subject of [wishSubject("vps2"), `$KV.${WISHES}.>`, "$KV.>"]) {
    equal(await subscribe(vps1, subject), VIOLATION, subject);
  }
  const stream = `KV_${WISHES}`;
  const tries: [string, string?][] = [
    [wishSubject("vps2"), "mine"],
    // Nor its own: who steers is the archive host alone.
    [wishSubject("vps1"), "mine"],
    [`$JS.API.STREAM.MSG.GET.${stream}`, '{"last_by_subj":"$KV.GOSSIP_WISHES.vps2"}'],
    [`$JS.API.DIRECT.GET.${stream}`, '{"last_by_subj":"$KV.GOSSIP_WISHES.vps2"}'],
    [`$JS.API.CONSUMER.CREATE.${stream}`, `{"stream_name":"${stream}","config":{}}`],
    [`$JS.API.STREAM.PURGE.${stream}`],
  ];
  for (const [subject, body] of tries) equal(await ask(vps1, subject, body), VIOLATION, subject);
  equal((await bucket.get("vps1"))?.string(), "one");
  equal((await bucket.get("vps2"))?.string(), "two");
  await until(() => heard.length === 2);
  deepEqual(heard.sort(), ["vps1 one", "vps2 two"]);
});

Deno.test("a collector neither sees the stream nor harms it", async () => {
  await using stack = new AsyncDisposableStack();
  const { archiver, vps1 } = await network(stack);
  await vps1.jetstream().publish(batchSubject("vps1"), bytes("one"));
  await openConsumer(archiver, CLAIM);
  const tries: [string, string?][] = [
    ["$JS.API.INFO"],
    ["$JS.API.STREAM.NAMES"],
    [`$JS.API.STREAM.INFO.${STREAM}`],
    [`$JS.API.STREAM.MSG.GET.${STREAM}`, `{"seq":1}`],
    [`$JS.API.DIRECT.GET.${STREAM}`, `{"seq":1}`],
    [`$JS.API.CONSUMER.MSG.NEXT.${STREAM}.archiver`, "1"],
    [`$JS.API.CONSUMER.CREATE.${STREAM}`, `{"stream_name":"${STREAM}","config":{}}`],
    [`$JS.API.CONSUMER.DELETE.${STREAM}.archiver`],
    [`$JS.API.STREAM.MSG.DELETE.${STREAM}`, `{"seq":1}`],
    [`$JS.API.STREAM.PURGE.${STREAM}`],
    [`$JS.API.STREAM.DELETE.${STREAM}`],
    ["$JS.API.STREAM.CREATE.MINE", `{"name":"MINE","subjects":["mine"]}`],
    ["$SYS.REQ.SERVER.PING"],
  ];
  for (const [subject, body] of tries) equal(await ask(vps1, subject, body), VIOLATION, subject);
  equal(await stored(archiver), 1);
  // The same questions have answers for those who may ask.
  match(await ask(archiver, `$JS.API.STREAM.MSG.GET.${STREAM}`, `{"seq":1}`), /"data":"b25l"/);
  match(await ask(archiver, `$JS.API.STREAM.DELETE.${STREAM}`), /"success":true/);
});

Deno.test("nobody comes in without a user's own password", async () => {
  await using broker = await startFleetBroker(COLLECTORS);
  const { server } = broker;
  const refused = { code: "AUTHORIZATION_VIOLATION" };
  await rejects(connectNats({ servers: [server.url], name: "nobody" }), refused);
  await rejects(logIn(server, "vps1", ""), refused);
  await rejects(logIn(server, "vps1", passwordOf("vps2")), refused);
  await rejects(logIn(server, "archiver", passwordOf("vps1")), refused);
});

Deno.test("collector and archiver work under it, but no collector under another's name", async () => {
  await using stack = new AsyncDisposableStack();
  stack.use(new CapturedLog());
  const dir = stack.use(await tempDir());
  const { server } = stack.use(await startFleetBroker(COLLECTORS));
  const graph = signedGraph({ nodes: 3, channels: 2, timestamp: 1_758_844_000 });
  let stop = new AbortController();
  const peer = stack.use(new ScriptedPeer("deploy", honest(graph, () => stop.abort())));
  const archive = dir.join("a.duckdb");
  {
    await Deno.writeTextFile(dir.join("password"), passwordOf("archiver"));
    const auth = { user: "archiver", password_file: dir.join("password") };
    const nats = { servers: [server.url], auth };
    const keys = { archive, api: { port: 0 }, threads: 1, memory_limit: "256MiB", nats };
    const parsed = parseConfig(JSON.stringify(keys), ArchiverConfigSchema, "archiver.yaml");
    await using archiver = await startArchiver(parsed);
    await untilWell(archiver.url);

    const own = await run(await collectorConfig(dir, server, peer, "vps1"), stop);
    equal(own.left, 0);
    equal(own.receipts, graph.length);
    stop = new AbortController();
    const other = await run(await collectorConfig(dir, server, peer, "vps2"), stop);
    equal(other.receipts, graph.length);
    equal(other.delivered, 0);
    notEqual(other.left, 0);
    const archived = async () => {
      const response = await fetch(`${archiver.url}/status`);
      const { collectors } = await response.json() as {
        collectors: { name: string; receipts: number }[];
      };
      return collectors.map(({ name, receipts }) => `${name} ${receipts}`).join();
    };
    await until(async () => await archived() === `vps1 ${graph.length}`);
  }
  equal((await archiveTotals(archive)).receipts, graph.length);
});
