// Command lines: flags, `--help` and the one way a program ends. Flag parsing is imported here alone.

import { parseArgs } from "node:util";
import { errorText, finalError, UserError } from "./errors.ts";
import { printable } from "./text.ts";
import { isoTime, parseTime } from "./time.ts";

/** One flag. A value flag without `default` is `undefined` when absent. */
export interface Flag {
  /** A string by default. `boolean` takes no value; `time` is a day or an instant, parsed to µs since the Unix epoch. */
  readonly type?: "string" | "number" | "boolean" | "time";
  /** One line for `--help`. */
  readonly help: string;
  /** The value's name in `--help`, e.g. `FILE`. */
  readonly value?: string;
  readonly default?: string | number | boolean;
  readonly required?: true;
  /** `min` and `max` are included. */
  readonly min?: number;
  readonly max?: number;
  readonly fraction?: boolean;
  /** Given without its name, as the words after the flags. */
  readonly positional?: boolean;
}

/** What a command is, for its `--help` and its parser. */
export interface Command<F extends Record<string, Flag>> {
  /** Its command line, e.g. `deno task demo`. */
  readonly name: string;
  readonly summary: string;
  /** More for its own `--help`, after the summary. */
  readonly details?: string;
  /** Its flags by long name, without dashes. `help` is added to each command. */
  readonly flags: F;
  readonly examples?: readonly string[];
}

/** The flags of a half-open window, the same in every command. */
export const WINDOW_FLAGS = {
  from: {
    type: "time",
    value: "TIME",
    help: "start, such as 2025-09-26 or 2025-09-26T20:00:00Z (default: the first receipt)",
  },
  until: {
    type: "time",
    value: "TIME",
    help: "end, not included (default: after the last receipt)",
  },
} as const satisfies Record<string, Flag>;

/** The type of one flag's value: `undefined` is in it when the flag has no default and is not required. */
export type FlagValue<T extends Flag> = T extends { type: "boolean" } ? boolean
  :
    | (T extends { type: "number" | "time" } ? number : string)
    | (T extends { default: string | number } | { required: true } ? never : undefined);

/** The parsed values by flag name. */
export type FlagValues<F extends Record<string, Flag>> = { [K in keyof F]: FlagValue<F[K]> };

/**
 * Reads a command line.
 * @returns the values, or the text of `--help` when that was asked for.
 * @throws {UserError} on an unknown or missing flag, a missing value, a time or number that is malformed or out of range, or a
 * window that holds no time.
 */
export function parseFlags<const F extends Record<string, Flag>>(
  command: Command<F>,
  args: readonly string[],
): { values: FlagValues<F> } | { help: string } {
  const options: Record<string, { type: "string" | "boolean" }> = { help: { type: "boolean" } };
  for (const [name, flag] of Object.entries(command.flags)) {
    options[name] = { type: flag.type === "boolean" ? "boolean" : "string" };
  }
  const positional = positionalOf(command);
  let given: Record<string, string | boolean | undefined>;
  try {
    const allowPositionals = positional !== undefined;
    const parsed = parseArgs({ args: [...args], options, strict: true, allowPositionals });
    given = parsed.values;
    if (parsed.positionals.length > 0) given[positional!] = parsed.positionals.join(" ");
  } catch (error) {
    throw new UserError(
      `${command.name}: ${errorText(error).split(". ")[0]}. See ${command.name} --help`,
    );
  }
  if (given.help) return { help: helpText(command) };
  const missing = Object.keys(command.flags)
    .filter((name) => command.flags[name].required && !given[name])
    .map((name) => `--${name}`);
  if (missing.length > 0) {
    const all = `${missing.join(" and ")} ${missing.length === 1 ? "is" : "are"} required`;
    throw new UserError(`${command.name}: ${all}. See ${command.name} --help`);
  }
  const values: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(command.flags)) {
    const raw = given[name] ?? flag.default;
    values[name] = readValue(command.name, name, flag, raw);
  }
  if (command.flags.until?.type === "time") checkWindow(command.name, values);
  return { values: values as FlagValues<F> };
}

function positionalOf({ flags }: Command<Record<string, Flag>>): string | undefined {
  return Object.keys(flags).find((name) => flags[name].positional);
}

