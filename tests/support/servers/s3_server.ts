// S3 servers for tests: s3rver everywhere, behind a door that counts requests and can fail or lose them, and the real
// versitygw where Go can build it.

import S3rver from "s3rver";
import { join } from "node:path";
import type { S3Config } from "../../../shared/s3/access.ts";
import { Bucket } from "../../../shared/s3/bucket.ts";
import { tempDir } from "../temp_dir.ts";
import { freePort } from "./free_port.ts";
import { type Process, startProcess } from "./process.ts";
import { until } from "../until.ts";

/** The bucket that servers start with. */
export const BUCKET = "gossip";

/** A running S3 server. */
export interface S3Server extends AsyncDisposable {
  /** Such as `http://127.0.0.1:9000`. */
  readonly endpoint: string;
  /** With key files in a folder of its own. */
  readonly config: S3Config;
  /** The bucket, with the right keys. */
  bucket(prefix?: string): Bucket;
}

/** What the door does with a request. Null: let it through. */
export type Doorman = (
  request: Request,
  pass: () => Promise<Response>,
) => Promise<Response | null> | Response | null;

/** An s3rver whose requests pass a door. */
export interface FakeS3 extends S3Server {
  /** Asked about each request, after it is counted. */
  doorman: Doorman;
  /** So far. */
  requests: number;
}

const KEYS = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" };

/** Starts s3rver. */
export async function fakeS3(): Promise<FakeS3> {
  const dir = await tempDir();
  const rver = new S3rver({
    ...{ port: 0, address: "127.0.0.1", silent: true, directory: dir.path },
    configureBuckets: [{ name: BUCKET, configs: [] }],
  });
  const { port } = await rver.run();
  const closing = new AbortController();
  const fake = { doorman: (() => null) as Doorman, requests: 0 };
  const door = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {}, signal: closing.signal },
    async (request) => {
      fake.requests++;
      const { pathname, search } = new URL(request.url);
      const body = request.body && await request.arrayBuffer();
      const { method, headers } = request;
      const pass = async () => {
        const url = `http://127.0.0.1:${port}${pathname}${search}`;
        const { status, headers: answered, ...rest } = await whole(
          await fetch(url, { method, headers, body }),
        );
        return new Response(rest.body, { status, headers: answered });
      };
      return await fake.doorman(request, pass) ?? await pass();
    },
  );
  const endpoint = `http://127.0.0.1:${door.addr.port}`;
  const config = await writeKeys(dir.path, endpoint, KEYS);
  return Object.assign(fake, {
    ...{ endpoint, config },
    bucket: (prefix = "") => new Bucket({ config, keys: KEYS, bucket: BUCKET, prefix }),
    async [Symbol.asyncDispose]() {
      closing.abort();
      await door.finished;
      rver.httpServer.closeAllConnections();
      await rver.close();
      await dir[Symbol.asyncDispose]();
    },
  });
}

/** Read to its end, so that none is open when the server stops. */
async function whole(response: Response) {
  const bytes = await response.arrayBuffer();
  const { status, headers } = response;
  return { status, headers, body: status === 204 || bytes.byteLength === 0 ? null : bytes };
}

/** Two minutes to build, so tests only look for it. */
const INSTALL = "go install github.com/versity/versitygw/cmd/versitygw@v1.8.0";

/** Where Go puts versitygw; null, after saying so, where it is not. */
export async function findVersitygw(): Promise<string | null> {
  const home = Deno.env.get("HOME") ?? "/root";
  const folders = [Deno.env.get("GOBIN"), join(Deno.env.get("GOPATH") ?? `${home}/go`, "bin")];
  for (const folder of [...folders, ...(Deno.env.get("PATH") ?? "").split(":")]) {
    const path = folder && join(folder, "versitygw");
    if (path && await Deno.stat(path).then(({ isFile }) => isFile, () => false)) return path;
  }
  console.error(`versitygw is not installed, so tests with it are skipped; with Go: ${INSTALL}`);
  return null;
}

/** Starts versitygw on an empty folder. */
export async function versitygw(program: string): Promise<S3Server> {
  const dir = await tempDir();
  await Deno.mkdir(dir.join("data", BUCKET), { recursive: true });
  const keys = { accessKeyId: "gossip", secretAccessKey: "observer-secret" };
  const endpoint = `http://127.0.0.1:${freePort()}`;
  const args = ["--access", keys.accessKeyId, "--secret", keys.secretAccessKey];
  const where = ["--port", endpoint.slice("http://".length), "posix", dir.join("data")];
  const process: Process = startProcess(program, [...args, ...where]);
  await until(async () => {
    const answer = await fetch(endpoint).catch(() => null);
    await answer?.body?.cancel();
    return answer !== null;
  });
  const config = await writeKeys(dir.path, endpoint, keys);
  return {
    ...{ endpoint, config },
    bucket: (prefix = "") => new Bucket({ config, keys, bucket: BUCKET, prefix }),
    async [Symbol.asyncDispose]() {
      await process.kill();
      await dir[Symbol.asyncDispose]();
    },
  };
}

async function writeKeys(folder: string, endpoint: string, keys: typeof KEYS): Promise<S3Config> {
  const [access_key_file, secret_key_file] = ["access", "secret"].map((name) => join(folder, name));
  await Deno.writeTextFile(access_key_file, `${keys.accessKeyId}\n`);
  await Deno.writeTextFile(secret_key_file, `${keys.secretAccessKey}\n`);
  return { endpoint, region: "us-east-1", access_key_file, secret_key_file };
}
