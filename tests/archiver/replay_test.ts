/** `deno task archive replay` into real archivers, over HTTP and NATS. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { DuckDBInstance } from "@duckdb/node-api";
import { ArchiverConfigSchema } from "../../archiver/config.ts";
import { startArchiver } from "../../archiver/run.ts";
import { encodeDigest } from "../../shared/batch/digest.ts";
import { parseConfig } from "../../shared/config.ts";
import { CapturedLog } from "../support/captured_log.ts";
import { openArchive } from "../support/fixtures/archive.ts";
import { archiveRows } from "../support/fixtures/archive_check.ts";
import { BatchMaker } from "../support/fixtures/batch_maker.ts";
import { makeGossipArchive, MESSAGES, START } from "../support/fixtures/gossip_archive.ts";
import { freePort } from "../support/servers/free_port.ts";
import { startNatsServer } from "../support/servers/nats_server.ts";
import { startProgram } from "../support/servers/process.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { until, untilWell } from "../support/until.ts";

async function startTarget(dir: TempDir, name: string, nats?: object) {
  const archive = dir.join(`${name}.duckdb`);
  const port = freePort();
  const keys = {
    archive,
    api: { port, token_file: dir.join(`${name}.token`) },
    days: { folder: dir.join(`${name} days`) },
    threads: 1,
    memory_limit: "256MiB",
    ...nats && { nats },
  };
  return {
    archive,
    url: `http://127.0.0.1:${port}`,
    archiver: await startArchiver(parseConfig(JSON.stringify(keys), ArchiverConfigSchema, name)),
  };
}

async function replay(dir: TempDir, source: string, ...args: string[]) {
  const began = performance.now();
  await using program = startProgram(
    "archiver/main.ts",
    ["replay", "--archive", source, ...args],
    ["--quiet", "-P=archiver", "--allow-net=127.0.0.1", `--allow-read=${dir.path},query_results`],
  );
  const { code } = await program.wait();
  const seconds = (performance.now() - began) / 1000;
  return { code, seconds, text: program.lines.join("\n") };
}

const RECEIPTS = (collector: string, shift = "0") =>
  `SELECT (epoch_us(received_at) + ${shift})::VARCHAR AS at, sha256::VARCHAR AS sha, node_id, is_repeat, is_warmup, m.type, m.verdict,
    m.scid::VARCHAR AS scid FROM receipts JOIN messages m USING (message_id) JOIN peers p USING (peer_id)
    JOIN collectors c USING (collector_id) WHERE c.name = '${collector}' ORDER BY ALL`
    .replace("node_id,", "p.node_id,");

/** The fixture's, and a message of which only the facts are stored. */
async function makeSource(path: string): Promise<void> {
  await makeGossipArchive(path);
  await using store = await openArchive(path);
  const maker = new BatchMaker("gamma", START);
  const facts = { type: 258, size: 136, scid: 5n, direction: 1 as const, nodeId: null };
  const innerId = new Uint8Array(16).fill(3);
  const digest = encodeDigest({
    sha256: new Uint8Array(32).fill(9),
    facts: { ...facts, ownTimestamp: START / 1e6, innerId },
  });
  maker.receipt(START + 5, maker.message(digest), maker.session(1));
  maker.event({ kind: "clock_sample", at: START + 3, offset: -2_000_000, uncertainty: 400 });
  maker.event({ kind: "clock_step", at: START + 4, step: 7 });
  maker.event({ kind: "stalled", since: START + 1, at: START + 2 });
  // Another run, after the first was cut off, with a clock that was set.
  const later = new BatchMaker("gamma", START + 10);
  later.receipt(START + 12, later.message(MESSAGES.node), later.session(2));
  later.event({ kind: "clock_sample", at: START + 11, offset: 0, uncertainty: 400 });
  await store.commit([maker.close(), later.close()]);
}

async function stage(stack: AsyncDisposableStack) {
  stack.use(new CapturedLog());
  const dir = stack.use(await tempDir());
  const source = dir.join("source.duckdb");
  await makeSource(source);
  return { dir, source };
}

