/** Several archivers on one stream, each with collectors of its own. */
import assert from "node:assert/strict";
import type { NatsConnection } from "nats";
import { type ArchiverConfig, ArchiverConfigSchema } from "../../archiver/config.ts";
import type { Status } from "../../archiver/status/status.ts";
import { Claims } from "../../archiver/intake/claims.ts";
import { Intake } from "../../archiver/intake/intake.ts";
import { OrderedAcks } from "../../archiver/intake/ordered_acks.ts";
import { Puller } from "../../archiver/intake/puller.ts";
import { startArchiver } from "../../archiver/run.ts";
import { systemClock } from "../../shared/clock.ts";
import type { Batch } from "../../shared/batch/batch.ts";
import { encodeBatch } from "../../shared/batch/codec.ts";
import { decodeResendRequest } from "../../shared/batch/resend_request.ts";
import { parseConfig } from "../../shared/config.ts";
import { connectNats } from "../../shared/nats/connect.ts";
import { batchSubject, resendSubject, STREAM } from "../../shared/subjects.ts";
import { CapturedLog } from "../support/captured_log.ts";
import { INTAKE_LIMITS } from "../support/fixtures/archive.ts";
import { archiveRows, archiveTotals } from "../support/fixtures/archive_check.ts";
import { BatchMaker, plainMessage } from "../support/fixtures/batch_maker.ts";
import { freePort } from "../support/servers/free_port.ts";
import { startNatsServer } from "../support/servers/nats_server.ts";
import { startProgram } from "../support/servers/process.ts";
import { tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

function configFor(archive: string, server: string, collectors?: string[]): ArchiverConfig {
  const nats = { servers: [server], max_batches: 1000, ...collectors && { collectors } };
  const keys = { archive, api: { port: 0 }, threads: 1, memory_limit: "256MiB", nats };
  return parseConfig(JSON.stringify(keys), ArchiverConfigSchema, "test.yaml");
}

/** A collector that publishes batches of two receipts, and answers resend requests. */
class Publisher {
  published = 0;
  receipts = 0;
  readonly #maker: BatchMaker;
  readonly #session: number;
  readonly #opened: number[] = [];
  readonly #sent: Batch[] = [];

  constructor(name: string, private readonly nats: NatsConnection) {
    // A run that began before any archiver.
    this.#maker = new BatchMaker(name, Date.now() * 1000 - 3_600_000_000);
    this.#session = this.#maker.session(1);
    nats.subscribe(resendSubject(name), {
      callback: (_, message) => {
        const { messages, sessions } = decodeResendRequest(message.data);
        for (const number of messages) this.#maker.tell(number, plainMessage(this.#opened[number]));
        if (sessions.length > 0) this.#tellSession();
        void this.publish(0);
      },
    });
  }

  /** Publishes a batch with that many receipts, of messages old and new, until the stream has it. */
  async publish(receipts = 2): Promise<void> {
    const maker = this.#maker;
    const seed = 1000 * this.#opened.length + maker.collector.length;
    if (receipts > 0) {
      this.#opened.push(seed);
      const message = maker.message(plainMessage(seed));
      for (let i = 0; i < receipts; i++) {
        const at = maker.epoch + this.receipts++ * 1000;
        maker.receipt(at, i === 0 ? message : message >> 1, this.#session);
      }
    }
    const batch = maker.close();
    this.published++;
    this.#sent.push(batch);
    await this.#send(batch);
  }

  /** Publishes all once more, as if no acknowledgement had come. */
  async publishAgain(): Promise<void> {
    for (const batch of this.#sent.slice()) await this.#send(batch);
  }

  async #send(batch: Batch): Promise<void> {
    const bytes = encodeBatch(batch);
    const send = () =>
      this.nats.jetstream().publish(batchSubject(batch.collector), bytes, { timeout: 1000 });
    await until(() => send().then(() => true, () => false));
  }

  #tellSession(): void {
    this.#maker.event({
      kind: "session_opened",
      session: this.#session,
      node_id: `03${"1".padStart(64, "0")}`,
      address: "127.0.0.1:10001",
      dialled_at: this.#maker.epoch,
      handshake_at: this.#maker.epoch,
      filter_at: this.#maker.epoch,
      filter_first: 0,
      features: "8aa8",
    });
  }
}

const status = async (url: string) => await (await fetch(`${url}/status`)).json() as Status;
const problems = async (url: string) =>
  (await (await fetch(`${url}/healthz`)).json() as { problems: string[] }).problems.join();

/** A folder, a broker and a client of it; the log is captured. */
async function setUp(stack: AsyncDisposableStack) {
  stack.use(new CapturedLog());
  const dir = stack.use(await tempDir());
  const server = stack.use(await startNatsServer());
  const nats = await connectNats({ servers: [server.url], name: "test" });
  stack.defer(() => nats.close());
  return { dir, server, nats };
}

