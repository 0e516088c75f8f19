// The archiver's Postgres endpoint on an archive, in the test's own process.

import * as v from "valibot";
import { dirname, join } from "node:path";
import { PostgresConfigSchema } from "../../../archiver/postgres/config.ts";
import { PostgresServer } from "../../../archiver/postgres/server.ts";
import { addUser } from "../../../archiver/postgres/users.ts";
import type { Store } from "../../../archiver/store/store.ts";
import { openArchive } from "../fixtures/archive.ts";
import { makeQueryArchive } from "../fixtures/query_archive.ts";
import { tempDir } from "../temp_dir.ts";

/** Making the catalogue takes seconds: all tests share one. */
export const CATALOGUE_FOLDER = "/tmp/gossip-observer-test-catalogue";
const PASSWORD = "correct horse";

/** A running endpoint. */
export interface Endpoint extends AsyncDisposable {
  readonly server: PostgresServer;
  readonly port: number;
  /** For clients that take a URL. */
  readonly url: string;
  /** For libpq: host, port, user, database and password. */
  readonly env: Record<string, string>;
}

/** An endpoint on the tiny archive of `query_archive.ts`. @param config its group of keys. */
export async function startSmallEndpoint(config: Record<string, unknown> = {}): Promise<Endpoint> {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const path = dir.join("gossip.duckdb");
  await makeQueryArchive(path);
  const endpoint = stack.use(await startEndpoint(stack.use(await openArchive(path)), config));
  const owned = stack.move();
  return { ...endpoint, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Starts an endpoint for an open archive with a user `reader`. @param config its group of keys. */
export async function startEndpoint(
  store: Store,
  config: Record<string, unknown> = {},
): Promise<Endpoint> {
  const archive = store.options.path;
  const usersFile = join(dirname(archive), "postgres-users");
  await addUser(usersFile, "reader", PASSWORD);
  await copyCatalogue(CATALOGUE_FOLDER, dirname(archive));
  const group = v.parse(PostgresConfigSchema, { listen: "127.0.0.1:0", ...config })!;
  const server = await PostgresServer.start(group, { store, archive, usersFile });
  await copyCatalogue(dirname(archive), CATALOGUE_FOLDER);
  const { port } = server;
  return {
    server,
    port,
    url: `postgres://reader:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/gossip`,
    env: {
      ...{ PGHOST: "127.0.0.1", PGPORT: String(port), PGUSER: "reader", PGDATABASE: "gossip" },
      ...{ PGPASSWORD: PASSWORD, PGCONNECT_TIMEOUT: "30" },
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function copyCatalogue(from: string, to: string): Promise<void> {
  await Deno.mkdir(from, { recursive: true });
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) {
    if (!/^postgres-catalogue-.*\.gz$/.test(name)) continue;
    const there = await Deno.stat(join(to, name)).then(() => true, () => false);
    if (there) continue;
    const partial = join(to, `${crypto.randomUUID()}.partial`);
    await Deno.copyFile(join(from, name), partial);
    await Deno.rename(partial, join(to, name));
  }
}