Deno.test("a replay gives another archive the same receipts at the asked pace, and twice doubles nothing", async () => {
  await using stack = new AsyncDisposableStack();
  const { dir, source } = await stage(stack);
  const target = await startTarget(dir, "target");
  const to = ["--to", target.url, "--token-file", dir.join("target.token")];
  {
    await using _ = target.archiver;
    const first = await replay(dir, source, ...to, "--collector", "alpha", "--speed", "25");
    equal(first.code, 0, first.text);
    match(
      first.text,
      /replay: receipts=8 collectors=alpha as=replay window=from 2025-09-26T00:00:01/,
    );
    // 49 s at 25 times their pace.
    ok(first.seconds >= 49 / 25 * 0.95, `${first.seconds} s`);
    const again = await replay(dir, source, ...to, "--collector", "alpha", "--speed", "1000");
    equal(again.code, 0, again.text);
    const gamma = await replay(dir, source, ...to, "--collector", "gamma", "--as", "again");
    equal(gamma.code, 0, gamma.text);
    const response = await fetch(`${target.url}/status`);
    const { dead_letters } = await response.json();
    equal(dead_letters, 0);
  }
  for (const [from, as] of [["alpha", "replay"], ["gamma", "again"]] as const) {
    const expected = await archiveRows(source, RECEIPTS(from));
    deepEqual(await archiveRows(target.archive, RECEIPTS(as)), expected);
  }
  const [run] = await archiveRows(
    target.archive,
    "SELECT version, ended_at IS NOT NULL AS ended, stamped_receipts = receipts AS whole FROM epochs LIMIT 1",
  );
  deepEqual(run, { version: "replay of alpha", ended: true, whole: true });
  const sessions = (path: string, name: string) =>
    archiveRows(
      path,
      `SELECT p.node_id, s.address FROM sessions s JOIN peers p USING (peer_id)
        JOIN collectors c USING (collector_id) WHERE c.name = '${name}' ORDER BY ALL`,
    );
  deepEqual(await sessions(target.archive, "replay"), await sessions(source, "alpha"));
});

Deno.test("all collectors of a day are replayed at once, with their clocks", async () => {
  await using stack = new AsyncDisposableStack();
  const { dir, source } = await stage(stack);
  const target = await startTarget(dir, "target");
  const names = ["alpha", "beta", "gamma"];
  {
    await using _ = target.archiver;
    const to = ["--to", target.url, "--token-file", dir.join("target.token"), "--speed", "1000"];
    const { code, text } = await replay(dir, source, ...to, "--from", "2025-09-26", "--as", "day");
    equal(code, 0, text);
    match(
      text,
      /receipts=13 collectors=alpha,beta,gamma as=day-alpha,day-beta,day-gamma window=from 2025-09-26T/,
    );
    await makeTaken(source);
    const taken = await replay(dir, source, ...to, "--as", "day");
    equal(taken.code, 2);
    match(taken.text, /with --as day, alpha becomes day-alpha, which is .* recorded here/);
  }
  for (const name of names) {
    deepEqual(
      await archiveRows(target.archive, RECEIPTS(`day-${name}`)),
      await archiveRows(source, RECEIPTS(name)),
      name,
    );
  }
  for (const [table, count] of [["clock_samples", 2], ["clock_steps", 1], ["stalls", 1]] as const) {
    // The first run is replayed from its first receipt on.
    const rows = (path: string, name: string) =>
      archiveRows(
        path,
        `SELECT t.* EXCLUDE (epoch_id, collector_id), e.started_at > make_timestamptz(${
          START + 5
        }) AS is_later
          FROM ${table} t JOIN epochs e USING (epoch_id)
          JOIN collectors c ON c.collector_id = e.collector_id WHERE c.name = '${name}' ORDER BY ALL`,
      );
    const replayed = await rows(target.archive, "day-gamma");
    equal(replayed.length, count, table);
    deepEqual(replayed, await rows(source, "gamma"));
  }
});

