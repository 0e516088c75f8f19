// Requests to the running archiver's API.

import { errorText, UserError } from "../../shared/errors.ts";
import { expectPermitted } from "../../shared/sandbox.ts";
import { printable } from "../../shared/text.ts";
import type { ArchiverConfig } from "../config.ts";

/** An answer of the API is JSON. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * Asks the running archiver.
 *
 * @param timeoutMs how long the answer may take.
 * @throws {UserError} when none answers, or its port is unknown.
 */
export async function askArchiver(
  api: ArchiverConfig["api"],
  { path, method }: { readonly path: string; readonly method: "GET" | "POST" },
  timeoutMs: number,
): Promise<Answer> {
  const url = urlOf(api, path);
  const signal = AbortSignal.timeout(timeoutMs);
  const response = await request(url, { method, signal });
  return {
    status: response.status,
    body: await response.json().catch((error) => unanswered(url, error)),
  };
}

function urlOf(api: ArchiverConfig["api"], path: string): string {
  if (api.port === 0) {
    throw new UserError(
      "Cannot find the running archiver: api.port is 0 in the config, so its port is only in its log; " +
        "set a port",
    );
  }
  const host = `${reachable(api.host)}:${api.port}`;
  expectPermitted([{ kind: "net", key: "api", value: host }], "archiver");
  return `http://${host}${path}`;
}

async function request(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, redirect: "error" });
  } catch (error) {
    return unanswered(url, error);
  }
}

function unanswered(url: string, error: unknown): never {
  throw new UserError(
    `No archiver answers at ${url} (api in the config): ${printable(errorText(error), 300)}`,
    { cause: error },
  );
}

/**
 * Posts JSON to the running archiver, which answers with lines of JSON as it works.
 *
 * @param onLine is called with each; what it throws is thrown.
 * @throws {UserError} when none answers, when it refuses, or when its answer breaks off.
 */
export async function askForLines(
  api: ArchiverConfig["api"],
  path: string,
  body: unknown,
  onLine: (value: unknown) => void,
): Promise<void> {
  const url = urlOf(api, path);
  const response = await request(url, { method: "POST", body: JSON.stringify(body) });
  if (!response.ok) {
    const { error } = await response.json().catch(() => ({ error: `HTTP ${response.status}` }));
    throw new UserError(`The archiver refused: ${printable(String(error), 500)}`);
  }
  let rest = "";
  for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) onLine(JSON.parse(line));
  }
}

/** What to connect to where a server listens on `host`: one that listens everywhere is here, too. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
