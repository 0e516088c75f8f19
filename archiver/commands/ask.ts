// Commands that ask the running archiver, through its API: status, snapshot, analyse; and the asking itself.

import { authorization, readApiToken } from "../../shared/api_token.ts";
import { type Subcommand, subcommand } from "../../shared/cli.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import { expectPermitted, type Program } from "../../shared/sandbox.ts";
import { printable } from "../../shared/text.ts";
import { tokenFile } from "../api/access.ts";
import type { EndedRunStatus } from "../analytics/status.ts";
import type { Status } from "../status/status.ts";
import type { ArchiverConfig } from "../config.ts";
import type { SnapshotFile } from "../snapshots/snapshots.ts";
import { CONFIG_FLAG, readArchiverConfig } from "./flags.ts";
import { statusText } from "./status_text.ts";

export type RunningConfig = Pick<ArchiverConfig, "api" | "archive">;

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * Asks the running archiver.
 * @param timeoutMs how long the answer may take.
 * @param program whose sandbox has to reach it.
 * @throws {UserError} when none answers, or its port is unknown.
 */
export async function askArchiver(
  config: RunningConfig,
  method: "GET" | "POST",
  path: string,
  timeoutMs: number,
  program: Program = "archiver",
): Promise<Answer> {
  const url = urlOf(config.api, path, program);
  const signal = AbortSignal.timeout(timeoutMs);
  const response = await request(config, url, { method, signal });
  return {
    status: response.status,
    body: await response.json().catch((error) => unanswered(url, error)),
  };
}

function urlOf(api: ArchiverConfig["api"], path: string, program: Program = "archiver"): string {
  if (api.port === 0) {
    throw new UserError(
      "Cannot find the running archiver: api.port is 0 in the config, so its port is only in its log; " +
        "set a port",
    );
  }
  const host = `${reachable(api.host)}:${api.port}`;
  expectPermitted([{ kind: "net", key: "api", value: host }], program);
  return `http://${host}${path}`;
}

async function request(config: RunningConfig, url: string, init: RequestInit): Promise<Response> {
  // Whether an archiver answers comes first: one that never ran has made no token.
  const token = init.method === "POST"
    ? await readApiToken(tokenFile(config)).catch((error: Error) => error)
    : null;
  const headers = typeof token === "string" ? authorization(token) : undefined;
  let response: Response;
  try {
    response = await fetch(url, { ...init, headers, redirect: "error" });
  } catch (error) {
    return unanswered(url, error);
  }
  if (response.status === 401 && token instanceof Error) throw token;
  return response;
}

function unanswered(url: string, error: unknown): never {
  throw new UserError(
    `No archiver answers at ${url} (api in the config): ${printable(errorText(error), 300)}`,
    { cause: error },
  );
}

/**
 * Posts JSON to the running archiver, which answers with lines of JSON as it works.
 * @param onLine is called with each; what it throws is thrown.
 * @throws {UserError} when none answers, when it refuses, or when its answer breaks off.
 */
export async function askForLines(
  config: RunningConfig,
  path: string,
  body: unknown,
  onLine: (value: unknown) => void,
): Promise<void> {
  const url = urlOf(config.api, path);
  const response = await request(config, url, { method: "POST", body: JSON.stringify(body) });
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

const STATUS_MS = 60_000;
const EXIT_UNWELL = 1;

/** The running archiver's status. @throws {UserError} when no archiver answers, or it cannot say. */
export async function askStatus(config: RunningConfig, program?: Program): Promise<Status> {
  const { status, body } = await askArchiver(config, "GET", "/status", STATUS_MS, program);
  if (status === 200) return body as Status;
  const why = printable(JSON.stringify(body), 300);
  throw new UserError(`The archiver cannot report its status: ${why}`);
}

export const statusCommand: Subcommand = subcommand({
  name: "deno task archive status",
  summary:
    "Show how the running archiver is doing. Exit status: 1 if commits fail or NATS is unreachable.",
  flags: { config: CONFIG_FLAG, json: { type: "boolean", help: "print JSON, as /status does" } },
  examples: ["deno task archive status --config archiver.yaml"],
}, async ({ config: path, json }) => {
  const status = await askStatus(await readArchiverConfig(path));
  console.log(json ? JSON.stringify(status, null, 2) : statusText(status));
  return status.failure || status.nats?.problem ? EXIT_UNWELL : 0;
});

/** Longer than the archiver lets a copy last. */
const SNAPSHOT_MS = 2 * 3_600_000;
const CREATED = 201;

export const snapshotCommand: Subcommand = subcommand({
  name: "deno task archive snapshot",
  summary:
    "Ask the running archiver for a consistent copy of its archive, to open with DuckDB or any tool\n" +
    "that reads its files, and print the copy's path. Ingest continues.",
  flags: { config: CONFIG_FLAG },
  examples: [
    "deno task archive snapshot --config archiver.yaml",
    'duckdb -readonly "$(deno task --quiet archive snapshot)"',
  ],
}, async ({ config: path }) => {
  const config = await readArchiverConfig(path);
  const { status, body } = await askArchiver(config, "POST", "/snapshots", SNAPSHOT_MS);
  if (status !== CREATED) {
    const { error } = body as { error?: string };
    throw new UserError(`Cannot make a snapshot: ${printable(String(error), 500)}`);
  }
  console.log((body as SnapshotFile).path);
});

/** What the archiver gets beyond analytics.run_timeout to stop a run and to answer. */
const STOP_MS = 60_000;

export const analyseCommand: Subcommand = subcommand({
  name: "deno task archive analyse",
  summary:
    "Ask the running archiver to run a set of its config's analytics.sets now, even if its window is\n" +
    "done already, and print the report's path. For progress, run `deno task archive status`.",
  flags: {
    config: CONFIG_FLAG,
    set: { value: "NAME", help: "the set; optional if the config has only one" },
    day: {
      value: "YYYY-MM-DD",
      help: "first day of the window, UTC (default: the window due now)",
    },
  },
  examples: [
    "deno task archive analyse --config archiver.yaml",
    "deno task archive analyse --set daily --day 2025-09-26",
  ],
}, async ({ config: path, set, day }) => {
  const config = await readArchiverConfig(path);
  const { analytics } = config;
  const names = analytics.sets.map(({ name }) => name);
  const name = set ?? (names.length === 1 ? names[0] : undefined);
  if (name === undefined) {
    throw new UserError(
      names.length === 0
        ? `Nothing to run: analytics.sets in ${path} is empty`
        : `deno task archive analyse: --set is required: one of ${names.join(", ")}`,
    );
  }
  const query = day === undefined ? "" : `?day=${encodeURIComponent(day)}`;
  const url = `/analytics/${encodeURIComponent(name)}${query}`;
  const { body } = await askArchiver(config, "POST", url, analytics.run_timeout + STOP_MS);
  const { folder, error } = body as Partial<EndedRunStatus>;
  if (!folder) throw new UserError(`Cannot make a report: ${printable(String(error), 500)}`);
  console.log(folder);
});
