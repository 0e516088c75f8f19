/** Several archivers on one stream, each with collectors of its own. */
import assert from "node:assert/strict";
import type { NatsConnection } from "nats";
import { type ArchiverConfig, ArchiverConfigSchema } from "../../archiver/config.ts";
import type { Status } from "../../archiver/status/status.ts";
import { startArchiver } from "../../archiver/run.ts";
import { type Batch, batchId } from "../../shared/batch/batch.ts";
import { encodeBatch } from "../../shared/batch/codec.ts";
import { decodeResendRequest } from "../../shared/batch/resend_request.ts";
import { parseConfig } from "../../shared/config.ts";
import { connectNats } from "../../shared/nats/connect.ts";
import { batchSubject, resendSubject } from "../../shared/subjects.ts";
import { CapturedLog } from "../support/captured_log.ts";
import { archiveRows, archiveTotals } from "../support/fixtures/archive_check.ts";
import { BatchMaker, plainMessage } from "../support/fixtures/batch_maker.ts";
import { startNatsServer } from "../support/servers/nats_server.ts";
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
    await this.#send(batch, batchId(batch));
  }

  /** Publishes all once more, as if no acknowledgement had come and a killed broker had forgotten their ids. */
  async publishAgain(): Promise<void> {
    for (const batch of this.#sent.slice()) await this.#send(batch);
  }

  async #send(batch: Batch, msgID?: string): Promise<void> {
    const bytes = encodeBatch(batch);
    const options = { msgID, timeout: 1000 };
    const send = () => this.nats.jetstream().publish(batchSubject(batch.collector), bytes, options);
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

Deno.test("a collector moved between archivers there and back, while it sends, loses and doubles nothing", async () => {
  await using stack = new AsyncDisposableStack();
  stack.use(new CapturedLog());
  const dir = stack.use(await tempDir());
  const server = stack.use(await startNatsServer());
  const nats = await connectNats({ servers: [server.url], name: "test" });
  stack.defer(() => nats.close());
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
        /another archiver takes the batches of moved \(key moved in GOSSIP_CLAIMS\)/.test(
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
  await until(async () => {
    const manager = await nats.jetstreamManager();
    return (await manager.streams.info("GOSSIP")).state.messages === 0;
  });
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

  const times = async (path: string) =>
    (await archiveRows(
      path,
      "SELECT epoch_us(received_at)::VARCHAR AS at FROM receipts JOIN collectors USING (collector_id) WHERE name = 'moved'",
    )).map(({ at }) => String(at));
  const [inA, inB] = [await times(paths.a), await times(paths.b)];
  assert.ok(inA.length > 0 && inB.length > 0);
  assert.equal(inA.length + inB.length, moved.receipts);
  assert.equal(new Set([...inA, ...inB]).size, moved.receipts);
  const { receipts, unresolved, deadLetters } = await archiveTotals(paths.a);
  assert.deepEqual([receipts, unresolved, deadLetters], [inA.length + stays.receipts, 0, 0]);
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
