/** Commands on paths that the sandbox does not open: each is refused before it works, with the one command that does. */
import assert from "node:assert/strict";
import { makeQueryArchive } from "../support/fixtures/query_archive.ts";
import { startProcess } from "../support/servers/process.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

interface Case {
  readonly args: readonly string[];
  /** What the refusal lists. */
  readonly closed: readonly string[];
  /** The exit code of the command that it gives. */
  readonly code?: number;
}

/** By permission set and script. */
function cases(dir: TempDir): readonly [set: string, script: string, cases: readonly Case[]][] {
  const [archive, out] = ["gossip.duckdb", "out"].map((name) => dir.join(name));
  return [
    ["query", "query_results/main.ts", [
      {
        args: ["--archive", archive, "--out", out, "--only", "gaps"],
        closed: [`--archive: reading ${archive}`, `--out: reading ${out}`, `--out: writing ${out}`],
      },
      {
        args: ["--archive", "none", "--out", "query_results/queries"],
        closed: ["--out: writing query_results/queries"],
        code: 2,
      },
    ]],
    ["query", "query_results/where/main.ts", [
      { args: ["--archive", archive, "1x1x0"], closed: [`--archive: reading ${archive}`] },
    ]],
    ["lab", "query_results/reconciliation/main.ts", [
      {
        args: ["traffic", "--archive", archive, "--out", `${out}.parquet`],
        closed: [
          `--archive: reading ${archive}`,
          `--out: reading ${dir.path}`,
          `--out: writing ${dir.path}`,
        ],
      },
      {
        args: ["replay", "--archive", archive, "--out", "query_results/runs/none"],
        closed: [`--archive: reading ${archive}`],
        code: 2,
      },
      {
        args: ["simulate", "--nodes", "20", "--links", "2", "--hours", "0.01", "--out", out],
        closed: [`--out: reading ${out}`, `--out: writing ${out}`],
      },
      {
        args: ["simulate", "--protocol", "riblt,inv", "--archive", dir.join("simulated.duckdb")],
        closed: [`--archive: reading ${dir.path}`, `--archive: writing ${dir.path}`],
        code: 2,
      },
      {
        args: ["simulate", "--graph", dir.join("none")],
        closed: [`--graph: reading ${dir.join("none")}`],
        code: 2,
      },
      {
        args: ["simulate", "--config", dir.join("lab.yaml")],
        closed: [`--config: reading ${dir.join("lab.yaml")}`],
        code: 2,
      },
      {
        args: ["calibrate", "--traces", dir.join("none")],
        closed: [`--traces: reading ${dir.join("none")}`],
        code: 2,
      },
    ]],
    ["archiver", "archiver/main.ts", [{
      args: ["import", "--from", dir.path, "--dry-run"],
      closed: [`--from: reading ${dir.path}`],
      code: 2,
    }]],
    ["fleet", "archiver/deploy/main.ts", [{
      args: ["init", "--collectors", "vps1", "--broker", "100.64.0.7", "--out", dir.join("fleet")],
      closed: [`--out: reading ${dir.join("fleet")}`, `--out: writing ${dir.join("fleet")}`],
    }]],
  ];
}

async function run(command: string) {
  const [program, ...args] = command.split(" ");
  assert.equal(program, "deno");
  await using process = startProcess(Deno.execPath(), args, { cwd: ROOT });
  const { code } = await process.wait();
  return { code, lines: process.lines };
}

Deno.test("a path outside the sandbox is refused before any work, with the command that opens it", async (test) => {
  await using dir = await tempDir();
  await makeQueryArchive(dir.join("gossip.duckdb"));
  // Names a file that only the command that opens the config comes to.
  await Deno.writeTextFile(dir.join("lab.yaml"), `network: {file: ${dir.join("none")}}\n`);
  for (const [set, script, own] of cases(dir)) {
    for (const { args, closed, code = 0 } of own) {
      await test.step(`${set} ${args[0]}`, async () => {
        const refused = await run(
          `deno run --quiet --no-prompt -P=${set} ${script} ${args.join(" ")}`,
        );
        assert.equal(refused.code, 2);
        const [what, ...lines] = refused.lines;
        assert.equal(what, "The sandbox does not open what the config or command line names:");
        const command = lines.pop()!.trim();
        assert.deepEqual(lines, [...closed.map((line) => `  ${line}`), "Run it as:"]);
        const opened = await run(command);
        const told = opened.lines.join("\n");
        assert.equal(opened.code, code, told);
        for (const line of closed) assert.ok(!opened.lines.includes(`  ${line}`), told);
      });
    }
  }
});

Deno.test("an archiver does not start while the sandbox closes a path or address of its config", async () => {
  await using dir = await tempDir();
  const config = dir.join("archiver.yaml");
  const folders = ["archive", "days", "snapshots"].map((name) => dir.join(name));
  const [archive, days, snapshots] = folders;
  await Deno.writeTextFile(
    config,
    `archive: ${archive}/gossip.duckdb\ndays: {folder: ${days}}\nsnapshots: {folder: ${snapshots}}\n` +
      "api: {port: 1}\nnats: {servers: ['nats://10.0.0.1:4222']}\n",
  );
  const script = `archiver/main.ts --config ${config}`;
  const refused = await run(
    `deno run --quiet --no-prompt -P=archiver --allow-read=archive,archiver,query_results,shared,${config} ${script}`,
  );
  assert.equal(refused.code, 2, refused.lines.join("\n"));
  assert.deepEqual(
    refused.lines.slice(1, -2),
    [
      ...[`archive: reading ${archive}`, `archive: writing ${archive}`],
      ...["api: using 127.0.0.1:1", "nats.servers: using 10.0.0.1:4222"],
      ...[`days.folder: reading ${days}`, `days.folder: writing ${days}`],
      ...[`snapshots.folder: reading ${snapshots}`, `snapshots.folder: writing ${snapshots}`],
    ].map((line) => `  ${line}`),
  );
  const opening = refused.lines.at(-1)!;
  for (const folder of folders) {
    assert.match(
      opening,
      new RegExp(`--allow-read=\\S*${folder}\\b.* --allow-write=\\S*${folder}\\b`),
    );
  }
});
