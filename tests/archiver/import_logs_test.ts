import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { CHECKS } from "../../archiver/verify/checks.ts";
import { importLogs } from "../../archiver/import/logs.ts";
import { openArchive as openReader } from "../../query_results/archive/open.ts";
import { gossipFacts } from "../../shared/bolt/facts.ts";
import { readRecords } from "../../shared/node_logs/gossip_store.ts";
import { openArchive } from "../support/fixtures/archive.ts";
import { receiptLines } from "../support/fixtures/cln_log.ts";
import { archiveRows } from "../support/fixtures/archive_check.ts";
import { startProgram } from "../support/servers/process.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

function sample(name: string): string {
  return new URL(`../vectors/node_logs/${name}`, import.meta.url).pathname;
}

/** Its exit code and what it printed. */
async function importFrom(
  dir: TempDir,
  from: string,
  ...more: string[]
): Promise<[number, string]> {
  await using program = startProgram(
    "archiver/main.ts",
    ["import", "--from", from, "--archive", dir.join("archive.duckdb"), ...more],
    ["--ignore-env", `--allow-read=${dir.path}`, `--allow-write=${dir.path}`, "--allow-ffi"],
  );
  const { code } = await program.wait(60_000);
  return [code, program.lines.join("\n")];
}

const COUNTS = `SELECT c.name, m.verdict, CAST(count(*) AS INTEGER) AS receipts
  FROM receipts r JOIN collectors c USING (collector_id) JOIN messages m USING (message_id)
  GROUP BY ALL ORDER BY ALL`;

Deno.test("logs that somebody sends come into an archive, and once only", async () => {
  await using dir = await tempDir();
  const archive = dir.join("archive.duckdb");
  await Deno.copyFile(sample("cln_io.log"), dir.join("io.log"));
  const lnd = ["lnd_channel_announcement", "lnd_node_announcement", "lnd_na_odd_alias"]
    .map((name) => Deno.readTextFileSync(sample(`${name}.log`)));
  await Deno.writeTextFile(dir.join("lnd.log"), lnd[2]);
  await Deno.writeFile(dir.join("lnd.log.1.gz"), gzipSync(lnd[0] + lnd[1]));

  const [, look] = await importFrom(dir, dir.join("*.log*"), "--dry-run");
  assert.match(look, /lnd\.log: lnd_trace_log, from 2026-11-30 20:47:57\.957$/m);
  assert.match(look, /dry run, nothing was written/);
  const [code, said] = await importFrom(dir, dir.join("io.log"));
  assert.equal(code, 0, said);
  assert.match(said, /io\.log: cln_io_log, 53 receipts, 0 unreadable$/m);
  const [, rotated] = await importFrom(dir, dir.join("lnd.log*"));
  assert.match(rotated, /lnd\.log: lnd_trace_log, 1 receipts/);
  assert.match(rotated, /lnd\.log\.1\.gz: lnd_trace_log, 2 receipts/);
  const counts = await archiveRows(archive, COUNTS);
  const total = counts.reduce((sum, { receipts }) => sum + Number(receipts), 0);
  assert.equal(total, 56);
  const lndCounts = counts.filter(({ name }) => name === "imported/lnd-trace-log");
  assert.deepEqual(
    lndCounts.map(({ verdict, receipts }) => [verdict, receipts]),
    [["rebuilt", 1], ["valid", 2]],
  );
  assert.ok(counts.every(({ verdict }) => verdict !== "invalid" && verdict !== "malformed"));

  const [, again] = await importFrom(dir, dir.join("io.log"));
  assert.match(again, /all in the archive before/);
  assert.deepEqual(await archiveRows(archive, COUNTS), counts);
  using reader = await openReader(archive);
  for (const { kind, claim, look } of CHECKS) {
    if (kind === "contradiction") assert.equal((await look(reader.connection)).misfits, 0, claim);
  }
});

