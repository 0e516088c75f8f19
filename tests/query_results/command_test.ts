/** `deno task query` as a process, under its own permission set. */
import assert from "node:assert/strict";
import { allQueries } from "../../query_results/catalog/catalog.ts";
import { startProgram } from "../support/servers/process.ts";
import { makeQueryArchive } from "../support/fixtures/query_archive.ts";
import { tempDir } from "../support/temp_dir.ts";

/** The warning that Deno prints for permission sets. */
const isWarning = (line: string) => /Permissions in the config file/.test(line);

/** Runs it; `folder` is one that the sandbox lets it read and write beside the project's own. */
async function query(
  args: readonly string[],
  folder?: string,
): Promise<{ code: number; lines: string[] }> {
  const flags = folder === undefined
    ? []
    : [`--allow-read=query_results,${folder}`, `--allow-write=${folder}`];
  await using program = startProgram("query_results/main.ts", args, ["-P=query", ...flags]);
  const { code } = await program.wait();
  return { code, lines: program.lines.filter((line) => !isWarning(line)) };
}

Deno.test("deno task query writes the report and says where, with each query's time", async () => {
  await using dir = await tempDir();
  await makeQueryArchive(dir.join("gossip.duckdb"));
  const out = dir.join("out");
  const { code, lines } = await query([
    ...["--archive", dir.join("gossip.duckdb"), "--out", out, "--only", "gaps,message_totals"],
    ...["--from", "2025-01-01T00:00:00Z", "--memory", "1GiB", "--threads", "1"],
  ], dir.path);
  assert.equal(code, 0, lines.join("\n"));
  assert.match(lines[0], /^ {2}1\/2 {2}message_totals +query +\d+ ms {2}chart +\d+ ms +4 rows$/);
  assert.match(lines[1], /^ {2}2\/2 {2}gaps +query +\d+ ms {2}chart +\d+ ms +1 rows$/);
  assert.match(lines[2], new RegExp(`^query: queries=2 time=.+ report=${out}/index.html$`));
  assert.match(await Deno.readTextFile(`${out}/index.html`), /2025-01-01 00:00:00 to 2025-01-01/);
});

Deno.test("a window without receipts says so, whether it lies before, between or after them", async () => {
  await using dir = await tempDir();
  await makeQueryArchive(dir.join("gossip.duckdb"));
  const windows = [
    ["--until", "2024-12-31"],
    ["--from", "2024-12-30", "--until", "2024-12-31T12:00:00.000001Z"],
    ["--from", "2200-01-01"],
  ];
  await Promise.all(windows.map(async (window, i) => {
    const { code, lines } = await query([
      ...[
        "--archive",
        dir.join("gossip.duckdb"),
        "--out",
        dir.join(`${i}`),
        "--only",
        "message_rates",
      ],
      ...window,
    ], dir.path);
    assert.equal(code, 0, lines.join("\n"));
    const [said] = lines.filter((line) => line.startsWith("query: no receipts in this window: "));
    assert.match(said ?? "", /from \d{4}-|until 2024-12-31T/, lines.join("\n"));
    const csv = await Deno.readTextFile(`${dir.join(`${i}`)}/message_rates.csv`);
    assert.ok(csv.split("\n").length < 10_000);
  }));
});

Deno.test("deno task query lists its queries and their parameters", async () => {
  const { code, lines } = await query(["--list"]);
  assert.equal(code, 0);
  assert.ok(lines.includes("convergence_delay: Convergence delay"));
  assert.ok(
    lines.includes(
      "  --set reach_share=DOUBLE (a number from 0.001 to 1; default: 0.5): share of the subscribed peers that a message must reach",
    ),
  );
  assert.equal(lines.filter((line) => /^\w+: /.test(line)).length, allQueries().length);
});

Deno.test("--by runs the queries whose figures are split by it", async () => {
  const { code, lines } = await query(["--list", "--by", "implementation"]);
  assert.equal(code, 0);
  assert.deepEqual(lines.filter((line) => /^\w+: /.test(line)), [
    "delay_by_implementation: Delay by implementation",
  ]);
});

Deno.test("deno task query without its own folder in reach says which flag lacks it", async () => {
  await using program = startProgram("query_results/main.ts", ["--list"], [
    "-P=query",
    "--allow-read=/data",
  ]);
  const { code } = await program.wait();
  const lines = program.lines.filter((line) => !isWarning(line));
  assert.equal(code, 2);
  assert.equal(lines.length, 1, lines.join("\n"));
  assert.match(lines[0], /^Cannot read .*queries\/: .*add query_results to --allow-read$/);
});

Deno.test("deno task query has --help, and one clear line for each mistake", async () => {
  const help = await query(["--help"]);
  assert.equal(help.code, 0);
  assert.ok(help.lines.some((line) => line.startsWith("  --archive FILE")));
  // Nothing is ever written there.
  const out = "query_results/runs/out";
  const mistakes: [string[], RegExp][] = [
    [[], /--archive FILE and --out DIR are required/],
    [["--archive", "none.duckdb", "--out", out], /none\.duckdb: no such file$/],
    [["--archive", "a", "--out", out, "--only", "x"], /^There is no query x; there are /],
    [["--archive", "a", "--out", out, "--set", "x"], /--set has "x"; it should be NAME=VALUE$/],
    [
      ["--archive", "a", "--out", out, "--from", "now"],
      /--from is "now"; it should be a day such as/,
    ],
    [["--archive", "a", "--out", out, "--until", "2025-02-30"], /--until is "2025-02-30"/],
    [
      ["--archive", "a", "--out", out, "--from", "2025-09-27", "--until", "2025-09-26"],
      /--until is 2025-09-26T00:00:00.000000Z, which is not after --from 2025-09-27T/,
    ],
    [["--archive", "a", "--out", out, "--by", "x"], /--by is "x"; figures can be split by implem/],
    [["--archive", "a", "--out", out, "--memory", "all"], /--memory is "all"; it should be a size/],
  ];
  await Promise.all(mistakes.map(async ([args, message]) => {
    const { code, lines } = await query(args);
    assert.equal(code, 2, `${args}`);
    assert.equal(lines.length, 1, lines.join("\n"));
    assert.match(lines[0], message);
  }));
});
