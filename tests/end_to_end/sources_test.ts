import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { CHECKS } from "../../archiver/verify/checks.ts";
import { DEFINITIONS } from "../../query_results/catalog/catalog.ts";
import { readFrame } from "../../query_results/archive/frame.ts";
import { runQueries } from "../../query_results/run.ts";
import { openArchive } from "../../query_results/archive/open.ts";
import { clocksText } from "../../query_results/report/caption.ts";
import { archiveRows } from "../support/fixtures/archive_check.ts";
import { startArchiver, startCollector } from "../support/servers/programs.ts";
import { freePort } from "../support/servers/free_port.ts";
import { tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

Deno.test("what comes out of a log is a collector of its own in the archive, and captions say so", async () => {
  await using dir = await tempDir();
  const log = new URL("../vectors/node_logs/cln_io.log", import.meta.url).pathname;
  // An update_add_htlc and a revoke_and_ack as the log shows them, and text of an RPC call.
  const secret = "5ec2e7b0d1a7a5ecc0deb10b";
  const line = (type: string) =>
    `2026-11-30T20:16:50.785Z 02${"e5".repeat(32)}-connectd: [IN] ${type}${secret.repeat(60)}\n`;
  const rpc = `2026-11-30T20:11:25.537Z jsonrpc#61: "pay"[IN] ${secret}\n`;
  await Deno.writeTextFile(dir.join("io.log"), line("0080") + line("0085") + rpc);
  await Deno.writeFile(dir.join("io.log"), await Deno.readFile(log), { append: true });
  const port = freePort();
  let path: string;
  {
    await using archiver = await startArchiver({ dir: dir.path, port });
    path = archiver.archive;
    await using collector = await startCollector(dir.path, {
      name: "home",
      network: "regtest",
      peers: { target: 0 },
      sources: [{ name: "cln", kind: "cln_io_log", path: dir.join("io.log") }],
      batch: { max_age: "50ms" },
      uplink: { kind: "local", url: `http://127.0.0.1:${port}` },
    });
    interface Status {
      readonly collectors: readonly { readonly receipts: number }[];
    }
    await until(async () => {
      const status = await archiver.get("/status") as Status | null;
      return status?.collectors[0]?.receipts === 53;
    });
    collector.signal("SIGTERM");
    await collector.wait();
    archiver.process.signal("SIGTERM");
    await archiver.process.wait();
  }
  const archived = Buffer.from(await Deno.readFile(path));
  assert.ok(!archived.includes(secret) && !archived.includes(Buffer.from(secret, "hex")));
  assert.deepEqual(
    await archiveRows(
      path,
      "SELECT c.name, CAST(count(*) AS INTEGER) AS receipts " +
        "FROM receipts r JOIN collectors c USING (collector_id) GROUP BY ALL",
    ),
    [{ name: "home/cln", receipts: 53 }],
  );
  assert.deepEqual(
    await archiveRows(
      path,
      "SELECT recorded_by, kind, CAST(uncertainty_microseconds AS INTEGER) AS us FROM sources",
    ),
    [{ recorded_by: "home", kind: "cln_io_log", us: 550_000 }],
  );
  using archive = await openArchive(path);
  for (const { kind, claim, look } of CHECKS) {
    if (kind === "contradiction") {
      assert.equal((await look(archive.connection)).misfits, 0, claim);
    }
  }
  await archive.connection.run(DEFINITIONS);
  const frame = await readFrame(archive.connection);
  assert.match(
    clocksText(frame),
    /receipts of home\/cln are second-hand \(cln_io_log\), their times up to 550 ms late/,
  );
  const delays = await archive.connection.runAndReadAll(
    `SELECT DISTINCT CAST(error_us AS INTEGER) AS error_us
    FROM delays(make_timestamptz(${frame.window.from}), make_timestamptz(${frame.window.to}), true)`,
  );
  assert.deepEqual(delays.getRowObjects(), [{ error_us: 550_000 }]);
  const answers = async (settings: Record<string, string>) => {
    const only = ["convergence_delay", "sessions"];
    const out = dir.join(settings.sources);
    const { tables, frame } = await runQueries({ archive: path, out, only, settings });
    return { rows: tables.get("sessions")!.rows.length, clocks: clocksText(frame) };
  };
  assert.ok((await answers({ sources: "all" })).rows > 0);
  const own = await answers({ sources: "own" });
  assert.equal(own.rows, 0);
  assert.match(own.clocks, /what other nodes' logs show is left out/);
  await assert.rejects(answers({ sources: "some" }), /should be own or all/);
});
