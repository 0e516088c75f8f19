import assert from "node:assert/strict";
import { connectNats } from "../../shared/nats/connect.ts";
import type { Batch } from "../../shared/batch/batch.ts";
import { encodeBatch } from "../../shared/batch/codec.ts";
import { randomInteger, seededRandom } from "../../shared/random.ts";
import { batchSubject, STREAM } from "../../shared/subjects.ts";
import { openArchive, receiptLines, rows } from "../support/fixtures/archive.ts";
import { BatchMaker, plainMessage } from "../support/fixtures/batch_maker.ts";
import { startNatsServer } from "../support/servers/nats_server.ts";
import { type Process, startProgram } from "../support/servers/process.ts";
import { tokenHeader } from "../support/servers/programs.ts";
import { tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

const KILLS = 4;
const BATCHES = 120;
/** Of when the archiver is killed; what it is doing then differs from run to run all the same. */
const SEED = 20_250_926;

/** An archiver process that is killed and started again. */
class Victim implements AsyncDisposable {
  #process: Process | null = null;
  url = "";

  constructor(private readonly config: string) {}

  async start(): Promise<void> {
    this.#process = startProgram("archiver/main.ts", ["--config", this.config], ["-A"]);
    const line = await this.#process.waitForLine(/API at/);
    this.url = line.match(/http:\/\/127\.0\.0\.1:\d+/)![0];
  }

  async kill(): Promise<void> {
    const status = await this.#process!.kill();
    assert.equal(status.signal, "SIGKILL", "it was still running");
  }

  /** Ends it in order. */
  async stop(): Promise<void> {
    assert.equal((await this.#process!.terminate()).code, 0, this.#process!.lines.join("\n"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.kill();
  }
}

/** Batches of two collectors with 100 receipts each, now and then a large one whose commit takes its time. */
function makeBatches(count: number): Batch[] {
  const makers = ["alpha", "beta"].map((name) => new BatchMaker(name));
  const sessions = makers.map((maker) => [maker.session(1), maker.session(2)]);
  return Array.from({ length: count }, (_, i) => {
    const maker = makers[i % 2];
    const receipts = i % 20 === 0 ? 5000 : 100;
    const message = maker.message(plainMessage(i >> 1));
    for (let k = 0; k < receipts; k++) {
      maker.receipt(maker.epoch + i * 1_000_000 + k, message, sessions[i % 2][k % 2]);
    }
    return maker.close();
  });
}

async function checkArchive(path: string, batches: readonly Batch[]): Promise<void> {
  await using store = await openArchive(path);
  const found = (await receiptLines(store)).map((line) => {
    const [at, , , collector] = line.split(" ");
    return `${at} ${collector}`;
  });
  const expected = batches.flatMap(({ collector, receipts }) =>
    Array.from(receipts.receivedAt, (at) => `${at} ${collector}`)
  );
  assert.equal(found.length, expected.length);
  assert.deepEqual(found.sort(), expected.sort());
  assert.deepEqual(await rows(store, "SELECT * FROM gaps"), []);
  assert.deepEqual(await rows(store, "SELECT * FROM unresolved_receipts"), []);
  const [{ twins }] = await rows(
    store,
    "SELECT count(*) - count(DISTINCT sha256) AS twins FROM messages",
  );
  assert.equal(twins, 0);
}

/** Kills the archiver `KILLS` times while `work` goes on, each time soon after `progress` went on. */
async function killAgainAndAgain(
  victim: Victim,
  progress: () => Promise<number>,
  work: Promise<void>,
  total: number,
): Promise<void> {
  const random = seededRandom(SEED);
  for (let kill = 1; kill <= KILLS; kill++) {
    await until(async () => await progress() >= total * kill / (KILLS + 2));
    await new Promise((resolve) => setTimeout(resolve, randomInteger(random, 40)));
    await victim.kill();
    await victim.start();
  }
  await work;
}

Deno.test(`SIGKILL between and during commits loses and doubles nothing (HTTP, seed ${SEED})`, async () => {
  await using dir = await tempDir();
  const path = dir.join("a.duckdb");
  const config = dir.join("a.yaml");
  await Deno.writeTextFile(
    config,
    `archive: ${path}\napi: {port: 0}\ncommit: {max_wait: 5ms}\nlog: {format: json}\n`,
  );
  const batches = makeBatches(BATCHES);
  await using victim = new Victim(config);
  await victim.start();
  const headers = await tokenHeader(dir.path);
  let answered = 0;
  const ended = new AbortController();
  using _end = { [Symbol.dispose]: () => ended.abort() };
  // Like a collector: each batch again until it is answered, some of them under way at a time.
  const queue = batches.map((batch) => encodeBatch(batch));
  const post = async () => {
    for (let bytes = queue.shift(); bytes; bytes = queue.shift()) {
      while (!ended.signal.aborted) {
        try {
          const response = await fetch(`${victim.url}/batches`, {
            method: "POST",
            body: bytes,
            headers,
          });
          const { status } = await response.json();
          if (response.status === 200) {
            assert.match(status, /^(committed|duplicate)$/);
            break;
          }
        } catch (error) {
          if (!(error instanceof TypeError)) throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      answered++;
    }
  };
  const work = Promise.all([post(), post(), post()]).then(() => {});
  await killAgainAndAgain(victim, () => Promise.resolve(answered), work, batches.length);
  await victim.stop();
  await checkArchive(path, batches);
});

Deno.test(`SIGKILL under a real broker loses and doubles nothing (seed ${SEED})`, async () => {
  await using dir = await tempDir();
  await using server = await startNatsServer();
  const path = dir.join("a.duckdb");
  const config = dir.join("a.yaml");
  await Deno.writeTextFile(
    config,
    `archive: ${path}\napi: {port: 0}\ncommit: {max_wait: 5ms}\nlog: {format: json}\n` +
      `nats: {servers: ['${server.url}']}\n`,
  );
  const batches = makeBatches(BATCHES);
  await using victim = new Victim(config);
  await victim.start();
  const connection = await connectNats({ servers: [server.url], name: "test" });
  const manager = await connection.jetstreamManager();
  await until(() => manager.consumers.info(STREAM, "archiver").then(() => true, () => false));
  let published = 0;
  const publish = async () => {
    for (const batch of batches) {
      await connection.jetstream().publish(batchSubject(batch.collector), encodeBatch(batch));
      published++;
    }
  };
  const waiting = async () => (await manager.streams.info(STREAM)).state.messages;
  const acknowledged = async () => published - await waiting();
  await killAgainAndAgain(victim, acknowledged, publish(), batches.length);
  await until(async () => await waiting() === 0);
  await victim.stop();
  await connection.close();
  await checkArchive(path, batches);
});
