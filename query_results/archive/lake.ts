// A DuckLake of published days, attached to DuckDB as `lake`. DuckDB opens its catalogue and files by itself, outside
// Deno's sandbox.

import type { DuckDBConnection } from "@duckdb/node-api";
import * as v from "valibot";
import { systemClock } from "../../shared/clock.ts";
import { readConfig, text } from "../../shared/config.ts";
import { bucketReason, errorText, UserError } from "../../shared/errors.ts";
import { readS3Keys, s3Entries } from "../../shared/s3/access.ts";
import { printable } from "../../shared/text.ts";
import { valuesOf } from "./database.ts";
import { loadExtensions } from "./extensions.ts";
import { literal } from "./sql.ts";

/** What an archive's address begins with when it is a lake. */
export const LAKE_SCHEME = "ducklake:";

/** For a PostgreSQL that does not answer, and for a lock there. */
const CONNECT_SECONDS = 15;
const LOCK_SECONDS = 60;
const ATTEMPTS = 5;
const RETRY_MS = 200;

const SNAPSHOT = "should be the number of a snapshot";
const path = text(/^[^\0]{1,4096}$/, "the path of a file or folder");

const schema = v.strictObject({
  catalog: text(/^[^\0]{1,4096}$/, "the path of a file, or postgres://user@host:port/database"),
  password_file: v.optional(path),
  extensions: v.optional(path),
  /** Reads the lake as it was then, by DuckLake's number. */
  snapshot: v.optional(
    v.pipe(v.number(SNAPSHOT), v.safeInteger(SNAPSHOT), v.minValue(1, SNAPSHOT)),
  ),
  s3: v.optional(v.strictObject(s3Entries, "should be a group of keys with endpoint")),
});

/** Where a lake is: the catalogue, DuckDB's extensions (a folder; absent: installed over the internet), S3 for files. */
export type LakeSettings = v.InferOutput<typeof schema>;

/** Reads what `ducklake:` names: a YAML file, or the catalogue itself. @throws {UserError} */
export async function readLakeSettings(address: string): Promise<LakeSettings> {
  const name = address.startsWith(LAKE_SCHEME) ? address.slice(LAKE_SCHEME.length) : address;
  if (/\.ya?ml$/.test(name)) {
    return await readConfig(name, schema as v.GenericSchema<unknown, LakeSettings>);
  }
  if (name !== "") return { catalog: name };
  throw new UserError(
    `"${
      printable(address)
    }" names no lake; it should be ducklake:FILE, ducklake:postgres://… or ducklake:lake.yaml`,
  );
}

export interface AttachOptions {
  readonly readOnly: boolean;
  /** Where a new lake keeps what it writes itself, such as deletions. */
  readonly dataPath?: string;
}

/** Attaches a lake, and uses it. @throws {UserError} in one line when it cannot be opened. */
export async function attachLake(
  connection: DuckDBConnection,
  settings: LakeSettings,
  { readOnly, dataPath }: AttachOptions,
): Promise<void> {
  const { catalog, s3 } = settings;
  const isPostgres = /^postgres(ql)?:\/\//.test(catalog);
  const names = [
    "ducklake",
    ...isPostgres ? ["postgres_scanner"] as const : [],
    ...s3 === undefined ? [] : ["httpfs"] as const,
  ] as const;
  await loadExtensions(connection, names, settings);
  if (s3 !== undefined) await useS3(connection, s3);
  const target = isPostgres ? `postgres:${await postgresTarget(settings)}` : catalog;
  const attach = (options: readonly string[]) =>
    `ATTACH ${literal(LAKE_SCHEME + target)} AS lake` +
    (options.length === 0 ? "" : ` (${options.join(", ")})`);
  const plain = attach(readOnly ? ["READ_ONLY"] : []);
  let sql = dataPath === undefined ? plain : attach([`DATA_PATH ${literal(dataPath)}`]);
  for (let attempt = 1;; attempt++) {
    try {
      await connection.run(sql);
      if (readOnly) await readSnapshot(connection, settings.snapshot, attach);
      return void await connection.run("USE lake");
    } catch (error) {
      const why = errorText(error);
      // A lake that is there has a path of its own; of two that make one at once, the second finds it made.
      if (why.includes("does not match existing data path")) sql = plain;
      else if (readOnly || !/duplicate key|already exists/.test(why) || attempt === ATTEMPTS) {
        throw new UserError(`Cannot open lake ${shownCatalog(settings)}: ${lakeReason(error)}`);
      } else await systemClock.sleep(RETRY_MS * attempt);
    }
  }
}

