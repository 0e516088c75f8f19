/**
 * Reports' folders: each is there whole or not at all. Runs write beside them, under names with a dot in front.
 *
 * @module
 */
import { join } from "node:path";
import { isWindowName } from "./window_name.ts";

/** Behind a dot and the folder's name: the new report, until it is whole, and the old one, until the new one is in place. */
const PART = ".part";
const OLD = ".old";

/** An empty folder for the report that is to be `name`. @throws {Error} when it cannot be made. */
export async function beginReport(folder: string, name: string): Promise<string> {
  const part = join(folder, `.${name}${PART}`);
  await removeTree(part);
  await Deno.mkdir(part, { recursive: true });
  return await Deno.realPath(part);
}

/**
 * Gives a whole report its place; one that was there goes. Should the process end half way, {@link tidyReports} leaves
 * the old one or the new one.
 *
 * @returns the report's folder, absolute.
 */
export async function publishReport(folder: string, name: string): Promise<string> {
  const [part, place, old] = pathsOf(folder, name);
  await syncFiles(part);
  await removeTree(old);
  await Deno.rename(place, old).catch(unlessNotFound);
  await Deno.rename(part, place);
  await removeTree(old);
  return await Deno.realPath(place);
}

/** Removes what is there of a report that will not be whole. */
export async function dropReport(folder: string, name: string): Promise<void> {
  await removeTree(pathsOf(folder, name)[0]);
}

/**
 * Mends what a process that was ended half way left of reports with windows of this length.
 *
 * @param milliseconds the length.
 */
export async function tidyReports(folder: string, milliseconds: number): Promise<void> {
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

/** Files that are not on disk yet would be empty ones after a power cut, under a name that says they are whole. */
async function syncFiles(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    using file = await Deno.open(join(folder, name), { write: true });
    await file.sync();
  }
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
