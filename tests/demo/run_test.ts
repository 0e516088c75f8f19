import assert from "node:assert/strict";
import { DuckDBInstance } from "@duckdb/node-api";
import { connectNats } from "../../shared/nats/connect.ts";
import { BATCHES } from "../../shared/subjects.ts";
import { startProgram } from "../support/servers/process.ts";
import { startNatsServer } from "../support/servers/nats_server.ts";
import { tempDir } from "../support/temp_dir.ts";

const LAST_LINE =
  /^demo: peers=20 messages=(\d+) receipts_sent=(\d+) receipts_archived=(\d+) lost=0 duplicated=0 seconds=[\d.]+ archive=\S+ report=\S+$/;

/** A small demo takes about ten seconds; a machine under load much longer. */
const LIMIT_MILLISECONDS = 180_000;

/** The demo's own permissions, and the right to write where the test wants it. */
const permissions = (
  dir: string,
) => ["--quiet", "-P=demo", `--allow-read=query_results,${dir}`, `--allow-write=${dir}`];

Deno.test("a small demo runs end to end, writes its report, runs again over its own output, and ends well", async () => {
  await using dir = await tempDir();
  const out = dir.join("demo");
  for (const seed of ["one", "two"]) {
    const args = ["--peers", "20", "--seconds", "3", "--seed", seed, "--out", out];
    await using demo = startProgram("tests/demo/main.ts", args, permissions(dir.path));
    const status = await demo.wait(LIMIT_MILLISECONDS);
    assert.equal(status.code, 0, demo.lines.join("\n"));
    const [, messages, sent, archived] = demo.lines.at(-1)!.match(LAST_LINE) ??
      assert.fail(demo.lines.join("\n"));
    assert.ok(Number(messages) > 500 && Number(sent) > 5000);
    assert.equal(archived, sent);
    for (
      const label of [
        "Peers per message",
        "Delay to 50 % of a message's peers",
        "run of 2025-09-26",
      ]
    ) {
      assert.ok(demo.lines.some((line) => line.includes(label)), `no ${label}`);
    }
  }
  const files = Array.from(Deno.readDirSync(out), ({ name }) => name);
  for (
    const name of ["index.html", "archive.duckdb", "convergence_delay.csv", "convergence_delay.svg"]
  ) {
    assert.ok(files.includes(name), `no ${name}`);
  }
});

Deno.test("the same demo goes through a real NATS server, and leaves it as it was", async () => {
  await using dir = await tempDir();
  await using nats = await startNatsServer();
  const small = ["--peers", "20", "--seconds", "2", "--out", dir.join("demo")];
  const rights = permissions(dir.path);
  await using demo = startProgram("tests/demo/main.ts", [...small, "--nats", nats.url], rights);
  assert.equal((await demo.wait(LIMIT_MILLISECONDS)).code, 0, demo.lines.join("\n"));
  assert.match(demo.lines.at(-1)!, LAST_LINE);

  const connection = await connectNats({ servers: [nats.url], name: "test" });
  const manager = await connection.jetstreamManager();
  assert.deepEqual(await manager.streams.list().next(), []);
  await manager.streams.add({ name: "THEIRS", subjects: [BATCHES] });
  await connection.close();
  const byName = `localhost:${nats.port}`;
  await using refused = startProgram("tests/demo/main.ts", [...small, "--nats", byName], rights);
  assert.equal((await refused.wait()).code, 2, refused.lines.join("\n"));
  assert.match(refused.lines.at(-1)!, /its stream THEIRS takes batches/);
});

Deno.test("a demo that cannot begin says why in one line and leaves foreign files alone", async () => {
  await using dir = await tempDir();
  const archive = dir.join("archive.duckdb");
  const instance = await DuckDBInstance.create(archive);
  instance.closeSync();
  const refused = async (args: string[], pattern: RegExp) => {
    await using demo = startProgram("tests/demo/main.ts", args, permissions(dir.path));
    assert.equal((await demo.wait()).code, 2, demo.lines.join("\n"));
    assert.equal(demo.lines.length, 1, demo.lines.join("\n"));
    assert.match(demo.lines[0], pattern);
  };
  await refused(
    ["--out", dir.path],
    /archive\.duckdb is there and no demo made it; give another --out/,
  );
  await refused(
    ["--out", "/no-such-folder"],
    /the demo's permissions end at query_results\/runs\/demo/,
  );
  await refused(
    ["--out", dir.join("a"), "--nats", "nats://127.0.0.1:1"],
    /Cannot reach NATS at nats:\/\/127\.0\.0\.1:1/,
  );
  await refused(["--peers", "0"], /--peers is "0"; it should be a whole number from 1 to 2000/);
  assert.ok((await Deno.stat(archive)).isFile);
});

Deno.test("a demo that is interrupted stops its processes", async () => {
  await using dir = await tempDir();
  const args = ["--peers", "5", "--seconds", "60", "--out", dir.join("demo")];
  await using demo = startProgram("tests/demo/main.ts", args, permissions(dir.path));
  await demo.waitForLine(/is connected to all 5/, { timeoutMilliseconds: LIMIT_MILLISECONDS });
  demo.signal("SIGINT");
  assert.equal((await demo.wait()).code, 130, demo.lines.join("\n"));
  assert.match(demo.lines.at(-1)!, /The demo was stopped by SIGINT; there is no report/);
  const run = dir.join("demo", "run");
  const nodes = (await Deno.readTextFile(`${run}/peers.txt`)).trim().split("\n");
  const archiver = (await Deno.readTextFile(`${run}/archiver.yaml`)).match(/port: (\d+)/)!;
  for (const port of [...nodes.map((line) => line.split(":")[1]), archiver[1]]) {
    await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port: Number(port) }), /refused/);
  }
  using lock = await Deno.open(`${run}/collector-data/lock`, { write: true });
  assert.ok(await lock.tryLock(true), "the collector holds its data folder no more");
});
