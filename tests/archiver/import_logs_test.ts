import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { CHECKS } from "../../archiver/verify/checks.ts";
import { openArchive } from "../../query_results/archive/open.ts";
import { archiveRows } from "../support/fixtures/archive_check.ts";
import { startProgram } from "../support/servers/process.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

function sample(name: string): string {
  return new URL(`../vectors/node_logs/${name}`, import.meta.url).pathname;
}

/** Its exit code and what it printed. */
async function importFrom(dir: TempDir, from: string): Promise<[number, string]> {
  await using program = startProgram(
    "archiver/main.ts",
    ["import", "--from", from, "--archive", dir.join("archive.duckdb")],
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
  using reader = await openArchive(archive);
  for (const { kind, claim, look } of CHECKS) {
    if (kind === "contradiction") assert.equal((await look(reader.connection)).misfits, 0, claim);
  }
});

Deno.test("a file that is no log is refused, and a gossip_store sent where it is read", async () => {
  await using dir = await tempDir();
  await Deno.copyFile(sample("gossip_store_v16_ended.bin"), dir.join("store.log"));
  const [code, said] = await importFrom(dir, dir.join("store.log"));
  assert.equal(code, 2);
  assert.match(said, /neither Core Lightning's io log nor LND's .*deno task collect dump --from/);
  const [none, why] = await importFrom(dir, dir.join("nothing*"));
  assert.equal(none, 2);
  assert.match(why, /no file fits/);
});