/** Whether all batches in the stream are taken. */
async function isEmpty(nats: NatsConnection): Promise<boolean> {
  const manager = await nats.jetstreamManager();
  return (await manager.streams.info(STREAM)).state.messages === 0;
}

/** Of a collector's receipts. */
async function timesOf(path: string, collector: string): Promise<string[]> {
  const rows = await archiveRows(
    path,
    `SELECT epoch_us(received_at)::VARCHAR AS at
    FROM receipts JOIN collectors USING (collector_id) WHERE name = '${collector}'`,
  );
  return rows.map(({ at }) => String(at));
}

Deno.test("a collector moved between archivers there and back, while it sends, loses and doubles nothing", async () => {
  await using stack = new AsyncDisposableStack();
  const { dir, server, nats } = await setUp(stack);
  const [moved, stays] = ["moved", "stays"].map((name) => new Publisher(name, nats));
  const paths = { a: dir.join("a.duckdb"), b: dir.join("b.duckdb") };
  const start = (which: "a" | "b", ...collectors: string[]) =>
    startArchiver(configFor(paths[which], server.url, collectors));

  let sending = true;
  const feed = (async () => {
    while (sending) {
      await Promise.all([moved.publish(), stays.publish()]);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  let a = await start("a", "moved", "stays");
  let b = await start("b", "other");
  for (const [from, to] of [["a", "b"], ["b", "a"]] as const) {
    const enough = moved.published + 30;
    await until(() => moved.published >= enough);
    // The new one asks first: it is told whose the collector is, and waits.
    const now = { a: ["stays"], b: ["other"] };
    now[to].push("moved");
    if (to === "b") {
      await b[Symbol.asyncDispose]();
      b = await start("b", ...now.b);
      await until(async () =>
        /archive \w+ has moved since 20.* in the nats\.collectors of one archiver alone/.test(
          await problems(b.url),
        )
      );
      await a[Symbol.asyncDispose]();
      a = await start("a", ...now.a);
    } else {
      await a[Symbol.asyncDispose]();
      a = await start("a", ...now.a);
      await b[Symbol.asyncDispose]();
      b = await start("b", ...now.b);
    }
    const taker = to === "a" ? a : b;
    await until(async () => await problems(taker.url) === "", () => `${from} to ${to}`);
    await moved.publishAgain();
    const after = moved.published + 30;
    await until(() => moved.published >= after);
  }
  sending = false;
  await feed;
  await until(() => isEmpty(nats));
  await until(async () => {
    const both = [...(await status(a.url)).collectors, ...(await status(b.url)).collectors];
    return both.every(({ unresolved_receipts }) => unresolved_receipts === 0);
  });
  for (const { url } of [a, b]) {
    const { collectors } = await status(url);
    for (const { lost_receipts, gaps, late } of collectors) {
      assert.deepEqual([lost_receipts, gaps.batches, late], [0, 0, false]);
    }
    assert.equal(await problems(url), "");
  }
  assert.ok((await status(b.url)).collectors[0].gaps.elsewhere > 0);
  await a[Symbol.asyncDispose]();
  await b[Symbol.asyncDispose]();

  const [inA, inB] = [await timesOf(paths.a, "moved"), await timesOf(paths.b, "moved")];
  assert.ok(inA.length > 0 && inB.length > 0);
  assert.equal(inA.length + inB.length, moved.receipts);
  assert.equal(new Set([...inA, ...inB]).size, moved.receipts);
  const { receipts, unresolved, deadLetters } = await archiveTotals(paths.a);
  assert.deepEqual([receipts, unresolved, deadLetters], [inA.length + stays.receipts, 0, 0]);
});

Deno.test("an archiver that took all shares with a second one, and takes all again: nothing is lost or doubled", async () => {
  await using stack = new AsyncDisposableStack();
  const { dir, server, nats } = await setUp(stack);
  const publishers = ["stays", "moved"].map((name) => new Publisher(name, nats));
  const paths = { a: dir.join("a.duckdb"), b: dir.join("b.duckdb") };
  const start = (which: "a" | "b", collectors?: string[]) =>
    startArchiver(configFor(paths[which], server.url, collectors));
  /** New batches, after those of before once more; until all are taken. */
  const send = async (...archivers: { url: string }[]) => {
    for (const publisher of publishers) {
      await publisher.publishAgain();
      for (let i = 0; i < 20; i++) await publisher.publish();
    }
    await until(() => isEmpty(nats));
    for (const { url } of archivers) {
      // What was sent again on request may still be on its way.
      await until(async () =>
        (await status(url)).collectors.every(({ unresolved_receipts, gaps, lost_receipts }) =>
          unresolved_receipts === 0 && gaps.batches === 0 && lost_receipts === 0
        )
      );
    }
  };
  {
    await using a = await start("a");
    await until(async () => await problems(a.url) === "");
    await send(a);
  }
  {
    // It claims what it cannot have yet.
    await using a = await start("a");
    await using b = await start("b", ["moved"]);
    await until(async () => /\(consumer archiver\)/.test(await problems(b.url)));
    await a[Symbol.asyncDispose]();
    await using rest = await start("a", ["stays"]);
    await until(async () => await problems(b.url) === "");
    await send(rest, b);
  }
  {
    await using b = await start("b", []);
    await until(async () => await problems(b.url) === "");
    await using a = await start("a");
    await until(async () => await problems(a.url) === "");
    await send(a);
  }
  for (const [i, name] of ["stays", "moved"].entries()) {
    const found = await Promise.all(Object.values(paths).map((path) => timesOf(path, name)));
    assert.equal(found[1].length > 0, name === "moved");
    const times = found.flat();
    assert.deepEqual([times.length, new Set(times).size], Array(2).fill(publishers[i].receipts));
  }
});

Deno.test("two archivers that each take everything are told, and each batch goes to one of them", async () => {
  await using stack = new AsyncDisposableStack();
  stack.use(new CapturedLog());
  const dir = stack.use(await tempDir());
  const server = stack.use(await startNatsServer());
  const a = stack.use(await startArchiver(configFor(dir.join("a.duckdb"), server.url)));
  await until(async () => await problems(a.url) === "");
  {
    await using b = await startArchiver(configFor(dir.join("b.duckdb"), server.url));
    await until(async () =>
      /another archiver takes batches of this stream \(consumer archiver\): name each collector in the nats\.collectors/
        .test(await problems(b.url))
    );
    assert.equal(await problems(a.url), "");
  }
  {
    await using c = await startArchiver(configFor(dir.join("c.duckdb"), server.url, ["vps1"]));
    await until(async () => /\(consumer archiver\)/.test(await problems(c.url)));
  }
});

async function release(...args: string[]): Promise<string> {
  const permissions = ["-A", "--quiet"];
  await using program = startProgram("archiver/main.ts", ["release", ...args], permissions);
  const { code } = await program.wait();
  return `${code} ${program.lines.join("\n")}`;
}

Deno.test("the collectors of an archiver that is killed for good go to another one, without what its archive has", async () => {
  await using stack = new AsyncDisposableStack();
  const { dir, server, nats } = await setUp(stack);
  const [kept, lost] = ["kept", "lost"].map((name) => new Publisher(name, nats));
  const paths = { a: dir.join("a.duckdb"), b: dir.join("b.duckdb"), c: dir.join("c.duckdb") };
  const configs = { a: dir.join("a.yaml"), b: dir.join("b.yaml") };
  const keys = { api: { port: freePort() }, threads: 1, memory_limit: "256MiB" };
  const nameIn = (collectors: string[]) => ({ servers: [server.url], collectors });
  await Deno.writeTextFile(
    configs.a,
    JSON.stringify({ ...keys, archive: paths.a, nats: nameIn(["kept", "lost"]) }),
  );
  await Deno.writeTextFile(configs.b, JSON.stringify({ nats: nameIn([]) }));
  await (await startArchiver(configFor(paths.c, server.url, ["another"])))[Symbol.asyncDispose]();

  const a = stack.use(startProgram("archiver/main.ts", ["--config", configs.a], ["-A"]));
  const url = `http://127.0.0.1:${keys.api.port}`;
  await until(async () => await problems(url).catch(() => "away") === "");
  const publish = async () => {
    for (let i = 0; i < 20; i++) for (const one of [kept, lost]) await one.publish();
  };
  await publish();
  await until(async () => {
    const { collectors } = await status(url);
    return collectors.reduce((sum, one) => sum + one.receipts, 0) === kept.receipts + lost.receipts;
  });
  await using b = await startArchiver(configFor(paths.b, server.url, ["kept", "lost"]));
  await until(async () =>
    /has kept since .*run deno task archive release/.test(await problems(b.url))
  );
  const runs = ["--config", configs.b, "--collectors", "kept"];
  assert.match(
    await release(...runs, "--lost"),
    /^2 .*: the archiver of archive \w+ runs: restart/,
  );
  assert.match(await release(...runs), /^2 .*: give either --of or --lost/);
  await a.kill();
  const before = kept.published;
  await publish();
  assert.match(
    await release(...runs, "--of", paths.c),
    /^2 .*: archive \w+ has it, and --of names archive \w+$/,
  );
  assert.equal(
    await release(...runs, "--of", paths.a),
    `0 kept is free: the next archiver refuses ${before} batches that others have`,
  );
  const others = ["--config", configs.b, "--collectors", "lost"];
  assert.match(await release(...others, "--lost"), /^0 lost is free: .* refuses 0 batches/);
  await until(async () => await problems(b.url) === "");
  assert.match(await release(...runs, "--lost"), /^2 .*: the archiver of archive \w+ runs/);
  // No acknowledgement of the killed one had come.
  await kept.publishAgain();
  await publish();
  await until(() => isEmpty(nats));
  await until(async () =>
    (await status(b.url)).collectors.every(({ unresolved_receipts }) => unresolved_receipts === 0)
  );
  await b[Symbol.asyncDispose]();
  const times = async (name: string) =>
    (await Promise.all([paths.a, paths.b].map((path) => timesOf(path, name)))).flat();
  for (const one of [kept, lost]) {
    const found = await times(one === kept ? "kept" : "lost");
    assert.deepEqual([found.length, new Set(found).size], [one.receipts, one.receipts]);
  }
});

Deno.test("what one that took all collectors has is refused by the next when that one is gone for good", async () => {
  await using stack = new AsyncDisposableStack();
  const { dir, server, nats } = await setUp(stack);
  const publisher = new Publisher("vps1", nats);
  const paths = { a: dir.join("a.duckdb"), b: dir.join("b.duckdb") };
  {
    await using a = await startArchiver(configFor(paths.a, server.url));
    await until(async () => await problems(a.url) === "");
    for (let i = 0; i < 20; i++) await publisher.publish();
    await until(() => isEmpty(nats));
  }
  await publisher.publishAgain();
  await using b = await startArchiver(configFor(paths.b, server.url, ["vps1"]));
  await until(async () => /run deno task archive release/.test(await problems(b.url)));
  const config = dir.join("b.yaml");
  await Deno.writeTextFile(
    config,
    JSON.stringify({ nats: { servers: [server.url], collectors: [] } }),
  );
  assert.match(
    await release("--config", config, "--collectors", "vps1", "--of", paths.a),
    /^0 archive \w+ takes all collectors no longer\n/,
  );
  await until(async () => await problems(b.url) === "");
  for (let i = 0; i < 20; i++) await publisher.publish();
  await until(() => isEmpty(nats));
  await until(async () =>
    (await status(b.url)).collectors.every(({ unresolved_receipts }) => unresolved_receipts === 0)
  );
  await b[Symbol.asyncDispose]();
  const found = await Promise.all(Object.values(paths).map((path) => timesOf(path, "vps1")));
  assert.deepEqual(found.map(({ length }) => length), [40, 40]);
  assert.equal(new Set(found.flat()).size, publisher.receipts);
});

Deno.test("an archiver that names no collector hands over what it had, and waits", async () => {
  await using stack = new AsyncDisposableStack();
  const log = stack.use(new CapturedLog());
  const dir = stack.use(await tempDir());
  const server = stack.use(await startNatsServer());
  const paths = { a: dir.join("a.duckdb"), b: dir.join("b.duckdb") };
  const first = await startArchiver(configFor(paths.a, server.url, ["vps1"]));
  await until(async () => await problems(first.url) === "");
  await first[Symbol.asyncDispose]();
  await using a = await startArchiver(configFor(paths.a, server.url, []));
  await using b = await startArchiver(configFor(paths.b, server.url, ["vps1"]));
  await until(async () => await problems(b.url) === "");
  assert.equal(await problems(a.url), "");
  assert.equal(log.lines("vps1 is another archive's from now on").length, 1);
});

Deno.test("an archiver that let a collector go, and got no answer, is done when another has it", async () => {
  using _ = new CapturedLog();
  await using server = await startNatsServer();
  const nats = await connectNats({ servers: [server.url], name: "test" });
  const claimsOf = (archive: string) =>
    new Claims({
      ...{ archive, replicas: 1, clock: systemClock, claimed: new Map() },
      known: () => Promise.resolve([]),
      archived: () => Promise.resolve([]),
    });
  const [old, next] = [claimsOf("old"), claimsOf("next")];
  await old.claim(nats, "vps1");
  await old.handOver(nats, "vps1");
  await next.claim(nats, "vps1");
  const store = { commit: () => Promise.reject(new Error("nothing should come")) };
  const options = { maxReceipts: 1, maxWaitMs: 5, limits: INTAKE_LIMITS };
  await using intake = new Intake(options, { store, clock: systemClock });
  const claim = { stream: STREAM, archive: "old", collector: "vps1" };
  const puller = new Puller({ ...claim, maxBatches: 10, replicas: 1, isLeaving: true, count: 1 }, {
    ...{ intake, acks: new OrderedAcks(), clock: systemClock, servers: [], claims: old },
    isWanting: () => Promise.resolve(false),
  });
  await puller.run(nats, new AbortController().signal);
  assert.equal(puller.hasLeft, true);
  assert.equal(await next.owner(nats, "vps1"), "next");
  await nats.close();
});
