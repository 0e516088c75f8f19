// DuckDB's extensions out of PyPI's wheels, through pip, for tests that load them.

import { unzipSync } from "fflate";
import duckdb from "@duckdb/node-bindings";
import { join } from "node:path";

const LIMIT = 60_000;

/** A folder that has these; null, after saying so, where pip or PyPI is out of reach. Kept for later runs. */
export async function duckdbExtensions(names: readonly string[]): Promise<string | null> {
  const version = duckdb.library_version();
  const folder = join(Deno.env.get("TMPDIR") ?? "/tmp", `gossip-observer-duckdb-${version}`);
  const isThere = async (name: string) =>
    await Deno.stat(join(folder, `${name}.duckdb_extension`)).then(() => true, () => false);
  const there = await Promise.all(names.map(isThere));
  const missing = names.filter((_, i) => !there[i]);
  if (missing.length === 0) return folder;
  const wheels = await Deno.makeTempDir({ prefix: "gossip-test-" });
  try {
    const wanted = missing.map((name) =>
      `duckdb-extension-${name.replace("_", "-")}==${version.slice(1)}`
    );
    const args = ["-m", "pip", "download", "-q", "--no-deps", "-d", wheels, ...wanted];
    const { success } = await new Deno.Command("python3", {
      ...{ args, stdout: "null", stderr: "null" },
      signal: AbortSignal.timeout(LIMIT),
    }).output().catch(() => ({ success: false }));
    if (!success) {
      console.error(
        `pip does not bring DuckDB's ${missing.join(", ")} from PyPI: tests of it are skipped`,
      );
      return null;
    }
    await Deno.mkdir(folder, { recursive: true });
    for await (const { name } of Deno.readDir(wheels)) {
      const files = unzipSync(await Deno.readFile(join(wheels, name)), {
        filter: (file) => file.name.endsWith(".duckdb_extension"),
      });
      for (const [path, bytes] of Object.entries(files)) {
        const target = join(folder, path.split("/").at(-1)!);
        await Deno.writeFile(`${target}.part`, bytes);
        await Deno.rename(`${target}.part`, target);
      }
    }
    return folder;
  } finally {
    await Deno.remove(wheels, { recursive: true });
  }
}