function readValue(
  command: string,
  name: string,
  flag: Flag,
  raw: string | number | boolean | undefined,
): string | number | boolean | undefined {
  if (flag.type === "boolean") return raw ?? false;
  if (raw === undefined) return raw;
  if (flag.type === "number") return readNumber(command, name, flag, raw);
  return flag.type === "time" ? readTime(command, name, String(raw)) : raw;
}

/** Refuses a flag's value. @param wish completes "it should be …". @throws {UserError} always. */
export function refuseFlag(command: string, name: string, value: string, wish: string): never {
  throw new UserError(`${command}: --${name} is "${printable(value, 80)}"; it should be ${wish}`);
}

function readTime(command: string, name: string, text: string): number {
  const instant = parseTime(text);
  if (!Number.isNaN(instant)) return instant;
  const wish = "a day such as 2025-09-26, or an instant with its zone such as 2025-09-26T20:00:00Z";
  return refuseFlag(command, name, text, `${wish}, between 1684 and 2255`);
}

/** Checks {@link WINDOW_FLAGS}. @throws {UserError} when the window ends before it begins or holds no time. */
function checkWindow(
  command: string,
  { from = -Infinity, until = Infinity }: { readonly from?: number; readonly until?: number },
): void {
  if (from < until) return;
  throw new UserError(
    `${command}: --until is ${isoTime(until)}, which is not after --from ${isoTime(from)}`,
  );
}

/** A window as people read it. */
export function windowText(
  { from, until }: { readonly from?: number | null; readonly until?: number | null },
): string {
  const parts = [
    from === undefined || from === null ? [] : [`from ${isoTime(from)}`],
    until === undefined || until === null ? [] : [`until ${isoTime(until)}`],
  ].flat();
  return parts.length === 0 ? "all of it" : parts.join(" ");
}

function readNumber(
  command: string,
  name: string,
  flag: Flag,
  raw: string | number | boolean,
): number {
  const number = Number(raw);
  const { min = -Infinity, max = Infinity, fraction = false } = flag;
  const isNumber = raw !== "" && (fraction ? Number.isFinite(number) : Number.isInteger(number));
  if (!isNumber || number < min || number > max) {
    const kind = fraction ? "a number" : "a whole number";
    return refuseFlag(command, name, String(raw), `${kind} from ${min} to ${max}`);
  }
  return number;
}

function helpText(command: Command<Record<string, Flag>>): string {
  const rows = Object.entries(command.flags).map(([name, flag]) => {
    const left = flag.positional
      ? flag.value!
      : flag.type === "boolean"
      ? `--${name}`
      : `--${name} ${flag.value ?? (flag.type ?? "string").toUpperCase()}`;
    const fallback = flag.default === undefined || flag.default === false
      ? ""
      : ` (default: ${flag.default})`;
    return [left, flag.help + (flag.required ? " (required)" : fallback)];
  });
  rows.push(["--help", "print this text"]);
  const width = Math.max(...rows.map(([left]) => left.length));
  const details = command.details === undefined ? [] : [command.details, ""];
  const positional = positionalOf(command);
  const usage = `Usage: ${command.name} [flags]` +
    (positional === undefined ? "" : ` ${command.flags[positional].value}`);
  const lines = [command.summary, "", ...details, usage, "", "Flags:"];
  for (const [left, right] of rows) {
    const [first, ...rest] = wrapped(right, HELP_COLUMNS - width - 4);
    lines.push(
      `  ${left.padEnd(width)}  ${first}`,
      ...rest.map((line) => " ".repeat(width + 4) + line),
    );
  }
  if (command.examples?.length) {
    lines.push("", "Examples:", ...command.examples.map((line) => `  ${line}`));
  }
  return lines.join("\n");
}

const HELP_COLUMNS = 100;

/** Lines of at most `columns` characters, unless a word is longer. */
function wrapped(text: string, columns: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = `${lines.at(-1)} ${word}`.trimStart();
    if (line.length <= columns || lines.at(-1) === "") lines[lines.length - 1] = line;
    else lines.push(word);
  }
  return lines;
}