/** Attaches the lake again as it is now, or was, so that what others change meanwhile is not mixed in. */
async function readSnapshot(
  connection: DuckDBConnection,
  wished: number | undefined,
  attach: (options: readonly string[]) => string,
): Promise<void> {
  const [[last]] = await valuesOf(connection, "FROM ducklake_current_snapshot('lake')");
  await connection.run("DETACH lake");
  await connection.run(attach(["READ_ONLY", `SNAPSHOT_VERSION ${wished ?? last}`]));
}

/** The catalogue without a password. */
export function shownCatalog({ catalog }: LakeSettings): string {
  return printable(
    catalog.replace(/^(postgres(?:ql)?:\/\/)(?:([^:@/]*)(?::[^@]*)?@)?/, "$1$2@"),
    300,
  );
}

/** Why a lake does not open or change, in one line. DuckDB's own text may hold the connection's password. */
export function lakeReason(error: unknown): string {
  const text = errorText(error).replaceAll(/(postgres(?:ql)?:\/\/[^:@/\s]*):[^@\s]*@/g, "$1:…@")
    .replace(/^\w+ Error: /, "")
    // What follows says why.
    .replace(/^Failed to commit: Failed to commit DuckLake transaction\.\s*/, "");
  const inBucket = bucketReason(text);
  if (inBucket !== null) return inBucket;
  const holder = text.match(/Conflicting lock is held in .*?\(PID (\d+)\)/);
  if (holder) {
    return `process ${
      holder[1]
    } holds the catalogue; stop that process, or keep the catalogue in PostgreSQL, ` +
      "which several may use";
  }
  const version = text.match(
    /catalog version is (\S+), but the extension requires version (\S+?)\.? /,
  );
  if (version) {
    return `it is of DuckLake's version ${version[1]}, and the extension is for ${
      version[2]
    }; use the extension that ` +
      "wrote it, or let that one migrate it";
  }
  if (/due to (?:lock|statement) timeout/.test(text)) {
    return "another session holds a lock in the catalogue; end it, or try again later";
  }
  const refused = text.match(/Unable to connect to Postgres at .*? failed: (?:FATAL: +)?(.*)/);
  if (refused) {
    return `PostgreSQL does not let us in: ${
      shown(refused[1])
    }; check catalog and password_file, and that the server runs`;
  }
  if (text.includes("requires the extension httpfs")) {
    return "it keeps files in S3; name their service under s3: in the YAML file that describes it";
  }
  const [, none] = text.match(/No snapshot found at version (\d+)/) ?? [];
  if (none !== undefined) {
    return `it has no snapshot ${none}; DuckLake's ducklake_snapshots lists them, and deno task archive lake prints the last`;
  }
  if (
    /database does not exist|No such file|creating a new DuckLake is explicitly disabled/.test(text)
  ) {
    return "there is none; deno task archive lake makes it";
  }
  return shown(text.split("\n")[0]);
}

function shown(text: string): string {
  return printable(text.replaceAll('"', "'"), 400);
}

async function useS3(
  connection: DuckDBConnection,
  s3: NonNullable<LakeSettings["s3"]>,
): Promise<void> {
  const keys = await readS3Keys(s3);
  const [scheme, host] = s3.endpoint.split("://");
  const parts = [
    ...["TYPE s3", "URL_STYLE 'path'", `USE_SSL ${scheme === "https"}`],
    ...[`ENDPOINT ${literal(host)}`, `REGION ${literal(s3.region)}`],
    ...keys === null
      ? []
      : [`KEY_ID ${literal(keys.accessKeyId)}`, `SECRET ${literal(keys.secretAccessKey)}`],
  ];
  await connection.run(`CREATE OR REPLACE SECRET lake_s3 (${parts.join(", ")})`);
}

/** The catalogue with the password, as libpq takes it. */
async function postgresTarget({ catalog, password_file: file }: LakeSettings): Promise<string> {
  const url = URL.canParse(catalog) ? new URL(catalog) : null;
  if (url === null || url.hostname === "" || url.pathname.length < 2) {
    throw new UserError(
      "Cannot read the lake's catalogue: it should be postgres://user@host:port/database",
    );
  }
  const limits = [
    `connect_timeout=${CONNECT_SECONDS}`,
    `options=${encodeURIComponent(`-c lock_timeout=${LOCK_SECONDS}s`)}`,
  ];
  const own = url.search.slice(1).split("&").filter((part) => part !== "");
  const isSet = (limit: string) => own.some((part) => part.startsWith(limit.replace(/=.*/, "=")));
  url.search = [...own, ...limits.filter((limit) => !isSet(limit))].join("&");
  try {
    if (file !== undefined) {
      url.password = encodeURIComponent((await Deno.readTextFile(file)).trim());
    }
  } catch (error) {
    throw new UserError(`Cannot read password_file ${file}: ${errorText(error)}`);
  }
  return url.href;
}
