// `deno task archive fetch`: others' published days into a folder that opens like an archive.

import { join, resolve } from "node:path";
import { openDatabase } from "../../query_results/archive/database.ts";
import { IMPORTED } from "../../query_results/archive/open.ts";
import { PUBLISHED_TABLES, readRoot } from "../../query_results/archive/published.ts";
import {
  type Flag,
  type FlagValues,
  refuseFlag,
  stopSignal,
  type Subcommand,
  subcommand,
} from "../../shared/cli.ts";
import { systemClock } from "../../shared/clock.ts";
import { UserError } from "../../shared/errors.ts";
import { parseS3Url, readS3Keys, type S3Config } from "../../shared/s3/access.ts";
import { Bucket } from "../../shared/s3/bucket.ts";
import { bothNeeds, expectPermitted, hostOf, s3Needs } from "../../shared/sandbox.ts";
import { ProgressLine, standardError } from "../../shared/terminal.ts";
import { mebibytes, printable } from "../../shared/text.ts";
import { dayStart } from "../../shared/time.ts";
import { OPTIONAL_TABLES, REQUIRED_TABLES } from "../import/source.ts";
import { runImport } from "../import/run.ts";
import { daysBetween, fetchDaily, type Fetched, fetchPublished } from "../publish/fetch.ts";
import { Database } from "../store/database.ts";
import { RowsProgress } from "./rows_progress.ts";

const EXIT_NOTHING = 1;
const MAX_DAYS = 40_000;
const IMPORT_MEMORY_BYTES = 1024 ** 3;
const IMPORT_ROWS_PER_COMMIT = 1_966_080;

const COMMAND = "deno task archive fetch";

const FLAGS = {
  from: {
    value: "URL",
    help: "s3://BUCKET/PREFIX, or the https:// address of its folder",
    required: true,
  },
  days: {
    value: "A..B",
    help: "days, both included, such as 2026-02-01..2026-02-28",
    required: true,
  },
  tables: { value: "NAME,…", help: "only these tables, such as receipts,messages" },
  to: { value: "FOLDER", help: "where they go", default: "archive/fetched" },
  endpoint: { value: "URL", help: "the S3 service (default: Amazon's in that region)" },
  region: { value: "NAME", help: "its region", default: "us-east-1" },
  "access-key-file": { value: "FILE", help: "for a bucket that is not public" },
  "secret-key-file": { value: "FILE", help: "the same" },
} as const satisfies Record<string, Flag>;

export const fetchCommand: Subcommand = subcommand({
  name: COMMAND,
  summary:
    "Fetch days that another archiver published, or the first Gossip Observer's successor, into a folder\n" +
    "that opens like an archive: deno task query --archive FOLDER. Checks every manifest and checksum.\n" +
    "Fetches are resumable: run the same command again. Exit status: 1 if there was no day to fetch.",
  flags: FLAGS,
  examples: [
    "deno task archive fetch --from s3://gossip/vps --days 2026-02-01..2026-02-28 --endpoint http://127.0.0.1:9000",
    "deno run --quiet --no-prompt -P=archiver --allow-net=data.example.org:443 archiver/main.ts fetch \\",
    "    --from https://data.example.org/gossip --days 2026-02-01..2026-02-28",
    "deno task query --archive archive/fetched --out query_results/runs/february",
  ],
}, async (flags) => {
  const days = readDays(flags.days);
  const tables = readTables(flags.tables);
  const folder = resolve(flags.to);
  const signal = stopSignal();
  expectPermitted(bothNeeds("--to", flags.to), "archiver");
  const source = await openSource(flags, signal);
  using database = await openDatabase();
  const { connection } = database;
  const line = new ProgressLine(standardError());
  try {
    const options = {
      ...{ source, folder, days, tables, connection, signal },
      onProgress({ day, done, total }: { day: string; done: number; total: number }) {
        const of = total > done ? ` of ${mebibytes(total)}` : "";
        line.show(`${day}: ${mebibytes(done)}${of}`, total === 0 ? undefined : done / total);
      },
    };
    const list = await readRoot(source);
    const fetched = list === null ? await fetchDaily(options) : await fetchPublished(list, options);
    line.clear();
    console.log(report(fetched, source, folder));
    if (fetched.days.length === 0) return EXIT_NOTHING;
    if (list === null && tables === null) await importDaily(folder, signal);
  } finally {
    line.clear();
  }
});

const S3_FLAGS = ["endpoint", "access-key-file", "secret-key-file"] as const;

