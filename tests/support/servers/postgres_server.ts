// A real PostgreSQL server for one test: a cluster of its own in a temporary folder, on loopback with a password, and on
// a Unix socket in that folder without.

import { join } from "node:path";
import { UserError } from "../../../shared/errors.ts";
import type { Certificates } from "./certificates.ts";
import { freePort } from "./free_port.ts";
import { type TempDir, tempDir } from "../temp_dir.ts";

/** Debian keeps one folder a major version, its programs in `bin`. */
const VERSIONS_FOLDER = "/usr/lib/postgresql";
/** PostgreSQL refuses to run as root; Debian's package makes this user. */
const SERVICE_USER = "postgres";
/** No waiting for the disk: the cluster does not outlive the test. */
const SETTINGS = "-c listen_addresses=127.0.0.1 -c fsync=off -c shared_buffers=16MB";
/** Of its one user, over TCP. It needs escaping in a URL. */
export const POSTGRES_PASSWORD = "s3cret/p@ss:word%";

/** What a test asks of its server. */
export interface PostgresOptions {
  /** Offers TLS with these; none without. */
  readonly certificates?: Certificates;
}

/** A running server; disposing stops it and removes its cluster. */
export interface PostgresServer extends AsyncDisposable {
  /** The TCP port on 127.0.0.1. */
  readonly port: number;
  /** Names server, user and database `postgres`, with {@link POSTGRES_PASSWORD}. */
  readonly url: string;
  /** Runs SQL through psql and gives its rows, one text a row, columns separated by `|`. @throws on any SQL error. */
  query(sql: string): Promise<string[]>;
}

/**
 * Makes a cluster and starts its server.
 *
 * @throws {UserError} when PostgreSQL is not installed.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const bin = await programs();
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  if (Deno.uid() === 0) await run("chown", [SERVICE_USER, dir.path]);
  const cluster = join(dir.path, "cluster");
  const asService = (program: string, args: string[], input?: string) =>
    Deno.uid() === 0
      ? run("runuser", ["-u", SERVICE_USER, "--", join(bin, program), ...args], dir.path, input)
      : run(join(bin, program), args, dir.path, input);
  const passwordFile = dir.join("password");
  await Deno.writeTextFile(passwordFile, POSTGRES_PASSWORD);
  await asService("initdb", [
    ...["-D", cluster, "-U", SERVICE_USER, "-E", "UTF8", "--no-sync"],
    ...["--auth-local=trust", "--auth-host=scram-sha-256", `--pwfile=${passwordFile}`],
  ]);
  const control = (action: string, ...args: string[]) =>
    asService("pg_ctl", [action, "-D", cluster, "-w", "-s", ...args]);
  const port = freePort();
  const tls = options.certificates ? await tlsSettings(dir, options.certificates) : "";
  const settings = `-k ${dir.path} -p ${port} ${SETTINGS} ${tls}`;
  await control("start", "-l", join(dir.path, "log"), "-o", settings);
  stack.defer(async () => void await control("stop", "-m", "immediate"));
  const owned = stack.move();
  return {
    port,
    url: `postgres://${SERVICE_USER}:${
      encodeURIComponent(POSTGRES_PASSWORD)
    }@127.0.0.1:${port}/postgres`,
    async query(sql) {
      const flags = [
        ...["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"],
        ...["-h", dir.path, "-p", String(port), "-U", SERVICE_USER],
      ];
      const out = await asService("psql", flags, sql);
      return out.split("\n").filter((line) => line !== "");
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The server wants a key that is its own and nobody else's to read. */
async function tlsSettings(dir: TempDir, { certFile, keyFile }: Certificates): Promise<string> {
  const [cert, key] = [dir.join("server.pem"), dir.join("server.key")];
  await Deno.copyFile(certFile, cert);
  await Deno.copyFile(keyFile, key);
  await Deno.chmod(key, 0o600);
  if (Deno.uid() === 0) await run("chown", [SERVICE_USER, cert, key]);
  return `-c ssl=on -c ssl_cert_file=${cert} -c ssl_key_file=${key}`;
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
