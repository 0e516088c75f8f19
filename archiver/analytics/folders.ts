// Reports' folders: each is there whole or not at all. Runs write beside them, under names with a dot in front.

import { basename, join } from "node:path";
import { putInPlace, sync } from "../days/files.ts";
import { isWindowName } from "./schedule.ts";

/**
 * Behind a dot and the folder's name: the new report, until it is whole; then until its rows are in the archive and it
 * is in place, with its run's number between; and the old one, until the new one is in place.
 */
const PART = ".part";
const READY = ".ready";
const OLD = ".old";

/** An empty folder for the report that is to be `name`. @throws {Error} when it cannot be made. */
export async function beginReport(folder: string, name: string): Promise<string> {
  const part = join(folder, `.${name}${PART}`);
  await removeTree(part);
  await Deno.mkdir(part, { recursive: true });
  return await Deno.realPath(part);
}

/** What tells a run's report from those of other runs of its window: when it finished, in µs since the Unix epoch. */
export interface ReportRun {
  readonly name: string;
  /** See {@link ReportRun}. */
  readonly finishedAt: number;
}

/**
 * Makes a whole report ready to be put in its place, and sees to it that it is on disk.
 *
 * @returns the place, absolute.
 */
export async function readyReport(folder: string, run: ReportRun): Promise<string> {
  const [part] = pathsOf(folder, run.name);
  await syncFiles(part);
  await putInPlace(part, readyPath(folder, run));
  return join(await Deno.realPath(folder), run.name);
}

/**
 * Gives a report that is ready its place; one that was there goes. To be called once the run's rows are in the archive:
 * should the process end before it is done, {@link tidyReports} does it.
 */
export async function publishReport(folder: string, run: ReportRun): Promise<void> {
  const [_, place, old] = pathsOf(folder, run.name);
  await removeTree(old);
  await Deno.rename(place, old).catch(unlessNotFound);
  await putInPlace(readyPath(folder, run), place);
  await removeTree(old);
}

/** Removes what is there of a report that will not be whole. */
export async function dropReport(folder: string, name: string): Promise<void> {
  await removeTree(pathsOf(folder, name)[0]);
}

/** Removes a report that is ready, and whose rows are not in the archive. */
export async function dropReady(folder: string, run: ReportRun): Promise<void> {
  await removeTree(readyPath(folder, run));
}

/**
 * Mends what a process that was ended half way left of reports with windows of this length, so that what is there fits
 * what the archive knows.
 *
 * @param milliseconds the length.
 * @param known runs that are in the archive: their reports get their places, others' go.
 */
export async function tidyReports(
  folder: string,
  milliseconds: number,
  known: readonly ReportRun[],
): Promise<void> {
  const kept = new Map(known.map((run) => [basename(readyPath(folder, run)), run]));
  for (const entry of await namesIn(folder)) {
    const name = entry.match(/^\.(.+)\.\d+\.ready$/)?.[1];
    if (name === undefined || !isWindowName(name, milliseconds)) continue;
    const run = kept.get(entry);
    if (run === undefined) await removeTree(join(folder, entry));
    else await publishReport(folder, run);
  }
  for (const entry of await namesIn(folder)) {
    const [, name, kind] = entry.match(/^\.(.+)(\.part|\.old)$/) ?? [];
    if (name === undefined || !isWindowName(name, milliseconds)) continue;
    const [part, place, old] = pathsOf(folder, name);
    if (kind === PART) await removeTree(part);
    else if (await exists(place)) await removeTree(old);
    else await Deno.rename(old, place);
  }
}

/**
 * Removes the oldest reports with windows of this length in milliseconds.
 *
 * @returns how many.
 */
export async function pruneReports(
  folder: string,
  milliseconds: number,
  keep: number,
): Promise<number> {
  const names = (await namesIn(folder)).filter((name) => isWindowName(name, milliseconds));
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

/** Files that are not on disk yet would be empty ones after a power cut, under a name that says they are whole. */
async function syncFiles(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) await sync(join(folder, name));
  await sync(folder);
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  } catch (error) {
    unlessNotFound(error);
    return [];
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, (error) => {
    unlessNotFound(error);
    return false;
  });
}

/** Removes a folder with all that is in it, or a file; nothing is fine too. */
export async function removeTree(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch(unlessNotFound);
}

function unlessNotFound(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