async function openSource(
  flags: FlagValues<typeof FLAGS>,
  signal: AbortSignal,
): Promise<Bucket> {
  const { from } = flags;
  if (/^https?:\/\/[^\s?#]+$/.test(from)) {
    const unused = S3_FLAGS.find((name) => flags[name] !== undefined);
    if (unused) throw new UserError(`${COMMAND}: --${unused} goes with --from s3://… alone`);
    const value = hostOf(from, from.startsWith("https") ? 443 : 80);
    expectPermitted([{ kind: "net", key: "--from", value }], "archiver");
    const { origin, pathname } = new URL(from);
    const [bucket = "", ...prefix] = pathname.split("/").filter((part) => part !== "");
    const config: S3Config = { endpoint: origin, region: flags.region };
    const place = { bucket, prefix: prefix.join("/"), shown: from };
    return new Bucket({ ...place, config, keys: null, signal });
  }
  if (!from.startsWith("s3://")) refuseFlag(COMMAND, "from", from, "s3://… or https://…");
  const { region, endpoint = `https://s3.${region}.amazonaws.com` } = flags;
  if (!/^https?:\/\/[^\s/@?#]+$/.test(endpoint)) {
    refuseFlag(COMMAND, "endpoint", endpoint, "a URL without a path");
  }
  const config: S3Config = {
    ...{ endpoint, region },
    access_key_file: flags["access-key-file"],
    secret_key_file: flags["secret-key-file"],
  };
  expectPermitted(s3Needs("--from", config), "archiver");
  const keys = await readS3Keys(config);
  return new Bucket({ ...parseS3Url("--from", from), config, keys, signal });
}

/** The successor's files are another schema. */
async function importDaily(folder: string, signal: AbortSignal): Promise<void> {
  const path = join(folder, IMPORTED);
  const database = await Database.open({ path, memoryLimitBytes: IMPORT_MEMORY_BYTES, threads: 2 });
  const progress = new RowsProgress(standardError());
  try {
    const { status } = await runImport({
      ...{ connection: database.writing, folder, prefix: "", clock: systemClock, signal },
      rowsPerCommit: IMPORT_ROWS_PER_COMMIT,
      say: console.log,
      onProgress: (rows) => progress.show(rows),
    }).finally(() => progress.end());
    await database.checkpoint();
    console.log(`fetch: import ${status} archive=${path}`);
  } finally {
    await database.close();
  }
}

function report(
  { days, missing, outdated, withdrawn, files, bytes }: Fetched,
  source: Bucket,
  folder: string,
): string {
  const more = [
    ["has no day", missing, ""],
    ["took back", withdrawn, ": not read here any more; the files stay"],
    [
      "has another version of",
      outdated,
      `: fetch again; until then queries read receipts, not summaries, from ${outdated[0]} on`,
    ],
  ] as const;
  const lines = more.filter(([, days]) => days.length > 0).map(([what, days, then]) => {
    const rest = days.length > 5 ? ` and ${days.length - 5} more` : "";
    return `${source.shown} ${what} ${days.slice(0, 5).join(", ")}${rest}${then}`;
  });
  const counts = `days=${days.length} files=${files} bytes=${mebibytes(bytes).replace(" ", "")}`;
  return [`fetch: ${counts} missing=${missing.length} folder=${folder}`, ...lines].join("\n");
}

/** @throws {UserError} unless `text` is two days in order. */
function readDays(text: string): string[] {
  const [, from = "", until = from] = text.match(/^(\d{4}-\d\d-\d\d)(?:\.\.(\d{4}-\d\d-\d\d))?$/) ??
    [];
  const [begin, end] = [dayStart(from), dayStart(until)];
  const days = begin <= end ? daysBetween(from, until) : [];
  if (days.length > 0 && days.length <= MAX_DAYS) return days;
  return refuseFlag(COMMAND, "days", text, "two days in order, such as 2026-02-01..2026-02-28");
}

function readTables(text: string | undefined): string[] | null {
  if (text === undefined) return null;
  const known = [...new Set([...PUBLISHED_TABLES, ...REQUIRED_TABLES, ...OPTIONAL_TABLES])];
  const tables = text.split(",").map((name) => name.trim());
  const unknown = tables.filter((table) => !known.includes(table));
  if (unknown.length === 0) return tables;
  throw new UserError(
    `${COMMAND}: --tables has ${printable(unknown.join(", "))}; there are ${known.join(", ")}`,
  );
}
