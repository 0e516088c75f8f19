/**
 * Extensions of DuckDB's own version, from PyPI's wheels: fetched by pip at test time, once per machine.
 *
 * @module
 */
import { version } from "@duckdb/node-api";
import { join } from "node:path";
import { startProcess } from "./servers/process.ts";
import { tempDir } from "./temp_dir.ts";

const LIMIT_MILLISECONDS = 180_000;

/**
 * A folder with `NAME.duckdb_extension` for each name, kept for later runs; null, and a line that says so, where pip or
 * PyPI cannot be reached.
 */
export async function duckDbExtensions(names: readonly string[]): Promise<string | null> {
  const number = version().replace("v", "");
  const folder = `/tmp/gossip-duckdb-extensions-${number}`;
  await Deno.mkdir(folder, { recursive: true });
  try {
    for (const name of names) await fetchExtension(name, number, folder);
    return folder;
  } catch (error) {
    console.error(
      `duckdb_extensions: skipped, as pip does not bring ${names.join(", ")}: ${error}`,
    );
    return null;
  }
}

async function fetchExtension(name: string, number: string, folder: string): Promise<void> {
  const path = join(folder, `${name}.duckdb_extension`);
  if (await Deno.stat(path).then(() => true, () => false)) return;
  await using dir = await tempDir();
  const wheel = `duckdb-extension-${name}==${number}`;
  const options = [
    "--quiet",
    "--no-deps",
    "--only-binary=:all:",
    "--retries=1",
    "--dest",
    dir.path,
  ];
  await python(["-m", "pip", "download", ...options, wheel]);
  const [file] = Array.from(Deno.readDirSync(dir.path), ({ name }) => name);
  await python(["-m", "zipfile", "-e", dir.join(file), dir.path]);
  const inside = dir.join(
    `duckdb_extension_${name}/extensions/v${number}/${name}.duckdb_extension`,
  );
  // In place at once: another run may fetch it, too.
  await Deno.copyFile(inside, `${path}.${Deno.pid}`);
  await Deno.rename(`${path}.${Deno.pid}`, path);
}

async function python(args: readonly string[]): Promise<void> {
  await using process = startProcess("python3", args);
  const { success } = await process.wait(LIMIT_MILLISECONDS);
  if (!success) throw new Error(process.lines.at(-1) ?? "python3 failed");
}
