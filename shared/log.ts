// Logging, on LogTape: one line per record, JSON on a pipe and readable text on a terminal, all on standard error so
// that standard output stays the program's own.

import {
  configure,
  getAnsiColorFormatter,
  getLogger,
  getTextFormatter,
  jsonLinesFormatter,
  type LogRecord,
  type TextFormatter,
} from "@logtape/logtape";
import { LiveLine, standardError } from "./terminal.ts";

/** What a part logs through: a message with `{name}` placeholders and the values for them. */
export interface Logger {
  debug(message: string, properties?: Record<string, unknown>): void;
  info(message: string, properties?: Record<string, unknown>): void;
  warning(message: string, properties?: Record<string, unknown>): void;
  error(message: string, properties?: Record<string, unknown>): void;
}

/** The levels, least to most severe. */
export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * How log lines look: `auto` is `text` on a terminal, with {@link liveLine} below it unless NO_COLOR is set, and `json`
 * elsewhere. Plain `text` never has one: for terminals that do not know how to move a cursor.
 */
export type LogFormat = "auto" | "text" | "json";

let live: LiveLine | null = null;

/** The line below the log, where there is a terminal for it. It is the program's to clear in the end. */
export function liveLine(): LiveLine | null {
  return live;
}

/** Sets where log records go, once per program. Modules that only log need no more than {@link logger}. */
export async function configureLog(
  options: { level?: LogLevel; format?: LogFormat } = {},
): Promise<void> {
  const { level = "info", format = "auto" } = options;
  const output = standardError();
  const terminal = output.isTerminal;
  const text = format === "text" || (format === "auto" && terminal);
  const formatter = text ? textFormatter(terminal && !Deno.noColor) : json;
  live = terminal && format === "auto" && !Deno.noColor ? new LiveLine(output) : null;
  await configure({
    reset: true,
    sinks: {
      stderr: (record: LogRecord) => {
        const formatted = formatter(record);
        const line = formatted.endsWith("\n") ? formatted : `${formatted}\n`;
        if (live) live.print(line);
        else output.write(line);
      },
    },
    loggers: [
      { category: "gossip", lowestLevel: level, sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stderr"] },
    ],
  });
}

/** Values read as part of the sentence: text without quotes; control characters in it are escaped all the same. */
function textFormatter(colours: boolean): TextFormatter {
  return (colours ? getAnsiColorFormatter : getTextFormatter)({ value: "bare" });
}

/** As for people: the message reads without quotes, and each value stands in `properties` as it is. */
function json(record: LogRecord): string {
  return jsonLinesFormatter({ ...record, message: [record.message.map(shown).join("")] });
}

function shown(part: unknown): string {
  return typeof part === "string" ? part : Deno.inspect(part);
}

/** The logger of one part, e.g. `logger("collector", "peer")`. Peer text goes through `printable` first. */
export function logger(...category: string[]): Logger {
  return getLogger(["gossip", ...category]);
}
