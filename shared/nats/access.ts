// NATS servers and credentials: the keys of a config file, and what is read from where they say. Secrets stay inside:
// nothing here prints them, and no error holds one.

import * as v from "valibot";
import {
  type Authenticator,
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "nats/lib/nats-base-client/internal_mod.js";
import { text } from "../config.ts";
import { errorText, UserError } from "../errors.ts";

const MAX_SERVERS = 32;
/** What a JetStream stream may be called here. */
export const STREAM_NAME: RegExp = /^[A-Za-z0-9_-]{1,64}$/;

const path = text(/^[^\0]{1,4096}$/, "the path of a file");
const variable = text(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, "the name of an environment variable");

const SOME_SERVERS = "should be a list of at least one server, such as [nats://127.0.0.1:4222]";
const SERVER = "a server such as nats://127.0.0.1:4222 or tls://nats.example.org:4222; " +
  "user and password have keys of their own";

/** Servers and credentials. */
export interface NatsServerConfig {
  /** `nats://host:port` or `tls://host:port` of one or more. One `tls://` means TLS with all. */
  readonly servers: readonly string[];
  /** Who the program is; absent where the server does not ask. */
  readonly auth?: NatsAuthConfig;
  /** Absent: TLS only where a server or `tls://` wants it, with the well-known authorities. */
  readonly tls?: {
    /** Certificates of authorities, PEM, that are trusted beside the well-known ones. */
    readonly ca_file?: string;
  };
}

/** A way to prove who one is: the keys of which exactly one is given. */
const WAYS = ["password", "token", "nkey", "creds"] as const;

const auth = v.pipe(
  v.strictObject({
    user: v.optional(text(/^\S{1,256}$/, "a user's name without spaces")),
    password_file: v.optional(path),
    password_env: v.optional(variable),
    token_file: v.optional(path),
    token_env: v.optional(variable),
    nkey_file: v.optional(path),
    nkey_env: v.optional(variable),
    // As `nsc` writes it: a user's JWT and its nkey's seed.
    creds_file: v.optional(path),
    creds_env: v.optional(variable),
  }, "should be a group of keys"),
  v.check(
    (given) => {
      const ways = WAYS.flatMap((way) =>
        [given[`${way}_file`], given[`${way}_env`]].filter((source) => source !== undefined)
          .map(() => way)
      );
      return ways.length === 1 && (given.user !== undefined) === (ways[0] === "password");
    },
    "should have user with password_file or password_env, or one of token_, nkey_ or creds_ with _file or _env",
  ),
);

/** Credentials. Secrets come only from files or the environment. */
export type NatsAuthConfig = Readonly<v.InferOutput<typeof auth>>;

/** The keys that {@link NatsServerConfig} describes, for a schema of the program's own. */
export const natsServerEntries: {
  readonly servers: v.GenericSchema<readonly string[]>;
  readonly auth: v.GenericSchema<unknown, NatsAuthConfig | undefined>;
  readonly tls: v.GenericSchema<unknown, NatsServerConfig["tls"]>;
} = {
  servers: v.pipe(
    v.array(text(/^((nats|tls):\/\/)?[^\s/@]+$/, SERVER), SOME_SERVERS),
    v.minLength(1, SOME_SERVERS),
    v.maxLength(MAX_SERVERS, `should name at most ${MAX_SERVERS} servers`),
  ),
  auth: v.optional(auth),
  tls: v.optional(v.strictObject({ ca_file: v.optional(path) }, "should be a group of keys")),
};

/** Longer than any credentials file or bundle of authorities. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/** Which servers to connect to, and how to be let in. */
export interface NatsAccess {
  readonly servers: readonly string[];
  /** Answers a server's question; absent where none is expected. */
  readonly authenticator?: Authenticator;
  /** Present: TLS or nothing. Absent: TLS where the server demands it. */
  readonly tls?: { readonly caCerts: readonly string[] };
}

/**
 * Reads the files and variables that the config names.
 * @throws {UserError} naming the key when one of them cannot be read, or holds no such thing.
 */
export async function readNatsAccess(config: NatsServerConfig): Promise<NatsAccess> {
  const { servers, auth, tls } = config;
  const caCerts = tls?.ca_file === undefined ? [] : [await readAuthorities(tls.ca_file)];
  const wantsTls = tls !== undefined || servers.some((server) => server.startsWith("tls://"));
  return {
    servers,
    ...auth && { authenticator: await readAuthenticator(auth) },
    ...wantsTls && { tls: { caCerts } },
  };
}

async function readAuthenticator(auth: NatsAuthConfig): Promise<Authenticator> {
  const secret = async (way: "password" | "token" | "nkey" | "creds"): Promise<string | null> => {
    const [file, variable] = [auth[`${way}_file`], auth[`${way}_env`]];
    if (file !== undefined) return await readSecretFile(`${way}_file`, file, way !== "creds");
    return variable === undefined ? null : readVariable(`${way}_env`, variable);
  };
  const password = await secret("password");
  if (password !== null) return usernamePasswordAuthenticator(auth.user!, password);
  const token = await secret("token");
  if (token !== null) return tokenAuthenticator(token);
  const seed = await secret("nkey");
  if (seed !== null) return checked("nkey", nkeyAuthenticator(new TextEncoder().encode(seed)));
  const creds = await secret("creds") ?? "";
  // Its last line must end for the client to find it.
  return checked("creds", credsAuthenticator(new TextEncoder().encode(creds + "\n")));
}

/** Lets it answer once. The client's own error may hold what it could not read. */
function checked(way: "nkey" | "creds", authenticator: Authenticator): Authenticator {
  try {
    authenticator("nonce");
  } catch {
    const what = way === "nkey"
      ? "an nkey's seed, which begins with SU"
      : "a credentials file as nsc writes it, with a user's JWT and its seed";
    throw new UserError(`Cannot use NATS auth.${way}_file or ${way}_env: it should hold ${what}`);
  }
  return authenticator;
}

async function readSecretFile(key: string, path: string, isOneLine: boolean): Promise<string> {
  const secret = (await readText(`auth.${key}`, path)).trim();
  if (secret === "") throw new UserError(`Cannot use NATS auth.${key}: ${path} is empty`);
  const { length } = secret.split("\n");
  if (isOneLine && length > 1) {
    throw new UserError(
      `Cannot use NATS auth.${key}: ${path} has ${length} lines; it should hold the secret alone, in one`,
    );
  }
  return secret;
}

function readVariable(key: string, name: string): string {
  // Under a permission set that hides the environment there is none, without an error.
  const secret = readEnvironment(name);
  if (secret) return secret;
  throw new UserError(
    `Cannot use NATS auth.${key}: the environment variable ${name} is not set, ` +
      `or out of reach (then run with deno run … --allow-env=${name}; a binary is built with --allow-env ${name})`,
  );
}

function readEnvironment(name: string): string | undefined {
  try {
    return Deno.env.get(name)?.trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

async function readAuthorities(path: string): Promise<string> {
  const pem = await readText("tls.ca_file", path);
  if (pem.includes("-----BEGIN CERTIFICATE-----")) return pem;
  throw new UserError(`Cannot use NATS tls.ca_file: ${path} should hold certificates in PEM`);
}

async function readText(key: string, path: string): Promise<string> {
  try {
    const { size } = await Deno.stat(path);
    if (size > MAX_FILE_BYTES) throw new Error(`${size} bytes are too many`);
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new UserError(`Cannot read NATS ${key} ${path}: ${errorText(error)}`, { cause: error });
  }
}
