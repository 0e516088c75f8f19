import { resolve } from "node:path";
import { refuseFlag, runMain, stopSignal, WINDOW_FLAGS, windowText } from "../shared/cli.ts";
import { UserError } from "../shared/errors.ts";
import { bothNeeds, expectPermitted, readNeeds } from "../shared/sandbox.ts";
import { printable } from "../shared/text.ts";
import { valuesText } from "./catalog/parameters.ts";
import { formatDuration, formatNumber } from "./format/numbers.ts";
import { allQueries, selectQueries } from "./catalog/catalog.ts";
import { type Progress, runQueries } from "./run.ts";

const command = {
  name: "deno task query",
  summary:
    "Run the queries on an archive that no other process is writing. Writes one CSV and one SVG per query,\n" +
    "and one index.html with all of them. By default the sandbox allows reading this folder and writing to\n" +
    "query_results/runs; see the last example for other paths.",
  flags: {
    archive: { value: "FILE", help: "the archive" },
    out: { value: "DIR", help: "folder for the results" },
    only: { value: "NAME,…", help: "run only these queries" },
    by: { value: "WORD", help: "run only queries whose figures are split by it: implementation" },
    list: { type: "boolean", help: "list the queries and their parameters, then exit" },
    set: {
      value: "NAME=VALUE,…",
      help: "set parameters of the queries, e.g. reach_share=0.9,include_warmup=true",
    },
    ...WINDOW_FLAGS,
    title: { value: "TEXT", help: "the report's title" },
    note: { value: "TEXT", help: "a line under the title" },
    reference: {
      type: "number",
      fraction: true,
      value: "SCALE",
      min: 0.001,
      max: 1_000_000,
      help:
        "compare with the published run of 2025-09-26; SCALE is the seconds of network time per " +
        "second of this run: 1 unless it was simulated",
    },
    memory: { value: "SIZE", help: "DuckDB's memory limit, e.g. 4GiB" },
    threads: { type: "number", value: "N", min: 1, max: 256, help: "DuckDB's threads" },
  },
  examples: [
    "deno task query --archive archive/gossip.duckdb --out query_results/runs/out",
    "deno task query --archive archive/gossip.duckdb --out query_results/runs/out --reference 1",
    "deno task query --list",
    "deno run --quiet --no-prompt -P=query --allow-read=query_results,/data --allow-write=/data/out \\\n" +
    "      query_results/main.ts --archive /data/gossip.duckdb --out /data/out",
  ],
} as const;

if (import.meta.main) {
  await runMain(command, async (flags) => {
    const only = flags.by === undefined
      ? flags.only?.split(",").map((name) => name.trim())
      : queriesBy(flags.by);
    if (flags.list) return list(only);
    if (!flags.archive || !flags.out) {
      throw new UserError(
        "deno task query: --archive FILE and --out DIR are required. See deno task query --help",
      );
    }
    expectPermitted(
      [...readNeeds({ "--archive": flags.archive }), ...bothNeeds("--out", flags.out)],
      "query",
    );
    const started = performance.now();
    const result = await runQueries({
      archive: flags.archive,
      out: flags.out,
      only,
      title: flags.title,
      note: flags.note,
      settings: readSettings(flags.set ?? ""),
      window: { from: flags.from, to: flags.until },
      reference: flags.reference === undefined ? undefined : { scale: flags.reference },
      reader: { memoryLimit: readMemory(flags.memory), threads: flags.threads },
      signal: stopSignal(),
      onProgress: (progress) => console.error(progressLine(progress)),
    });
    if (result.frame.receipts === 0) {
      console.error(`query: no receipts in this window: ${windowText(flags)}`);
    }
    const seconds = formatDuration((performance.now() - started) / 1000);
    console.log(
      `query: queries=${result.tables.size} time=${seconds} report=${resolve(result.report)}`,
    );
  });
}

/** @throws {UserError} where no query is split by it. */
function queriesBy(word: string): string[] {
  const split = allQueries().filter(({ by }) => by !== undefined);
  const names = split.filter(({ by }) => by === word).map(({ name }) => name);
  if (names.length > 0) return names;
  const known = [...new Set(split.map(({ by }) => by))].join(", ");
  throw new UserError(
    `deno task query: --by is "${printable(word, 40)}"; figures can be split by ${known}`,
  );
}

function list(only?: readonly string[]): void {
  for (const query of selectQueries(only)) {
    console.log(`${query.name}: ${query.title}\n  ${query.question}`);
    for (const parameter of query.parameters) {
      const { name, type, fallback, meaning } = parameter;
      const value = typeof fallback !== "object"
        ? fallback
        : "network" in fallback
        ? fallback.network
        : `about ${fallback.preferred}`;
      const values = `${valuesText(parameter)}; default: ${value}`;
      console.log(`  --set ${name}=${type} (${values}): ${meaning}`);
    }
  }
}

function progressLine({ query, index, count, rows, ...took }: Progress): string {
  const width = Math.max(...allQueries().map((known) => known.name.length));
  const place = `${index}/${count}`.padStart(5);
  const [asked, drawn] = [took.queryMs, took.drawMs]
    .map((ms) => `${Math.round(ms)} ms`.padStart(9));
  const answered = formatNumber(rows).padStart(8);
  return `${place}  ${query.padEnd(width)}  query ${asked}  chart ${drawn}  ${answered} rows`;
}

/** @throws {UserError} unless `text` is a list of `name=value`. */
function readSettings(text: string): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const part of text.split(",").filter((part) => part.trim() !== "")) {
    const [, name, value] = part.match(/^\s*(\w+)\s*=\s*(\S+)\s*$/) ?? [];
    if (!name) {
      throw new UserError(
        `deno task query: --set has "${printable(part, 40)}"; it should be NAME=VALUE`,
      );
    }
    settings[name] = value;
  }
  return settings;
}

/** @throws {UserError} unless `text` is a size. */
function readMemory(text: string | undefined): string | undefined {
  if (text === undefined || /^\d+(\.\d+)?(MiB|GiB|MB|GB)$/.test(text)) return text;
  return refuseFlag("deno task query", "memory", text, "a size such as 4GiB");
}
