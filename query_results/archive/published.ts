// Published days: files under a bucket's prefix, or in a folder. A day's own index names its files and is written last,
// so a day is there whole or not at all; `index.json` lists the days. Other text is refused.

import * as v from "valibot";
import { join } from "node:path";
import { errorText, UserError } from "../../shared/errors.ts";
import { dayStart } from "../../shared/time.ts";
import { CONTEXT_TABLES } from "./context_tables.ts";
import { SUMMARY_NAMES } from "./summaries.ts";

/** The list of days. */
export const ROOT_KEY = "index.json";
/** Longest index that is read. */
const MAX_INDEX_BYTES: number = 16 * 1024 ** 2;
/** Of a day that its publisher took back. */
export const WITHDRAWN = "withdrawn";

const ROOT_FORMAT = "gossip-observer-days/1";
const DAY_FORMAT = "gossip-observer-day/1";
const MAX_FILES = 10_000;

/** Receipts, messages, and the older messages that the day's receipts name. */
export const FACT_TABLES = ["receipts", "messages", "earlier_messages"] as const;
/** All tables that a day may have. */
export const PUBLISHED_TABLES: readonly string[] = [
  ...[...FACT_TABLES, ...Object.keys(CONTEXT_TABLES)],
  ...[...SUMMARY_NAMES, "summary_days"],
];
/** Tables whose files lie on their archiver's disk, too, with manifests. */
export const WITH_MANIFESTS: readonly string[] = ["receipts", "messages", ...SUMMARY_NAMES];

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const day = v.pipe(
  v.string(),
  v.check((text) => !Number.isNaN(dayStart(text)), "should be a day such as 2025-09-26"),
);
const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const archive = v.strictObject({
  /** As its publisher calls it. */
  name: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,64}$/)),
  /** When the archive was made, µs since the Unix epoch: distinguishes archives of the same name. */
  made_at_us: v.pipe(v.number(), v.safeInteger()),
});

const FileSchema = v.strictObject({
  table: v.picklist(PUBLISHED_TABLES),
  part: count,
  /** Below the prefix. */
  path: v.pipe(v.string(), v.maxLength(200)),
  rows: count,
  bytes: count,
  sha256: hash,
});

const DaySchema = v.strictObject({
  format: v.literal(DAY_FORMAT),
  archive,
  day,
  schema_version: count,
  /** Of its files with manifests, as the list of days names it. */
  fingerprint: v.optional(hash),
  files: v.pipe(v.array(FileSchema), v.maxLength(MAX_FILES)),
});

const RootSchema = v.strictObject({
  format: v.literal(ROOT_FORMAT),
  archive,
  /** Each day's fingerprint, or `withdrawn`. Days whose indexes have these fingerprints go together. */
  days: v.record(day, v.union([v.literal(WITHDRAWN), hash])),
});

export type PublishedArchive = v.InferOutput<typeof archive>;
export type PublishedFile = v.InferOutput<typeof FileSchema>;
export type DayIndex = v.InferOutput<typeof DaySchema>;
export type RootIndex = v.InferOutput<typeof RootSchema>;

/** The key of a day's index. */
export function dayIndexKey(day: string): string {
  return tableKey("index", day, "json");
}

/** The key of a table's file of a day: TABLE/YYYY/MM/DD/TABLE_YYYY-MM-DD.parquet. @param mark distinguishes it from others, such as `.1`. */
export function tableKey(table: string, day: string, extension: string, mark = ""): string {
  return [table, ...day.split("-"), `${table}_${day}${mark}.${extension}`].join("/");
}

/** Where indexes lie: a bucket, a web server or a folder. */
export interface IndexReader {
  /** As people name it; a bucket and a folder as DuckDB does, too. */
  readonly shown: string;
  /** An object's text; null when there is none. */
  text(key: string, maxBytes: number): Promise<string | null>;
}

/** A folder of published days. */
export function folderReader(folder: string): IndexReader {
  return {
    shown: folder,
    text: (key) =>
      Deno.readTextFile(join(folder, key)).catch((error) => {
        if (error instanceof Deno.errors.NotFound) return null;
        throw new UserError(`Cannot read ${join(folder, key)}: ${errorText(error)}`);
      }),
  };
}

/** The list of days; null when there is none. @throws {UserError} */
export async function readRoot(from: IndexReader): Promise<RootIndex | null> {
  const text = await from.text(ROOT_KEY, MAX_INDEX_BYTES);
  return text === null ? null : parseRootIndex(text, `${from.shown}/${ROOT_KEY}`);
}

/** A day's index; null when there is none. @throws {UserError} */
export async function readDay(from: IndexReader, day: string): Promise<DayIndex | null> {
  const key = dayIndexKey(day);
  const text = await from.text(key, MAX_INDEX_BYTES);
  return text === null ? null : parseDayIndex(text, day, `${from.shown}/${key}`);
}

/** Reads a day's index. @param name of it in errors. @throws {UserError} when the text is no index of that day. */
export function parseDayIndex(text: string, day: string, name: string): DayIndex {
  const index = parse(DaySchema, text, name);
  if (index.day !== day) throw new UserError(`${name} is the index of ${index.day}, not of ${day}`);
  for (const { table, path } of index.files) {
    const [folder] = tableKey(table, day, "parquet").split(/[^/]*$/);
    if (path.startsWith(folder) && FILE.test(path.slice(folder.length))) continue;
    throw new UserError(`${name} names a file outside ${folder}, or one that is no Parquet file`);
  }
  return index;
}

const FILE = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,120}\.parquet$/;

/** Reads the list of days. @param name of it in errors. @throws {UserError} when the text is none. */
export function parseRootIndex(text: string, name: string): RootIndex {
  return parse(RootSchema, text, name);
}

function parse<S extends v.GenericSchema>(schema: S, text: string, name: string): v.InferOutput<S> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(`${name} is not an index: it is not JSON`, { cause: error });
  }
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new UserError(
    `${name} is not an index: ${v.getDotPath(issue) ?? "(top level)"}: ${issue.message}`,
  );
}

/** Makes a day's index. */
export function makeDayIndex(parts: Omit<DayIndex, "format">): DayIndex {
  return { format: DAY_FORMAT, ...parts };
}

/** Makes a list of days, in order. */
export function makeRootIndex({ archive, days }: Omit<RootIndex, "format">): RootIndex {
  const sorted = Object.entries(days).toSorted(([a], [b]) => a < b ? -1 : 1);
  return { format: ROOT_FORMAT, archive, days: Object.fromEntries(sorted) };
}

/** An index as text. */
export function indexText(index: DayIndex | RootIndex): string {
  return JSON.stringify(index, null, 1) + "\n";
}
