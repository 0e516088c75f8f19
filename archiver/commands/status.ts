// `deno task archive status`: how the running archiver is doing.

import { type Subcommand, subcommand } from "../../shared/cli.ts";
import { UserError } from "../../shared/errors.ts";
import type { Status } from "../api/status.ts";
import { CONFIG_FLAG, readArchiverConfig } from "./flags.ts";
import { askArchiver } from "./running.ts";
import { statusText } from "./status_text.ts";

const ANSWER_MS = 60_000;
const EXIT_UNWELL = 1;

export const statusCommand: Subcommand = subcommand({
  name: "deno task archive status",
  summary:
    "Shows how the running archiver is doing. Exits with 1 if commits fail or NATS is unreachable.",
  flags: {
    config: CONFIG_FLAG,
    json: { type: "boolean", help: "print JSON, as /status does" },
  },
  examples: ["deno task archive status --config archiver.yaml"],
}, async ({ config: path, json }) => {
  const { api } = await readArchiverConfig(path);
  const request = { path: "/status", method: "GET" } as const;
  const { status: code, body } = await askArchiver(api, request, ANSWER_MS);
  if (code !== 200) {
    throw new UserError(`The archiver cannot report its status: ${JSON.stringify(body)}`);
  }
  const status = body as Status;
  console.log(json ? JSON.stringify(status, null, 2) : statusText(status));
  return status.failure || status.nats?.problem ? EXIT_UNWELL : 0;
});
