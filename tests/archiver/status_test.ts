/** `deno task archive status` beside a running archiver. */
import assert from "node:assert/strict";
import { encodeBatch } from "../../shared/batch/codec.ts";
import { observe, writeExport } from "../support/fixtures/foreign_source.ts";
import { freePort } from "../support/servers/free_port.ts";
import { BatchMaker, plainMessage } from "../support/fixtures/batch_maker.ts";
import { startProcess, startProgram } from "../support/servers/process.ts";
import { tokenHeader } from "../support/servers/programs.ts";
import { tempDir } from "../support/temp_dir.ts";

async function run(...args: string[]) {
  await using program = startProgram("archiver/main.ts", args, ["-A", "--quiet"]);
  const { code } = await program.wait();
  return { code, lines: program.lines };
}

Deno.test("status tells what the running archiver has, and says when none runs", async () => {
  await using dir = await tempDir();
  const port = freePort();
  const config = dir.join("a.yaml");
  await Deno.writeTextFile(config, `archive: ${dir.join("a.duckdb")}\napi: {port: ${port}}\n`);
  const nobody = await run("status", "--config", config);
  assert.equal(nobody.code, 2);
  assert.equal(nobody.lines.length, 1, nobody.lines.join("\n"));
  assert.match(
    nobody.lines[0],
    new RegExp(`^No archiver answers at http://127.0.0.1:${port}/status`),
  );

  await using archiver = startProgram("archiver/main.ts", ["run", "--config", config], ["-A"]);
  await archiver.waitForLine(/Archiving into/);
  const maker = new BatchMaker("alpha");
  maker.receipt(maker.epoch, maker.message(plainMessage(1)), maker.session(1));
  const body = encodeBatch(maker.close());
  const answer = await fetch(`http://127.0.0.1:${port}/batches`, {
    method: "POST",
    body,
    headers: await tokenHeader(dir.path),
  });
  assert.equal((await answer.json()).status, "committed");

  const { code, lines } = await run("status", "--config", config);
  assert.equal(code, 0);
  assert.ok(lines.some((line) => /^ {2}receipts +1 in 1 batches$/.test(line)), lines.join("\n"));
  assert.ok(lines.some((line) => line.startsWith("alpha")), lines.join("\n"));
  const json = await run("status", "--json", "--config", config);
  assert.equal(JSON.parse(json.lines.join("\n")).collectors[0].receipts, 1);
});

Deno.test("status cannot know a port that the system chose, and says so", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(dir.join("a.yaml"), "api: {port: 0}\n");
  const { code, lines } = await run("status", "--config", dir.join("a.yaml"));
  assert.equal(code, 2);
  assert.match(lines.join("\n"), /api\.port is 0/);
});

Deno.test("status and run say when the sandbox closes what the config names, with the one command that works", async () => {
  await using dir = await tempDir();
  const port = freePort();
  const path = dir.join("a.yaml");
  await Deno.writeTextFile(
    path,
    JSON.stringify({
      archive: dir.join("own/a.duckdb"),
      api: { port },
      days: { folder: dir.join("own/days") },
    }),
  );
  await Deno.mkdir(dir.join("own"));
  const asked = async (command: string) => {
    const flags = ["-P=archiver", "--quiet", `--allow-read=archiver,query_results,shared,${path}`];
    await using program = startProgram("archiver/main.ts", [command, "--config", path], flags);
    assert.equal((await program.wait()).code, 2);
    return program.lines;
  };
  const started = await asked("run");
  for (
    const line of [
      `archive: reading ${dir.join("own")}`,
      `archive: writing ${dir.join("own")}`,
      `api: using 127.0.0.1:${port}`,
      `days.folder: writing ${dir.join("own/days")}`,
    ]
  ) assert.ok(started.some((text) => text.trim() === line), started.join("\n"));
  await using archiver = startProcess("bash", ["-c", `exec ${started.at(-1)!.trim()}`]);
  await archiver.waitForLine(/Archiving into/);

  const closed = await asked("status");
  assert.ok(!closed.join("\n").includes("No archiver answers"), closed.join("\n"));
  assert.ok(closed.includes(`  api: using 127.0.0.1:${port}`), closed.join("\n"));
  await using status = startProcess("bash", ["-c", closed.at(-1)!.trim()]);
  assert.equal((await status.wait()).code, 0, status.lines.join("\n"));
});

Deno.test("an archive that the sandbox closes: import and verify give the one command that works", async () => {
  await using dir = await tempDir();
  await writeExport(dir.join("export"), observe({ messages: 30 }));
  const archive = dir.join("own/a.duckdb");
  await Deno.mkdir(dir.join("own"));
  const commands = [
    ["import", "--from", dir.join("export"), "--archive", archive],
    ["verify", "--archive", archive],
  ];
  for (const args of commands) {
    await using refused = startProgram("archiver/main.ts", args, ["-P=archiver", "--quiet"]);
    assert.equal((await refused.wait()).code, 2);
    assert.match(refused.lines[1], /^ {2}--archive: reading /, refused.lines.join("\n"));
    await using works = startProcess("bash", ["-c", refused.lines.at(-1)!.trim()]);
    assert.equal((await works.wait()).code, 0, works.lines.join("\n"));
  }
});
