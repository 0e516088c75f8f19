import assert from "node:assert/strict";
import type { NatsConnection } from "nats";
import { encodeBatch } from "../../shared/batch/codec.ts";
import { connectNats } from "../../shared/nats/connect.ts";
import { batchSubject, STREAM } from "../../shared/subjects.ts";
import { archiveRows, archiveTotals } from "../support/fixtures/archive_check.ts";
import { BatchMaker, plainMessage } from "../support/fixtures/batch_maker.ts";
import { type NatsServer, startNatsServer, untilArchived } from "../support/servers/nats_server.ts";
import { type ArchiverProcess, startArchiver } from "../support/servers/programs.ts";
import { tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

interface Status {
  readonly dead_letters: number;
  readonly collectors: readonly { readonly receipts: number }[];
}

async function status(archiver: ArchiverProcess): Promise<Status | null> {
  return await archiver.get("/status") as Status | null;
}

const told = (archiver: ArchiverProcess) => () => archiver.process.lines.join("\n");

/** Batches with `receipts` receipts each, a session and as many new messages. */
function batches(count: number, receipts: number): Uint8Array[] {
  const maker = new BatchMaker("scripted");
  const session = maker.session(1);
  return Array.from({ length: count }, (_, i) => {
    for (let j = 0; j < receipts; j++) {
      const message = maker.message(plainMessage(i * receipts + j));
      maker.receipt(maker.epoch + 10_000 + i * receipts + j, message, session);
    }
    return encodeBatch(maker.close());
  });
}

async function publish(connection: NatsConnection, batch: Uint8Array): Promise<void> {
  await connection.jetstream().publish(batchSubject("scripted"), batch);
}

/** A client, once the archiver has made its stream. */
async function clientOf(server: NatsServer, archiver: ArchiverProcess): Promise<NatsConnection> {
  const connection = await connectNats({ servers: [server.url], name: "test" });
  const manager = await connection.jetstreamManager();
  await until(() => manager.streams.info(STREAM).then(() => true, () => false), told(archiver));
  return connection;
}

Deno.test("a malformed batch on the stream is set aside with its reason and acknowledged", async () => {
  await using dir = await tempDir();
  await using server = await startNatsServer();
  await using archiver = await startArchiver({ dir: dir.path, nats: server.url });
  await until(async () => (await status(archiver)) !== null, told(archiver));
  const connection = await clientOf(server, archiver);

  const garbage = new TextEncoder().encode("this is no batch");
  const [good] = batches(1, 5);
  const cut = good.subarray(0, good.length - 3);
  for (const batch of [garbage, new Uint8Array(0), cut, good]) await publish(connection, batch);
  await connection.close();

  await untilArchived(server, told(archiver));
  const now = await status(archiver);
  assert.equal(now?.dead_letters, 3, told(archiver)());
  assert.equal(now?.collectors[0].receipts, 5);
  assert.equal((await archiver.process.terminate()).code, 0);

  const rows = await archiveRows(
    archiver.archive,
    "SELECT source, reason, hex(raw) AS raw FROM dead_letters",
  );
  assert.deepEqual(
    rows.map(({ raw }) => String(raw).toLowerCase()).sort(),
    [garbage, new Uint8Array(0), cut].map((bytes) => bytes.toHex()).sort(),
  );
  for (const { source, reason } of rows) {
    assert.equal(source, batchSubject("scripted"));
    assert.match(String(reason), /\w+/);
  }
});

Deno.test("an archive that another process holds gives one clear line", async () => {
  await using dir = await tempDir();
  await using holder = await startArchiver({ dir: dir.path });
  await until(async () => (await status(holder)) !== null, told(holder));
  await using second = await startArchiver({ dir: dir.path });
  assert.equal((await second.process.wait()).code, 2);
  assert.equal(second.process.lines.length, 1, told(second)());
  assert.match(second.process.lines[0], /archive\.duckdb: process \d+ .*holds it/);
  assert.ok(second.process.lines[0].includes(String(holder.process.pid)));
  assert.notEqual(await status(holder), null);
});

Deno.test("an archiver without its broker says so once, waits, and then takes all", async () => {
  await using dir = await tempDir();
  await using server = await startNatsServer();
  await server.stop();
  await using archiver = await startArchiver({ dir: dir.path, nats: server.url });
  await archiver.process.waitForLine(/Cannot pull batches/);
  await until(async () => (await status(archiver)) !== null, told(archiver));
  await server.restart();
  const connection = await clientOf(server, archiver);
  for (const batch of batches(3, 100)) await publish(connection, batch);
  await connection.close();
  await untilArchived(server, told(archiver));
  assert.equal(archiver.process.lines.filter((line) => /Cannot pull/.test(line)).length, 1);
  assert.equal((await archiver.process.terminate()).code, 0);
  const { receipts, gaps } = await archiveTotals(archiver.archive);
  assert.deepEqual({ receipts, gaps }, { receipts: 300, gaps: 0 });
});
