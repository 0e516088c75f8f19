// Report folders: each exists whole or not at all. Runs write beside them, under names that begin with a dot.

import { basename, join } from "node:path";
import { ifThere } from "../../shared/files.ts";
import { putInPlace, sync } from "../days/files.ts";
import { isWindowName } from "./schedule.ts";

/**
 * Suffixes of dotted names: the new report until it is whole; then, with its run's finish time, until its rows are in the
 * archive and it is in place; the old report until the new one is in place.
 */
const PART = ".part";
const READY = ".ready";
const OLD = ".old";

/** Makes an empty folder for the report `name`. */
export async function beginReport(folder: string, name: string): Promise<string> {
  const part = join(folder, `.${name}${PART}`);
  await removeTree(part);
  await Deno.mkdir(part, { recursive: true });
  return await Deno.realPath(part);
}

/** Identifies a run's report among those of its window: by when the run finished, in µs since the Unix epoch. */
export interface ReportRun {
  readonly name: string;
  readonly finishedAt: number;
}

/** Marks a whole report as ready, once it is on disk. @returns its final path, absolute. */
export async function readyReport(folder: string, run: ReportRun): Promise<string> {
  const [part] = pathsOf(folder, run.name);
  await syncFiles(part);
  await putInPlace(part, readyPath(folder, run));
  return join(await Deno.realPath(folder), run.name);
}

/**
 * Puts a ready report in place of an older one. Call once the run's rows are in the archive; if the process ends first,
 * {@link tidyReports} does it.
 */
export async function publishReport(folder: string, run: ReportRun): Promise<void> {
  const [_, place, old] = pathsOf(folder, run.name);
  await removeTree(old);
  await ifThere(Deno.rename(place, old));
  await putInPlace(readyPath(folder, run), place);
  await removeTree(old);
}

/** Removes an unfinished report. */
export async function dropReport(folder: string, name: string): Promise<void> {
  await removeTree(pathsOf(folder, name)[0]);
}

/** Removes a ready report whose rows are not in the archive. */
export async function dropReady(folder: string, run: ReportRun): Promise<void> {
  await removeTree(readyPath(folder, run));
}

/**
 * Repairs what an interrupted process left of reports with windows of one length, so that they match the archive.
 * @param known runs in the archive: their ready reports are published, others are removed.
 */
export async function tidyReports(
  folder: string,
  lengthMs: number,
  known: readonly ReportRun[],
): Promise<void> {
  const kept = new Map(known.map((run) => [basename(readyPath(folder, run)), run]));
  for (const entry of await namesIn(folder)) {
    const name = entry.match(/^\.(.+)\.\d+\.ready$/)?.[1];
    if (name === undefined || !isWindowName(name, lengthMs)) continue;
    const run = kept.get(entry);
    if (run === undefined) await removeTree(join(folder, entry));
    else await publishReport(folder, run);
  }
  for (const entry of await namesIn(folder)) {
    const [, name, kind] = entry.match(/^\.(.+)(\.part|\.old)$/) ?? [];
    if (name === undefined || !isWindowName(name, lengthMs)) continue;
    const [part, place, old] = pathsOf(folder, name);
    if (kind === PART) await removeTree(part);
    else if (await exists(place)) await removeTree(old);
    else await Deno.rename(old, place);
  }
}

/** Removes the oldest reports with windows of one length. @returns how many. */
export async function pruneReports(
  folder: string,
  lengthMs: number,
  keep: number,
): Promise<number> {
  const names = (await namesIn(folder)).filter((name) => isWindowName(name, lengthMs));
  // A name begins with its date, so the oldest come first.
  const surplus = names.sort().slice(0, Math.max(0, names.length - keep));
  for (const name of surplus) await removeTree(join(folder, name));
  return surplus.length;
}

function pathsOf(folder: string, name: string): [part: string, place: string, old: string] {
  return [join(folder, `.${name}${PART}`), join(folder, name), join(folder, `.${name}${OLD}`)];
}

function readyPath(folder: string, { name, finishedAt }: ReportRun): string {
  return join(folder, `.${name}.${finishedAt}${READY}`);
}

/** Unsynced files could be empty after a power cut, under a name that says they are whole. */
async function syncFiles(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) await sync(join(folder, name));
  await sync(folder);
}

async function namesIn(folder: string): Promise<string[]> {
  const entries = await ifThere(Array.fromAsync(Deno.readDir(folder)));
  return entries?.map(({ name }) => name) ?? [];
}

async function exists(path: string): Promise<boolean> {
  return await ifThere(Deno.stat(path)) !== null;
}

/** Removes a folder with its contents, or a file, if it exists. */
export async function removeTree(path: string): Promise<void> {
  await ifThere(Deno.remove(path, { recursive: true }));
}
