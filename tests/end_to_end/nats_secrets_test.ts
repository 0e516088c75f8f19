import assert from "node:assert/strict";
import { makeCertificates } from "../support/servers/certificates.ts";
import { freePort } from "../support/servers/free_port.ts";
import { startNatsServer } from "../support/servers/nats_server.ts";
import { type Process, startProgram } from "../support/servers/process.ts";
import { tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

const SECRET = "hunter2-and-more";
/** A node that is not there. */
const NOBODY = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const VARIABLE = "GOSSIP_TEST_SECRET";

Deno.test("collector and archiver go over TLS as users whose passwords no log and no page shows", async () => {
  await using dir = await tempDir();
  const { caFile, certFile, keyFile } = await makeCertificates(dir);
  const users = ["vps1", "archiver"].map((user) => `{ user: ${user}, password: "${SECRET}" }`);
  const config = `tls { cert_file: "${certFile}", key_file: "${keyFile}" }\n` +
    `authorization { users: [ ${users.join(", ")} ] }`;
  await using server = await startNatsServer({ config });
  const passwordFile = dir.join("password");
  const nats = (auth: object) => ({
    // One that is not there, so that either must find the other.
    servers: ["tls://127.0.0.1:1", `tls://127.0.0.1:${server.port}`],
    tls: { ca_file: caFile },
    auth,
  });
  const log = { level: "debug", format: "json" };
  const port = freePort();
  const url = `http://127.0.0.1:${port}`;
  const files = [dir.join("collector.yaml"), dir.join("archiver.yaml")];
  const peers = { file: dir.join("peers.txt"), target: 1 };
  await Deno.writeTextFile(peers.file, `${NOBODY}@127.0.0.1:1\n`);
  const collectorConfig = {
    ...{ name: "vps1", network: "regtest", data_dir: dir.join("data"), peers, log },
    batch: { max_age: "100ms" },
    uplink: { kind: "nats", ...nats({ user: "vps1", password_env: VARIABLE }) },
    stop_timeout: "500ms",
  };
  const archiverConfig = {
    ...{ archive: dir.join("a.duckdb"), memory_limit: "256MiB", api: { port }, log },
    days: { folder: dir.join("days") },
    nats: nats({ user: "archiver", password_file: passwordFile }),
  };
  await Deno.writeTextFile(files[0], JSON.stringify(collectorConfig));
  await Deno.writeTextFile(files[1], JSON.stringify(archiverConfig));
  const collector = (password: string) =>
    startProgram("collector/main.ts", ["--config", files[0]], [
      "-P=collector",
      `--allow-net=127.0.0.1`,
      `--allow-read=${dir.path}`,
      `--allow-write=${dir.path}`,
      `--allow-env=${VARIABLE}`,
    ], { env: { [VARIABLE]: password } });
  const archiver = async (password: string) => {
    await Deno.writeTextFile(passwordFile, `${password}\n`);
    return startProgram("archiver/main.ts", ["--config", files[1]], [
      "-P=archiver",
      `--allow-net=127.0.0.1`,
      `--allow-read=${dir.path}`,
      `--allow-write=${dir.path}`,
    ]);
  };
  const pages = async () => {
    const texts = ["/status", "/healthz", "/metrics"].map(async (path) => {
      return await (await fetch(url + path)).text();
    });
    return (await Promise.all(texts)).join("\n");
  };
  const showsNothing = (text: string) => assert.ok(!text.includes(SECRET), text);
  const told = (...processes: Process[]) => processes.flatMap(({ lines }) => lines).join("\n");

  {
    await using refusedCollector = collector(`${SECRET}-wrong`);
    await using refusedArchiver = await archiver(`${SECRET}-wrong`);
    await refusedCollector.waitForLine(
      /Batches wait in the spool.*the server refuses these credentials/,
    );
    await refusedArchiver.waitForLine(/Cannot pull batches.*the server refuses these credentials/);
    showsNothing(await pages());
    await Promise.all([refusedCollector.terminate(), refusedArchiver.terminate()]);
    showsNothing(told(refusedCollector, refusedArchiver));
  }
  await using rightArchiver = await archiver(SECRET);
  // So that it hears the collector's first heartbeat.
  await rightArchiver.waitForLine(/Pulling batches/);
  await using rightCollector = collector(SECRET);
  const both = () => told(rightCollector, rightArchiver);
  await rightCollector.waitForLine(/Batches are delivered/);
  await until(async () => {
    const { collectors } = await (await fetch(`${url}/status`)).json();
    return collectors.length === 1 && collectors[0].heartbeat !== null;
  }, both);
  showsNothing(await pages());
  await Promise.all([rightCollector.terminate(), rightArchiver.terminate()]);
  showsNothing(both());
});
