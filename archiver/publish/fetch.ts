// Published days into a folder that opens like an archive: each file with the checksum of its day's index, each manifest
// held against its Parquet, the day's index last.

import type { DuckDBConnection } from "@duckdb/node-api";
import { dirname, join } from "node:path";
import {
  type DayIndex,
  dayIndexKey,
  folderReader,
  indexText,
  makeRootIndex,
  type PublishedFile,
  readDay,
  readRoot,
  ROOT_KEY,
  type RootIndex,
  tableKey,
  WITH_MANIFESTS,
  WITHDRAWN,
} from "../../query_results/archive/published.ts";
import { writeWhole } from "../../query_results/format/whole_files.ts";
import { UserError } from "../../shared/errors.ts";
import type { Bucket } from "../../shared/s3/bucket.ts";
import { DAY_US, dayOf, dayStart } from "../../shared/time.ts";
import type { DayFile } from "../days/day_files.ts";
import { removeFile } from "../days/files.ts";
import { manifestPath } from "../days/layout.ts";
import { checkFile, parseManifest } from "../days/manifest.ts";
import { OPTIONAL_TABLES, REQUIRED_TABLES } from "../import/source.ts";
import { rowsOf } from "../store/database.ts";
import { literal } from "../store/sql.ts";
import { download, WrongBytes } from "./download.ts";

/** Of a manifest. */
const MAX_MANIFEST_BYTES = 1024 ** 2;
/** The fingerprint of a day that the source does not list. */
const UNLISTED = "0".repeat(64);

export interface FetchOptions {
  readonly source: Bucket;
  /** Absolute. */
  readonly folder: string;
  /** `YYYY-MM-DD`, in order. */
  readonly days: readonly string[];
  /** Null: all. */
  readonly tables: readonly string[] | null;
  /** To any database: it reads Parquet to check manifests. */
  readonly connection: DuckDBConnection;
  readonly signal: AbortSignal;
  /** Called with bytes that came or were there, of `total` in this day. */
  readonly onProgress: (progress: { day: string; done: number; total: number }) => void;
}

export interface Fetched {
  /** Days that are here now, whole. */
  readonly days: string[];
  /** Days that the source has not. */
  readonly missing: string[];
  /** Days that are here otherwise than the source has them now. */
  readonly outdated: string[];
  /** Days that were here and that their publisher has taken back: their files stay, and are not read. */
  readonly withdrawn: string[];
  files: number;
  bytes: number;
}

function nothingYet(): Fetched {
  return { days: [], missing: [], outdated: [], withdrawn: [], files: 0, bytes: 0 };
}

/** All days from one to another, both included. */
export function daysBetween(from: string, until: string): string[] {
  const days: string[] = [];
  for (let at = dayStart(from); at <= dayStart(until); at += DAY_US) days.push(dayOf(at));
  return days;
}

/**
 * Brings days that an archiver of ours published. Resumes.
 * @throws {UserError} in one line when the source cannot be reached, or has other files than its indexes name.
 */
export async function fetchPublished(list: RootIndex, options: FetchOptions): Promise<Fetched> {
  const { source, folder, days } = options;
  const local = folderReader(folder);
  let root = await readRoot(local) ?? makeRootIndex({ archive: list.archive, days: {} });
  if (root.archive.made_at_us !== list.archive.made_at_us) {
    throw new UserError(
      `${folder} has days of another archive (${root.archive.name}) than ${source.shown} ` +
        `(${list.archive.name}); fetch each into a folder of its own`,
    );
  }
  const fetched = nothingYet();
  const setDays = async (changed: readonly string[]) => {
    const states = changed.map((day) => [day, list.days[day] ?? UNLISTED]);
    root = makeRootIndex({ ...root, days: { ...root.days, ...Object.fromEntries(states) } });
    await writeWhole(join(folder, ROOT_KEY), indexText(root));
  };
  // What is here and has changed there is not to be read together with what comes now.
  const here = () => Object.keys(root.days).filter((day) => root.days[day] !== WITHDRAWN);
  const before = here();
  if (before.length > 0) await setDays(before);
  for (const day of days) {
    const index = list.days[day] === WITHDRAWN ? null : await fetchDay(options, day);
    if (index === null) {
      fetched.missing.push(day);
      continue;
    }
    await setDays([day]);
    fetched.days.push(day);
    fetched.files += index.files.length;
    fetched.bytes += index.files.reduce((sum, { bytes }) => sum + bytes, 0);
  }
  fetched.withdrawn.push(...before.filter((day) => root.days[day] === WITHDRAWN));
  for (const day of here()) {
    const index = await readDay(local, day);
    if (index?.fingerprint !== root.days[day]) fetched.outdated.push(day);
  }
  return fetched;
}

