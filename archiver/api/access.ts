// Who may use the API: what changes or copies the archive takes the token of a file that only its owner can read, and
// pages are served under the host's own names alone.

import type { Context, MiddlewareHandler } from "hono";
import { timingSafeEqual } from "node:crypto";
import { dirname, join } from "node:path";
import { authorization, readApiToken } from "../../shared/api_token.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import type { ArchiverConfig } from "../config.ts";

const TOKEN_BYTES = 32;
/** Rights of group and others. */
const SHARED_MODE = 0o077;
/** IP addresses: no name of a page elsewhere can be bound to them. */
const ADDRESS = /^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:.]+\])$/i;

/** Where the token is: `api.token_file`, or beside the archive. */
export function tokenFile({ api, archive }: Pick<ArchiverConfig, "api" | "archive">): string {
  return api.token_file ?? join(dirname(archive), "token");
}

/** Where the token of DuckDB clients is: `quack.token_file`, or beside the archive. */
export function quackTokenFile(
  { quack, archive }: Pick<ArchiverConfig, "quack" | "archive">,
): string {
  return quack?.token_file ?? join(dirname(archive), "quack-token");
}

/**
 * Reads the token, or makes it where there is none.
 * @throws {UserError} when it cannot be made or read, or others can read it.
 */
export async function openApiToken(path: string): Promise<string> {
  try {
    const token = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)).toHex();
    await Deno.writeTextFile(path, `${token}\n`, { createNew: true, mode: 0o600 });
    return token;
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) {
      const text = `Cannot make the API's token ${path} (api.token_file): ${errorText(error)}`;
      throw new UserError(text, { cause: error });
    }
  }
  const { mode } = await Deno.stat(path);
  if (mode !== null && (mode & SHARED_MODE) !== 0) {
    throw new UserError(
      `Cannot use the API's token ${path}: others can read it; run chmod 600 ${path}, or delete it for a new one`,
    );
  }
  return await readApiToken(path);
}

/** Lets requests with the token through. */
export function requireToken(token: string): MiddlewareHandler {
  const wanted = new TextEncoder().encode(authorization(token).authorization);
  return async (c: Context, next) => {
    const given = new TextEncoder().encode(c.req.header("authorization") ?? "");
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
      const error =
        "this takes the archiver's token (api.token_file) as Authorization: Bearer TOKEN";
      return c.json({ error }, 401, { "www-authenticate": "Bearer" });
    }
    await next();
  };
}

/**
 * Lets requests through that name this host by an IP address, as `localhost` or by one of `names`. A page elsewhere whose
 * name is bound to this address (DNS rebinding) would have a browser read the archive for it.
 */
export function requireHost(names: readonly string[]): MiddlewareHandler {
  const known = new Set(["localhost", ...names.map((name) => name.toLowerCase())]);
  return async (c: Context, next) => {
    const { hostname } = new URL(c.req.url);
    if (!known.has(hostname.toLowerCase()) && !ADDRESS.test(hostname)) {
      const error = "this is not served under that name; api.names lists further ones";
      return c.json({ error }, 421);
    }
    await next();
  };
}
