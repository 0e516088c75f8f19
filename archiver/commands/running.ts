/**
 * Talking to the archiver that runs with the same config, through its API.
 *
 * @module
 */
import { errorText, UserError } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";
import type { ArchiverConfig } from "../config.ts";

/** An answer of the API is JSON. */
export interface Answer {
  /** The HTTP status. */
  readonly status: number;
  /** The body. */
  readonly body: unknown;
}

/**
 * Asks the running archiver.
 *
 * @param timeoutMilliseconds how long the answer may take.
 * @throws {UserError} when none answers, or its port is one that the system chose.
 */
export async function askArchiver(
  api: ArchiverConfig["api"],
  request: { readonly path: string; readonly method: "GET" | "POST" },
  timeoutMilliseconds: number,
): Promise<Answer> {
  if (api.port === 0) {
    throw new UserError(
      "The config says api.port: 0, so that only the running archiver's log tells its port; " +
        "give it a port of its own",
    );
  }
  const url = `http://${reachable(api.host)}:${api.port}${request.path}`;
  try {
    const signal = AbortSignal.timeout(timeoutMilliseconds);
    const response = await fetch(url, { method: request.method, signal, redirect: "error" });
    return { status: response.status, body: await response.json() };
  } catch (error) {
    throw new UserError(
      `No archiver answers at ${url} (api in the config): ${printable(errorText(error), 300)}`,
      { cause: error },
    );
  }
}

/** What to connect to where a server listens on `host`: one that listens everywhere is here, too. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
