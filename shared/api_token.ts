// The archiver's API token: whoever can read its file may change or copy the archive. Loopback alone is no password, as
// every user of the host reaches it.

import { errorText, UserError } from "./errors.ts";

/** Where the token is by default, as the archiver's default archive is `archive/gossip.duckdb`. */
export const DEFAULT_TOKEN_FILE = "archive/token";

const TOKEN = /^[0-9a-f]{64}$/;

/** Reads the token. @throws {UserError} when the file cannot be read or holds none. */
export async function readApiToken(path: string): Promise<string> {
  let text: string;
  // Reading without the permission would prompt on a terminal.
  const { state } = await Deno.permissions.query({ name: "read", path });
  if (state !== "granted") {
    throw new UserError(
      `Cannot read the archiver's token ${path}: the sandbox does not allow it; run with --allow-read=${path} too`,
    );
  }
  try {
    text = (await Deno.readTextFile(path)).trim();
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound ? "there is no such file" : errorText(error);
    throw new UserError(
      `Cannot read the archiver's token ${path}: ${why}; the archiver makes it when it first starts`,
      { cause: error },
    );
  }
  if (!TOKEN.test(text)) {
    throw new UserError(
      `Cannot use the archiver's token ${path}: it should hold 64 hex digits; delete it, and the archiver makes ` +
        "a new one when it starts",
    );
  }
  return text;
}

/** The request header that carries a token. */
export function authorization(token: string): { readonly authorization: string } {
  return { authorization: `Bearer ${token}` };
}