/** @returns its index, of the wished tables; null when the source has none. */
async function fetchDay(options: FetchOptions, day: string): Promise<DayIndex | null> {
  const { source, folder, tables } = options;
  for (let before: string | null = null;;) {
    const found = await readDay(source, day);
    if (found === null) return null;
    const text = indexText(found);
    const index = {
      ...found,
      files: found.files.filter(({ table }) => tables?.includes(table) ?? true),
    };
    try {
      await fetchFiles(options, index);
      const path = join(folder, dayIndexKey(day));
      await Deno.mkdir(dirname(path), { recursive: true });
      await writeWhole(path, indexText(index));
      return index;
    } catch (error) {
      // It may have been published anew since its index was read.
      if (!(error instanceof WrongBytes) || text === before) throw error;
      before = text;
    }
  }
}

async function fetchFiles(options: FetchOptions, { day, files }: DayIndex): Promise<void> {
  const { source, folder, signal, onProgress } = options;
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  const onBytes = (bytes: number) => onProgress({ day, done: done += bytes, total });
  for (const file of files) {
    const path = join(folder, file.path);
    const there = await download(source, { key: file.path, path, expected: file, signal, onBytes });
    if (!there) {
      throw new WrongBytes(`${source.shown}/${file.path} is missing, though its index names it`);
    }
    if (WITH_MANIFESTS.includes(file.table)) {
      await checkManifest(options, day, file, path);
    }
  }
}

async function checkManifest(
  { source, connection, signal }: FetchOptions,
  day: string,
  file: PublishedFile,
  path: string,
): Promise<void> {
  const key = manifestPath(file.path);
  const text = await source.text(key, MAX_MANIFEST_BYTES);
  if (text === null) {
    throw new WrongBytes(`${source.shown}/${key} is missing, though its index names its Parquet`);
  }
  const name = `${source.shown}/${key}`;
  const { covers_from_us: from, covers_to_us: to } = parseManifest(text, name);
  await writeWhole(manifestPath(path), text);
  const listed: DayFile = {
    ...{ id: 0, state: "cold", copiedAt: 0, day, path, interval: { from, to } },
    ...{ table: file.table, part: file.part, rows: file.rows },
    ...{ bytes: file.bytes, sha256: file.sha256 },
  };
  const { problem } = await checkFile(connection, listed, signal);
  if (problem === null) return;
  throw new WrongBytes(`${name} does not fit its Parquet file: ${problem}; tell its publisher`);
}

/** Brings days of the first observer's successor, TABLE/YYYY/MM/DD/TABLE_YYYY-MM-DD.parquet. Resumes by size. */
export async function fetchDaily(options: FetchOptions): Promise<Fetched> {
  const { source, folder, days, tables, connection, signal, onProgress } = options;
  const fetched = nothingYet();
  for (const day of days) {
    const found: string[] = [];
    let done = 0;
    for (const table of [...REQUIRED_TABLES, ...OPTIONAL_TABLES]) {
      if (!(tables?.includes(table) ?? true)) continue;
      const key = tableKey(table, day, "parquet");
      const path = join(folder, key);
      const onBytes = (bytes: number) => onProgress({ day, done: done += bytes, total: done });
      if (!await download(source, { key, path, expected: null, signal, onBytes })) continue;
      await checkParquet(connection, path, `${source.shown}/${key}`);
      found.push(table);
      fetched.files++;
      fetched.bytes += (await Deno.stat(path)).size;
    }
    const lacking = REQUIRED_TABLES.filter((table) =>
      (tables?.includes(table) ?? true) && !found.includes(table)
    );
    if (found.length === 0) fetched.missing.push(day);
    else if (lacking.length === 0) fetched.days.push(day);
    else {
      throw new UserError(
        `${source.shown} has ${found.join(" and ")} of ${day}, but no ${
          lacking.join(" and no ")
        }; ` +
          "fetch the day again once its publisher is done",
      );
    }
  }
  return fetched;
}

async function checkParquet(
  connection: DuckDBConnection,
  path: string,
  name: string,
): Promise<void> {
  try {
    await rowsOf(connection, `SELECT num_rows FROM parquet_file_metadata(${literal(path)})`);
  } catch (error) {
    await removeFile(path);
    throw new UserError(`${name} is not a whole Parquet file; fetch it again`, { cause: error });
  }
}