Deno.test("receipts outside of sessions, as imports have them, are replayed like others", async () => {
  await using stack = new AsyncDisposableStack();
  stack.use(new CapturedLog());
  const dir = stack.use(await tempDir());
  const source = dir.join("source.duckdb");
  const count = 5000;
  {
    await using store = await openArchive(source);
    const maker = new BatchMaker("alpha", START);
    const message = maker.message(MESSAGES.channel);
    const peers = [1, 2].map((peer) => maker.session(peer));
    // The second peer comes after more rows than DuckDB gives at once.
    for (let i = 0; i < count; i++) maker.receipt(START + i, message, peers[i < 4000 ? 0 : 1]);
    await store.commit([maker.close()]);
  }
  {
    const instance = await DuckDBInstance.create(source);
    const connection = await instance.connect();
    await connection.run("DELETE FROM sessions");
    connection.closeSync();
    instance.closeSync();
  }
  const target = await startTarget(dir, "target");
  await using _ = target.archiver;
  const to = ["--to", target.url, "--token-file", dir.join("target.token")];
  const { code, text } = await replay(dir, source, ...to);
  equal(code, 0, text);
  match(text, new RegExp(`receipts=${count} `));
});

/** A receipt of a collector with the name that a replay would give. */
async function makeTaken(path: string): Promise<void> {
  await using store = await openArchive(path);
  const maker = new BatchMaker("day-alpha", START);
  maker.receipt(START + 5, maker.message(MESSAGES.channel), maker.session(1));
  await store.commit([maker.close()]);
}

Deno.test("a replay goes through a broker, and can end now; none goes into the archive it comes from", async () => {
  await using stack = new AsyncDisposableStack();
  const { dir, source } = await stage(stack);
  const server = stack.use(await startNatsServer());
  await Deno.copyFile(source, dir.join("copy.duckdb"));
  const to = ["--to", server.url, "--collector", "alpha", "--speed", "1000"];
  const silent = await replay(dir, source, ...to);
  equal(silent.code, 2);
  match(silent.text, /^Cannot replay to nats.* whether its archive is another one is not known: /);
  {
    // An archiver on a copy, as a snapshot is one.
    const { archiver, url } = await startTarget(dir, "copy", { servers: [server.url] });
    await using _ = archiver;
    await untilWell(url);
    const http = ["--to", url, "--token-file", dir.join("copy.token"), "--collector", "alpha"];
    for (const args of [to, http]) {
      const itself = await replay(dir, source, ...args);
      equal(itself.code, 2);
      match(itself.text, /that is the archive it comes from, or a copy of it; replay into another/);
    }
  }
  const target = await startTarget(dir, "target", { servers: [server.url] });
  {
    await using _ = target.archiver;
    const { code, text } = await replay(dir, source, ...to, "--now");
    equal(code, 0, text);
    await until(async () => {
      const { collectors } = await (await fetch(`${target.url}/status`)).json();
      return collectors[0]?.receipts === 8;
    });
  }
  const [{ at }] = await archiveRows(
    target.archive,
    "SELECT epoch_us(max(received_at))::DOUBLE AS at FROM receipts",
  ) as { at: number }[];
  ok(Math.abs(Date.now() * 1000 - at) < 60_000_000);
  const shift = `(${at} - ${START + 50_000_000})::BIGINT`;
  deepEqual(
    await archiveRows(target.archive, RECEIPTS("replay")),
    await archiveRows(source, RECEIPTS("alpha", shift)),
  );
});

Deno.test("what is wrong with a replay is said in one line", async () => {
  await using dir = await tempDir();
  const source = dir.join("source.duckdb");
  await makeSource(source);
  await Deno.writeTextFile(dir.join("token"), "a".repeat(64));
  const nobody = ["--to", "http://127.0.0.1:1", "--token-file", dir.join("token")];
  const wrong: [string[], RegExp][] = [
    [[], /--to is required/],
    [["--to", "ftp://x"], /--to is "ftp:.*"; it should be nats:/],
    [["--to", "nats://127.0.0.1:1", "--as", "No"], /--as is "No"; it should be/],
    [nobody, /^Cannot replay to http:.* whether its archive is another one is not known/],
    [["--to", "http://127.0.0.1:1", "--token-file", dir.join("none")], /Cannot read .*token/],
  ];
  for (const [args, message] of wrong) {
    const { code, text } = await replay(dir, source, ...args);
    equal(code, 2, text);
    match(text, message);
    equal(text.split("\n").length, 1, text);
  }
});