Deno.test("a dump that rotation cut in two is one receipt, and a pattern's files come in the order of their times", async () => {
  await using dir = await tempDir();
  const whole = ["lnd_node_announcement", "lnd_channel_announcement", "lnd_na_odd_alias"]
    .map((name) => Deno.readTextFileSync(sample(`${name}.log`))).join("");
  const lines = whole.split(/(?<=\n)/);
  const cut = lines.findIndex((line) => line.includes(" Signature: "));
  const halves = [lines.slice(0, cut).join(""), lines.slice(cut).join("")];
  await Deno.writeFile(dir.join("lnd.log.10.gz"), gzipSync(halves[0]));
  await Deno.writeTextFile(dir.join("lnd.log"), halves[1]);
  const [code, said] = await importFrom(dir, dir.join("lnd.log*"));
  assert.equal(code, 0, said);
  const counts = await archiveRows(dir.join("archive.duckdb"), COUNTS);
  assert.deepEqual(
    counts.map(({ verdict, receipts }) => [verdict, receipts]),
    [["rebuilt", 1], ["valid", 2]],
  );
});

Deno.test("an import that was stopped goes on where it was, and doubles nothing", async () => {
  await using dir = await tempDir();
  const lines = 40_000;
  await Deno.writeTextFile(dir.join("io.log"), receiptLines(0, lines));
  const run = async (signal: AbortSignal, onCommit: () => void) => {
    await using store = await openArchive(dir.join("archive.duckdb"));
    return await importLogs({
      files: [dir.join("io.log")],
      collector: "imported",
      zone: "UTC",
      async commit(batches) {
        const outcomes = await store.commit(batches);
        onCommit();
        return { committed: outcomes.filter(({ status }) => status === "committed").length };
      },
      takeStore: () => Promise.reject(new Error("no store")),
      say: () => {},
      signal,
    });
  };
  const stop = new AbortController();
  assert.equal(await run(stop.signal, () => stop.abort()), false);
  const archive = dir.join("archive.duckdb");
  const count = async () => Number((await archiveRows(archive, COUNTS))[0].receipts);
  assert.ok(await count() < lines);
  assert.equal(await run(new AbortController().signal, () => {}), true);
  assert.equal(await count(), lines);
});

Deno.test("a gossip_store fills in texts and proves updates, and brings no receipts", async () => {
  await using dir = await tempDir();
  const archive = dir.join("archive.duckdb");
  const store = await Deno.readFile(sample("gossip_store_v16_compacted.bin"));
  const { messages } = readRecords(store.subarray(1), 16);
  const [announcement] = messages.filter((raw) => raw[1] === 0);
  const { scid } = gossipFacts(announcement);
  const update = messages.find((raw) => raw[1] === 2 && gossipFacts(raw).scid === scid)!;
  const peer = `02${"e5".repeat(32)}`;
  const line = (ms: number, raw: Uint8Array) =>
    `2026-11-30T20:16:50.${ms}Z ${peer}-connectd: [IN] ${raw.toHex()}\n`;
  // The update comes without its channel, and the text of the announcement is lost below.
  await Deno.writeTextFile(dir.join("io.log"), line(785, update));
  await importFrom(dir, dir.join("io.log"));
  assert.deepEqual((await archiveRows(archive, COUNTS))[0].verdict, "unknown_signer");
  await Deno.writeTextFile(dir.join("more.log"), line(786, announcement));
  await importFrom(dir, dir.join("more.log"));
  {
    await using written = await openArchive(archive);
    await written.change(async (connection) => {
      await connection.run("UPDATE hot_messages SET raw = NULL, scid = NULL WHERE type = 256");
    });
  }
  await Deno.writeFile(dir.join("gossip_store"), store);
  const [code, said] = await importFrom(dir, dir.join("gossip_store"));
  assert.equal(code, 0, said);
  assert.match(said, /version 16, \d+ messages, \d+ of them valid/);
  assert.match(said, /2 are in the archive, which got 1 texts and 1 verdicts/);
  const kept = await archiveRows(
    archive,
    "SELECT type, verdict, scid, octet_length(raw) > 0 AS has_text FROM messages ORDER BY type",
  );
  assert.deepEqual(kept, [
    { type: 256, verdict: "valid", scid, has_text: true },
    { type: 258, verdict: "valid", scid, has_text: true },
  ]);
});

Deno.test("a file that is no log is refused", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(dir.join("diary.txt"), "2026-11-30: nothing happened\n".repeat(100));
  const [code, said] = await importFrom(dir, dir.join("diary.txt"));
  assert.equal(code, 2);
  assert.match(
    said,
    /should be Core Lightning's io log, LND's log at PEER=trace or a gossip_store/,
  );
  const [none, why] = await importFrom(dir, dir.join("nothing*"));
  assert.equal(none, 2);
  assert.match(why, /no file fits/);
});