/** One of several commands of a program. */
export interface Subcommand {
  readonly summary: string;
  /** Runs it, or prints its `--help`. Resolves to the exit code, 0 by default. Throws as {@link parseFlags} does. */
  readonly run: (args: readonly string[]) => Promise<number | void>;
}

/** Binds a command to what runs it. Its name is the program's and its own, e.g. `deno task archive verify`. */
export function subcommand<const F extends Record<string, Flag>>(
  command: Command<F>,
  run: (values: FlagValues<F>) => Promise<number | void>,
): Subcommand {
  return {
    summary: command.summary,
    run: async (args) => {
      const parsed = parseFlags(command, args);
      if ("values" in parsed) return await run(parsed.values);
      console.log(parsed.help);
    },
  };
}

/** A program of several commands. */
export interface Program {
  /** Its command line, e.g. `deno task archive`. */
  readonly name: string;
  readonly summary: string;
  readonly commands: Readonly<Record<string, Subcommand>>;
  /** What runs when no command is named. Without it, that ends with the program's help and exit code 2. */
  readonly fallback?: string;
}

/**
 * Finds the command that a command line names.
 * @returns it and its arguments, or the text of `--help` when the program's own was asked for.
 * @throws {UserError} when the command is unknown, or none is named and there is no fallback.
 */
export function chooseCommand(
  program: Program,
  args: readonly string[],
): { command: Subcommand; args: readonly string[] } | { help: string } {
  const { name, commands, fallback } = program;
  const [first, ...rest] = args;
  if (first === "--help") return { help: programHelp(program) };
  if (fallback !== undefined && (first === undefined || first.startsWith("-"))) {
    return { command: commands[fallback], args };
  }
  if (first === undefined) throw new UserError(programHelp(program));
  if (!Object.hasOwn(commands, first)) {
    const known = Object.keys(commands).join(", ");
    throw new UserError(`${name}: unknown command "${first}"; use one of ${known}`);
  }
  return { command: commands[first], args: rest };
}

function programHelp({ name, summary, commands, fallback }: Program): string {
  const width = Math.max(...Object.keys(commands).map((command) => command.length));
  const lines = [
    summary,
    "",
    `Usage: ${name} ${fallback ? "[command]" : "COMMAND"} [flags]`,
    "",
    "Commands:",
  ];
  for (const [command, { summary }] of Object.entries(commands)) {
    const text = command === fallback ? `${summary}\n(The default.)` : summary;
    const [first, ...rest] = text.split("\n");
    lines.push(`  ${command.padEnd(width)}  ${first}`);
    for (const line of rest) lines.push(" ".repeat(width + 4) + line);
  }
  lines.push("", `Run ${name} COMMAND --help for the flags of a command.`);
  return lines.join("\n");
}

/**
 * The body of a `main.ts`: parses flags, prints `--help`, runs, and ends the process with the right code: what `run`
 * returns, or a {@link UserError}'s own, its message on standard error as one clear text without a stack.
 */
export function runMain<const F extends Record<string, Flag>>(
  command: Command<F>,
  run: (values: FlagValues<F>) => Promise<number | void>,
): Promise<never> {
  return endWith(() => subcommand(command, run).run(Deno.args));
}

/** The body of a `main.ts` of several commands; else as {@link runMain}. */
export function runProgram(program: Program): Promise<never> {
  return endWith(async () => {
    const chosen = chooseCommand(program, Deno.args);
    if ("command" in chosen) return await chosen.command.run(chosen.args);
    console.log(chosen.help);
  });
}

async function endWith(run: () => Promise<number | void>): Promise<never> {
  try {
    Deno.exit(await run() ?? 0);
  } catch (thrown) {
    const error = finalError(thrown);
    if (!(error instanceof UserError)) throw thrown;
    console.error(error.message);
    Deno.exit(error.exitCode);
  }
}

/** A signal that aborts on SIGINT or SIGTERM; a second signal ends the process at once with 130. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(name, () => {
      if (controller.signal.aborted) Deno.exit(130);
      controller.abort(new UserError(`stopped by ${name}`, { exitCode: 0 }));
    });
  }
  return controller.signal;
}
