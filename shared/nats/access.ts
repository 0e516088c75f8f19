// What is needed to be let in by a NATS server, read from where the config says. Secrets stay inside: nothing here
// prints them, and no error holds one.

import {
  type Authenticator,
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "nats/lib/nats-base-client/internal_mod.js";
import { errorText, UserError } from "../errors.ts";
import type { NatsAuthConfig, NatsServerConfig } from "./config.ts";

/** Longer than any credentials file or bundle of authorities. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/** Which servers to connect to, and how to be let in. */
export interface NatsAccess {
  /** See {@link NatsServerConfig.servers}. */
  readonly servers: readonly string[];
  /** Answers a server's question; absent where none is expected. */
  readonly authenticator?: Authenticator;
  /** Present: TLS or nothing. Absent: TLS where the server demands it. */
  readonly tls?: {
    readonly caCerts: readonly string[];
  };
}

/**
 * Reads the files and variables that the config names.
 *
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
