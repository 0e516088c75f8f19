/** Batches heard as they are published, with the accounts that `deno task fleet init` writes. */
import { deepEqual, equal } from "node:assert/strict";
import { ArchiverConfigSchema } from "../../archiver/config.ts";
import { Intake } from "../../archiver/intake/intake.ts";
import { Live } from "../../archiver/intake/live.ts";
import { startArchiver } from "../../archiver/run.ts";
import { JetStreamUplink } from "../../collector/uplink/jetstream.ts";
import { UplinkFault } from "../../collector/uplink/uplink.ts";
import { encodeBatch } from "../../shared/batch/codec.ts";
import { systemClock } from "../../shared/clock.ts";
import { parseConfig } from "../../shared/config.ts";
import { connectNats } from "../../shared/nats/connect.ts";
import { BATCHES, STREAM } from "../../shared/subjects.ts";
import { CapturedLog } from "../support/captured_log.ts";
import { INTAKE_LIMITS, openArchive, receiptLines } from "../support/fixtures/archive.ts";
import { archiveTotals } from "../support/fixtures/archive_check.ts";
import { BatchMaker, plainMessage } from "../support/fixtures/batch_maker.ts";
import { type FleetCluster, fleetOf, startFleetCluster } from "../support/servers/fleet_broker.ts";
import { tempDir } from "../support/temp_dir.ts";
import { until, untilWell } from "../support/until.ts";

const COLLECTORS = ["vps1", "vps2"];

/** Batches of one receipt each, and what a collector has to send them at one of the brokers. */
class Collector implements AsyncDisposable {
  sent = 0;
  readonly #maker: BatchMaker;
  readonly #uplink: JetStreamUplink;

  constructor(private readonly name: string, { access }: FleetCluster, index: number) {
    this.#maker = new BatchMaker(name);
    const { servers } = access(name, index);
    this.#uplink = new JetStreamUplink({
      ...{ servers, stream: STREAM, collector: name, maxOutstanding: 1 },
      readAccess: () => Promise.resolve(access(name, index)),
      onResendRequest: () => {},
    });
  }

  /** Sends one until it is acknowledged. */
  async send(): Promise<void> {
    const maker = this.#maker;
    const message = maker.message(plainMessage(maker.number));
    maker.receipt(maker.epoch + maker.number, message, maker.session(1));
    const { epoch, number } = maker;
    const bytes = encodeBatch(maker.close());
    await until(async () => {
      try {
        const { signal } = new AbortController();
        await this.#uplink.send({ epoch, number, bytes }, signal);
        return true;
      } catch (error) {
        if (error instanceof UplinkFault && error.code !== "refused") return false;
        throw error;
      }
    });
    this.sent++;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#uplink[Symbol.asyncDispose]();
  }
}

Deno.test("with a fleet's accounts a batch is acknowledged by the archive that hears it at another server", async () => {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const store = stack.use(await openArchive(dir.join("a.duckdb")));
  const options = { maxReceipts: 1000, maxWaitMs: 5, limits: INTAKE_LIMITS };
  const intake = stack.use(new Intake(options, { store, clock: systemClock }));
  const fleet = stack.use(await startFleetCluster(COLLECTORS));
  const nats = await connectNats({ ...fleet.access("archiver", 0), name: "test" });
  stack.defer(() => nats.close());
  // Of a stream that is not there no acknowledgement comes.
  new Live(STREAM, BATCHES, intake).start(nats);
  for (const [index, name] of COLLECTORS.entries()) {
    await using collector = new Collector(name, fleet, 1 + index);
    await collector.send();
  }
  equal((await receiptLines(store)).length, COLLECTORS.length);
});

Deno.test("with a fleet's accounts batches are acknowledged while the stream has no majority, and come once", async () => {
  await using stack = new AsyncDisposableStack();
  stack.use(new CapturedLog());
  const dir = stack.use(await tempDir());
  const fleet = stack.use(await startFleetCluster(COLLECTORS));
  const { cluster } = fleet;
  const password_file = dir.join("password");
  await Deno.writeTextFile(password_file, fleetOf(COLLECTORS).passwords.get("archiver")!);
  const keys = {
    archive: dir.join("a.duckdb"),
    api: { port: 0 },
    threads: 1,
    memory_limit: "256MiB",
    nats: { servers: [cluster.urls[0]], replicas: 3, auth: { user: "archiver", password_file } },
  };
  await using collectors = new AsyncDisposableStack();
  const [vps1, vps2] = COLLECTORS.map((name) => collectors.use(new Collector(name, fleet, 0)));
  {
    await using archiver = await startArchiver(
      parseConfig(JSON.stringify(keys), ArchiverConfigSchema, "archiver.yaml"),
    );
    await untilWell(archiver.url);
    await until(() => cluster.isWhole());
    await vps1.send();
    // The archiver hears batches once it has all that the stream had.
    await until(async () => await cluster.messages() === 0);
    await Promise.all([cluster.kill(1), cluster.kill(2)]);
    for (const collector of [vps1, vps2, vps1]) await collector.send();
    await Promise.all([cluster.restart(1), cluster.restart(2)]);
    await until(async () => await cluster.isWhole() && await cluster.messages() === 0);
    await vps2.send();
    await until(async () => await cluster.messages() === 0);
  }
  const { receipts, gaps, deadLetters } = await archiveTotals(keys.archive);
  deepEqual([receipts, gaps, deadLetters], [vps1.sent + vps2.sent, 0, 0]);
});
