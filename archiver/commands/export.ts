// `deno task archive export`: a window of an archive into PostgreSQL.

import {
  stopSignal,
  type Subcommand,
  subcommand,
  WINDOW_FLAGS,
  windowText,
} from "../../shared/cli.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import { openArchive } from "../../query_results/archive/open.ts";
import { standardError } from "../../shared/terminal.ts";
import { readerLimits } from "../config.ts";
import { parsePostgresUrl } from "../export/address.ts";
import { exportWindow, reportText } from "../export/export.ts";
import { Source } from "../export/source.ts";
import { Target } from "../export/target.ts";
import { schemaVersion } from "../store/migrations.ts";
import { ARCHIVE_FLAGS, archiveConfig } from "./flags.ts";
import { RowsProgress } from "./rows_progress.ts";

const EXIT_DIFFERENT = 1;
const EXIT_STOPPED = 130;
const MAX_PASSWORD_CHARACTERS = 4096;

export const exportCommand: Subcommand = subcommand({
  name: "deno task archive export",
  summary:
    "Copy a window of an archive to PostgreSQL and compare rows and checksums on both sides. Stop the\n" +
    "archiver first, or export a snapshot. Exports are resumable: days already exported are skipped.\n" +
    "Exit status: 1 if the sides differ.",
  flags: {
    to: {
      value: "URL",
      help: "postgres://user@host:port/database[?sslmode=disable|prefer|require|verify-full]",
      required: true,
    },
    ...WINDOW_FLAGS,
    schema: { value: "NAME", help: "schema of the tables; created if absent", default: "public" },
    "password-file": { value: "FILE", help: "file that holds the password" },
    "password-env": {
      value: "NAME",
      help: "environment variable that holds the password (run with --allow-env=NAME)",
    },
    ...ARCHIVE_FLAGS,
  },
  examples: [
    "deno task archive export --to postgres://me@127.0.0.1/gossip --password-file archive/password",
    "deno task archive export --to postgres://me@127.0.0.1/gossip --from 2025-09-26 --until 2025-09-27 \\",
    "    --archive archive/snapshots/2025-09-28T00-00-00Z.duckdb --schema gossip",
    "deno run --quiet --no-prompt -P=archiver --allow-net=db.example:5432 archiver/main.ts export \\",
    "    --to postgres://me@db.example/gossip?sslmode=verify-full --password-file archive/password",
  ],
}, async (flags) => {
  const address = parsePostgresUrl(flags.to);
  const span = { from: flags.from ?? null, until: flags.until ?? null };
  const password = await readPassword(flags["password-file"], flags["password-env"]) ??
    address.password;
  const config = await archiveConfig(flags, false);
  const path = config.archive;
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
  const progress = new RowsProgress(standardError());
  try {
    const outcomes = await exportWindow({
      source,
      version: await schemaVersion(archive.connection),
      target,
      schema,
      span,
      signal,
      onProgress: ({ part, phase, rows, total }) =>
        progress.show({ done: rows, total, what: `${part}, ${phase}` }),
    });
    progress.end();
    console.log(reportText(outcomes));
    const receipts = outcomes.find(({ table }) => table === "receipts");
    if (!receipts?.ours.rows) console.log(`No receipts in this window: ${windowText(span)}`);
    const different = outcomes.filter((outcome) => outcome.different.length > 0).length;
    console.log(
      `export: tables=${outcomes.length} different=${different} window=${windowText(span)} ` +
        `archive=${path} to=${address.shown}`,
    );
    return different > 0 ? EXIT_DIFFERENT : 0;
  } catch (error) {
    progress.end();
    if (!signal.aborted) throw error;
    const stopped =
      "Export stopped: every part in PostgreSQL is complete. Run the same command to continue";
    throw new UserError(stopped, { exitCode: EXIT_STOPPED });
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
