/**
 * A real PostgreSQL server for one test: a cluster of its own in a temporary folder, reached through a Unix socket there.
 *
 * @module
 */
import { join } from "node:path";
import { UserError } from "../../shared/errors.ts";
import { tempDir } from "./temp_dir.ts";

/** Debian keeps one folder a major version, its programs in `bin`. */
const VERSIONS_FOLDER = "/usr/lib/postgresql";
/** PostgreSQL refuses to run as root; Debian's package makes this user. */
const SERVICE_USER = "postgres";
/** No TCP, and no waiting for the disk: the cluster does not outlive the test. */
const SETTINGS = "-c listen_addresses= -c fsync=off -c shared_buffers=16MB";

/** A running server; disposing stops it and removes its cluster. */
export interface PostgresServer extends AsyncDisposable {
  /** Runs SQL through psql and gives its rows, one text a row, columns separated by `|`. @throws on any SQL error. */
  query(sql: string): Promise<string[]>;
}

/**
 * Makes a cluster and starts its server.
 *
 * @throws {UserError} when PostgreSQL is not installed.
 */
export async function startPostgres(): Promise<PostgresServer> {
  const bin = await programs();
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  if (Deno.uid() === 0) await run("chown", [SERVICE_USER, dir.path]);
  const cluster = join(dir.path, "cluster");
  const asService = (program: string, args: string[], input?: string) =>
    Deno.uid() === 0
      ? run("runuser", ["-u", SERVICE_USER, "--", join(bin, program), ...args], dir.path, input)
      : run(join(bin, program), args, dir.path, input);
  await asService("initdb", [
    "-D",
    cluster,
    "-U",
    SERVICE_USER,
    "--auth=trust",
    "--no-sync",
    "-E",
    "UTF8",
  ]);
  const control = (action: string, ...args: string[]) =>
    asService("pg_ctl", [action, "-D", cluster, "-w", "-s", ...args]);
  await control("start", "-l", join(dir.path, "log"), "-o", `-k ${dir.path} ${SETTINGS}`);
  stack.defer(async () => void await control("stop", "-m", "immediate"));
  const owned = stack.move();
  return {
    async query(sql) {
      const flags = [
        "-X",
        "-q",
        "-A",
        "-t",
        "-v",
        "ON_ERROR_STOP=1",
        "-h",
        dir.path,
        "-U",
        SERVICE_USER,
      ];
      const out = await asService("psql", flags, sql);
      return out.split("\n").filter((line) => line !== "");
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The folder of the newest installed version's programs. */
async function programs(): Promise<string> {
  try {
    const versions = (await Array.fromAsync(Deno.readDir(VERSIONS_FOLDER))).map(({ name }) =>
      Number(name)
    );
    return join(VERSIONS_FOLDER, String(Math.max(...versions)), "bin");
  } catch (error) {
    throw new UserError("PostgreSQL is not installed; Debian's package is postgresql", {
      cause: error,
    });
  }
}

async function run(program: string, args: string[], cwd?: string, input?: string): Promise<string> {
  const child = new Deno.Command(program, {
    args,
    cwd,
    stdin: input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (input !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
  }
  const { success, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`${program} ${args.join(" ")}: ${text(stderr) || text(stdout)}`);
  return text(stdout);
}
