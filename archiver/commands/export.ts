// `deno task archive export`: a window of an archive into PostgreSQL.

import * as v from "valibot";
import { stopSignal, type Subcommand, subcommand } from "../../shared/cli.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import { openArchive } from "../../query_results/archive/open.ts";
import { standardError } from "../../shared/output.ts";
import { ArchiverConfigSchema, readerLimits } from "../config.ts";
import { parsePostgresUrl } from "../export/address.ts";
import { exportWindow } from "../export/export.ts";
import { ProgressLine } from "../export/progress.ts";
import { reportText } from "../export/report.ts";
import { Source } from "../export/source.ts";
import { readSpan, spanName } from "../export/span.ts";
import { Target } from "../export/target.ts";
import { schemaVersion } from "../store/migrations.ts";
import { CONFIG_FLAG, readArchiverConfig } from "./config_flag.ts";

const EXIT_DIFFERENT = 1;
const EXIT_STOPPED = 130;
const MAX_PASSWORD_CHARACTERS = 4096;

export const exportCommand: Subcommand = subcommand({
  name: "deno task archive export",
  summary:
    "Copies a window of an archive to PostgreSQL, and compares rows and checksums of both sides. Ends\n" +
    "with 1 when something differs. Days that are there already are not sent again, so that one that\n" +
    "was broken off goes on where it was. The archiver must not run meanwhile; else export a snapshot.",
  flags: {
    to: {
      type: "string",
      value: "URL",
      help: "postgres://user@host:port/database[?sslmode=disable|prefer|require|verify-full]",
    },
    from: {
      type: "string",
      value: "TIME",
      help: "receipts from this time on, e.g. 2025-09-26 or 2025-09-26T20:00:00Z; all when absent",
    },
    until: { type: "string", value: "TIME", help: "receipts before this time; all when absent" },
    schema: {
      type: "string",
      value: "NAME",
      help: "where the tables are, or will be made",
      default: "public",
    },
    "password-file": { type: "string", value: "FILE", help: "a file with the password" },
    "password-env": {
      type: "string",
      value: "NAME",
      help: "an environment variable with the password (run with --allow-env=NAME)",
    },
    config: CONFIG_FLAG,
    archive: {
      type: "string",
      value: "FILE",
      help: "this archive instead of the config's; no config is read then",
    },
  },
  examples: [
    "deno task archive export --to postgres://me@127.0.0.1/gossip --password-file archive/password",
    "deno task archive export --to postgres://me@127.0.0.1/gossip --from 2025-09-26 --until 2025-09-27 \\",
    "    --archive archive/snapshots/2025-09-28T00-00-00Z.duckdb --schema gossip",
    "deno run --quiet --no-prompt -P=archiver --allow-net=db.example:5432 archiver/main.ts export \\",
    "    --to postgres://me@db.example/gossip?sslmode=verify-full --password-file archive/password",
  ],
}, async (flags) => {
  if (flags.to === undefined) {
    throw new UserError("deno task archive export: --to URL should be given. See --help");
  }
  const address = parsePostgresUrl(flags.to);
  const span = readSpan(flags.from, flags.until);
  const password = await readPassword(flags["password-file"], flags["password-env"]) ??
    address.password;
  const config = flags.archive === undefined
    ? await readArchiverConfig(flags.config)
    : v.parse(ArchiverConfigSchema, {});
  const path = flags.archive ?? config.archive;
  using archive = await openArchive(path, readerLimits(config));
  const signal = stopSignal();
  const { schema } = flags;
  await using target = await Target.connect({ address, password, schema });
  const source = new Source(archive.connection);
  const stop = () => {
    source.interrupt();
    void target.abort();
  };
  signal.addEventListener("abort", stop, { once: true });
  const progress = new ProgressLine(standardError());
  try {
    const outcomes = await exportWindow({
      source,
      version: await schemaVersion(archive.connection),
      target,
      schema,
      span,
      signal,
      onProgress: (told) => progress.show(told),
    });
    progress.end();
    console.log(reportText(outcomes));
    const different = outcomes.filter((outcome) => outcome.different.length > 0).length;
    console.log(
      `export: tables=${outcomes.length} different=${different} window=${spanName(span)} ` +
        `archive=${path} to=${address.shown}`,
    );
    return different > 0 ? EXIT_DIFFERENT : 0;
  } catch (error) {
    progress.end();
    if (!signal.aborted) throw error;
    throw new UserError("Stopped: what is there is whole. Run it again to go on", {
      exitCode: EXIT_STOPPED,
    });
  } finally {
    signal.removeEventListener("abort", stop);
  }
});

/** Null when no flag names one. @throws {UserError} when what it names cannot be read or is empty. */
async function readPassword(
  file: string | undefined,
  variable: string | undefined,
): Promise<string | null> {
  if (file !== undefined) {
    let text: string;
    try {
      text = await Deno.readTextFile(file);
    } catch (error) {
      throw new UserError(`Cannot read --password-file ${file}: ${errorText(error)}`);
    }
    return checkedPassword("--password-file", text);
  }
  if (variable === undefined) return null;
  let text: string | undefined;
  try {
    text = Deno.env.get(variable);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
  }
  if (text === undefined) {
    throw new UserError(
      `Cannot use --password-env: the environment variable ${variable} is not set, ` +
        `or out of reach (then run with --allow-env=${variable})`,
    );
  }
  return checkedPassword("--password-env", text);
}

function checkedPassword(flag: string, text: string): string {
  const password = text.trim();
  if (password === "" || password.length > MAX_PASSWORD_CHARACTERS || /[\0\n]/.test(password)) {
    throw new UserError(`Cannot use ${flag}: it should hold one line, the password`);
  }
  return password;
}
