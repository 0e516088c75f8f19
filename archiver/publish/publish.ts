// Finished days into a bucket: Parquet and manifests as they lie on disk, what they are read with, the day's index, and
// last the list of days. An object that an index names is never replaced, so readers see a day whole, old or new.

import type { DuckDBConnection } from "@duckdb/node-api";
import { createHash } from "node:crypto";
import { join } from "node:path";
import {
  type DayIndex,
  dayIndexKey,
  indexText,
  makeDayIndex,
  makeRootIndex,
  type PublishedArchive,
  type PublishedFile,
  readDay,
  readRoot,
  ROOT_KEY,
  type RootIndex,
  tableKey,
  WITH_MANIFESTS,
  WITHDRAWN,
} from "../../query_results/archive/published.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import type { Bucket } from "../../shared/s3/bucket.ts";
import { upload, UploadMismatch } from "../../shared/s3/upload.ts";
import type { DaysContext } from "../days/context.ts";
import { type DayFile, readDayFiles } from "../days/day_files.ts";
import { digest } from "../days/files.ts";
import { manifestPath } from "../days/layout.ts";
import { isListedManifest } from "../days/manifest.ts";
import type { RolloverLine } from "../days/rollover.ts";
import { rowsOf } from "../store/database.ts";
import { schemaVersion } from "../store/migrations.ts";
import { contextFiles } from "./context_files.ts";

/** Within the folder of days; emptied before and after. */
const WORK_FOLDER = ".publishing";

export interface PublishPlan {
  /** Only this day, `YYYY-MM-DD`; null for all. */
  readonly day: string | null;
  /** Take the day back instead. */
  readonly withdraw: boolean;
}

/** What publishing needs of a pass. */
export type PublishContext = Pick<DaysContext, "connection" | "folder" | "signal">;

/**
 * Publishes the days that are copied and not yet published as they are now.
 * @param name what the archive is called there.
 * @returns the list of days as published.
 * @throws {UserError} in one line when the bucket cannot be used, or holds another archive's days.
 */
export async function publishDays(
  context: PublishContext,
  bucket: Bucket,
  name: string,
  plan: PublishPlan,
  onLine: (line: RolloverLine) => void,
): Promise<RootIndex> {
  const { connection, signal } = context;
  const archive: PublishedArchive = { name, made_at_us: await madeAt(connection) };
  let root = await readRoot(bucket) ?? makeRootIndex({ archive, days: {} });
  if (root.archive.made_at_us !== archive.made_at_us || root.archive.name !== name) {
    throw new UserError(
      `${bucket.shown} holds the days of another archive (${root.archive.name}); give this one a prefix of its ` +
        "own (days.publish.prefix)",
    );
  }
  if (plan.withdraw) {
    const day = plan.day!;
    root = await writeRoot(bucket, root, { [day]: WITHDRAWN });
    await withdraw(bucket, day);
    onLine(dayLine("withdrawn", day));
    return root;
  }
  const days = Map.groupBy(await listFiles(connection), ({ day }) => day);
  // What came late on a day may change the summaries of those after it.
  const due = [...days].toSorted(([a], [b]) => a < b ? -1 : 1).filter(([day]) =>
    root.days[day] !== WITHDRAWN &&
    (plan.day === null || day === plan.day || day > plan.day && day in root.days)
  );
  const again = due.findLastIndex(([day, files]) =>
    day in root.days && root.days[day] !== fingerprint(files)
  );
  let isHeld = false;
  let written: Record<string, string> = {};
  for (const [i, [day, files]] of due.entries()) {
    // Summaries that rest on a day whose newer files readers do not get.
    const wished = isHeld ? files.filter(isFact) : files;
    const current = fingerprint(wished);
    const published = root.days[day];
    if (current !== published) {
      signal.throwIfAborted();
      const done = await publishDay(context, bucket, archive, day, wished);
      if (typeof done === "string") {
        isHeld ||= published !== undefined;
        onLine({ ...dayLine("kept", day), reason: `not published: ${done}` });
      } else {
        written[day] = current;
        onLine(dayLine(published === undefined ? "published" : "published again", day, done.files));
      }
    }
    // Until all that is published again is there, readers see by the list which summaries are not to be read.
    if (i < again || Object.keys(written).length === 0) continue;
    root = await writeRoot(bucket, root, written);
    written = {};
  }
  return root;
}

/** Why a day is not published as the archive lists it now; null when it is. */
export async function reasonUnpublished(
  connection: DuckDBConnection,
  root: RootIndex | null,
  day: string,
): Promise<string | null> {
  if (root === null) return "not published: the bucket could not be read";
  const files = (await listFiles(connection)).filter((file) => file.day === day);
  return root.days[day] === fingerprint(files) ? null : "not published yet";
}

/** The files to be published; summaries as long as they hold. */
async function listFiles(connection: DuckDBConnection): Promise<DayFile[]> {
  const ready = await rowsOf(
    connection,
    "SELECT CAST(day AS TEXT) AS day FROM summary_days WHERE is_ready",
  );
  const days = new Set(ready.map(({ day }) => String(day)));
  const files = await readDayFiles(connection);
  return files.filter((file) => isFact(file) || days.has(file.day));
}

function isFact({ table }: Pick<DayFile, "table">): boolean {
  return table === "receipts" || table === "messages";
}

/** SHA-256 over the SHA-256 of a day's receipts, messages and summaries: what else is published follows from these. */
function fingerprint(files: readonly Pick<DayFile, "table" | "part" | "sha256">[]): string {
  const lines = files.map(({ table, part, sha256 }) => `${table} ${part} ${sha256}\n`).sort();
  return createHash("sha256").update(lines.join("")).digest("hex");
}

