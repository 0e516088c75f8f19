/**
 * DuckDB's extensions out of PyPI's wheels, through pip, for tests of lakes.
 *
 * @module
 */
import { unzipSync } from "fflate";
import duckdb from "@duckdb/node-bindings";
import { join } from "node:path";

const NAMES = ["ducklake", "httpfs", "postgres_scanner"];
const LIMIT = 60_000;

/** The folder that has them; null, after saying so, where pip or PyPI is out of reach. Made once per machine. */
export async function duckdbExtensions(): Promise<string | null> {
  const version = duckdb.library_version();
  const folder = join(Deno.env.get("TMPDIR") ?? "/tmp", `gossip-observer-duckdb-${version}`);
  const isThere = async (name: string) =>
    await Deno.stat(join(folder, `${name}.duckdb_extension`)).then(() => true, () => false);
  if ((await Promise.all(NAMES.map(isThere))).every((is) => is)) return folder;
  const wheels = await Deno.makeTempDir({ prefix: "gossip-test-" });
  try {
    const wanted = NAMES.map((name) =>
      `duckdb-extension-${name.replace("_", "-")}==${version.slice(1)}`
    );
    const args = ["-m", "pip", "download", "-q", "--no-deps", "-d", wheels, ...wanted];
    const { success } = await new Deno.Command("python3", {
      ...{ args, stdout: "null", stderr: "null" },
      signal: AbortSignal.timeout(LIMIT),
    }).output().catch(() => ({ success: false }));
    if (!success) {
      console.error(
        "DuckDB's extensions do not come from PyPI by pip, so tests of lakes are skipped",
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