async function madeAt(connection: DuckDBConnection): Promise<number> {
  const [{ made_at }] = await rowsOf(
    connection,
    "SELECT epoch_us(min(applied_at)) AS made_at FROM schema_version",
  );
  return Number(made_at);
}

async function writeRoot(
  bucket: Bucket,
  { archive, days }: RootIndex,
  changed: Readonly<Record<string, string>>,
): Promise<RootIndex> {
  const root = makeRootIndex({ archive, days: { ...days, ...changed } });
  await put(bucket, ROOT_KEY, indexText(root));
  return root;
}

/** @returns the index as written, or why the day is not published. */
async function publishDay(
  context: PublishContext,
  bucket: Bucket,
  archive: PublishedArchive,
  day: string,
  files: readonly DayFile[],
): Promise<DayIndex | string> {
  const before = await readDay(bucket, day);
  const current = fingerprint(files);
  // Killed before the list was written.
  if (before?.fingerprint === current) return before;
  // Together: DuckDB writes the one while the other is sent.
  const [facts, others] = await together([
    uploadFacts(bucket, before, files),
    uploadContext(context, bucket, before, day),
  ]);
  if (typeof facts === "string") return facts;
  const schema_version = await schemaVersion(context.connection);
  const index = makeDayIndex({
    archive,
    day,
    schema_version,
    fingerprint: current,
    files: [...facts, ...others as PublishedFile[]],
  });
  await put(bucket, dayIndexKey(day), indexText(index));
  return index;
}

/** What all give, once all have ended. Throws as the first that does. */
async function together<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return await Promise.all(work);
}

/** Files, or why they cannot be published. */
type Uploaded = PublishedFile[] | string;

async function uploadFacts(
  bucket: Bucket,
  before: DayIndex | null,
  files: readonly DayFile[],
): Promise<Uploaded> {
  const published: PublishedFile[] = [];
  for (const file of files) {
    const { table, part, rows, bytes, sha256 } = file;
    const there = before?.files.find((one) =>
      one.table === table && one.part === part && one.sha256 === sha256
    );
    if (there !== undefined) {
      published.push(there);
      continue;
    }
    if (file.state === "dropped") {
      return `part ${part} of its ${table} is dropped from disk already`;
    }
    const key = freeKey(before, file);
    const manifest = manifestPath(file.path);
    if (!await isListedManifest(file.path, file)) return `${manifest} is missing or another file's`;
    try {
      // Its rows were compared when it was copied, so its SHA-256 is enough.
      const beside = { path: manifest, key: manifestPath(key), ...await digest(manifest) };
      await together([
        upload(bucket, { path: file.path, key, bytes, sha256 }),
        upload(bucket, beside),
      ]);
    } catch (error) {
      if (!(error instanceof UploadMismatch || error instanceof Deno.errors.NotFound)) throw error;
      return errorText(error);
    }
    published.push({ table, part, path: key, rows, bytes, sha256 });
  }
  return published;
}

async function uploadContext(
  { connection, folder, signal }: PublishContext,
  bucket: Bucket,
  before: DayIndex | null,
  day: string,
): Promise<Uploaded> {
  const published: PublishedFile[] = [];
  const work = join(folder, WORK_FOLDER);
  await Deno.remove(work, { recursive: true }).catch(() => {});
  await Deno.mkdir(work, { recursive: true });
  try {
    for await (const { table, path, rows, bytes, sha256 } of contextFiles(connection, work, day)) {
      signal.throwIfAborted();
      const key = freeKey(before, { table, day, part: 0, sha256 });
      await upload(bucket, { path, key, bytes, sha256 });
      published.push({ table, part: 0, path: key, rows, bytes, sha256 });
    }
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  return published;
}

/** The usual name until an index may name it; then one of its own, as no object is ever replaced under a reader. */
function freeKey(
  before: DayIndex | null,
  { table, day, part, sha256 }: Pick<DayFile, "table" | "day" | "part" | "sha256">,
): string {
  const mark = (part === 0 ? "" : `.${part}`) + (before === null ? "" : `.${sha256.slice(0, 16)}`);
  return tableKey(table, day, "parquet", mark);
}

/** Readers ask for the index first. */
async function withdraw(bucket: Bucket, day: string): Promise<void> {
  const index = await readDay(bucket, day);
  if (index === null) return;
  const facts = index.files.filter(({ table }) => WITH_MANIFESTS.includes(table));
  const keys = [
    dayIndexKey(day),
    ...index.files.map(({ path }) => path),
    ...facts.map(({ path }) => manifestPath(path)),
  ];
  for (const key of keys) {
    const response = await bucket.find(key, { method: "DELETE" });
    await response?.body?.cancel();
  }
}

async function put(bucket: Bucket, key: string, text: string): Promise<void> {
  const body = new TextEncoder().encode(text);
  const headers = { "content-type": "application/json" };
  const response = await bucket.send(key, { method: "PUT", body, headers });
  await response.body?.cancel();
}

function dayLine(
  action: RolloverLine["action"],
  day: string,
  files: readonly PublishedFile[] = [],
): RolloverLine {
  const receipts = files.filter(({ table }) => table === "receipts");
  const rows = receipts.reduce((sum, { rows }) => sum + rows, 0);
  const bytes = files.reduce((sum, { bytes }) => sum + bytes, 0);
  return { action, table: "all", day, part: 0, rows, bytes, reason: null };
}
