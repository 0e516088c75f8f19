// Config files: YAML in, one typed object out, or every fault at once. YAML parsing is imported here alone.

import * as v from "valibot";
import { parse as parseYaml } from "yaml";
import { errorText, firstLine, UserError } from "./errors.ts";
import { printable } from "./text.ts";

/**
 * Reads and checks a YAML config file.
 * @param example the file to start from when there is none.
 * @throws {UserError} naming the file when it cannot be read, is not YAML, or breaks the schema; in the last case one
 * line per fault: path, value and what would be right.
 */
export async function readConfig<S extends v.GenericSchema>(
  path: string,
  schema: S,
  example?: string,
): Promise<v.InferOutput<S>> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    const hint = example === undefined ? "" : `; start from ${example}`;
    const why = error instanceof Deno.errors.NotFound ? `no such file${hint}` : errorText(error);
    throw new UserError(`Cannot read config ${path}: ${why}`, { cause: error });
  }
  return parseConfig(text, schema, path);
}

/** {@link readConfig} on text already read; `name` stands for the file in errors. Throws as it does. */
export function parseConfig<S extends v.GenericSchema>(
  text: string,
  schema: S,
  name: string,
): v.InferOutput<S> {
  let value: unknown;
  try {
    // maxAliasCount 0: a config needs no aliases, and "billion laughs" needs them.
    value = parseYaml(text, { maxAliasCount: 0 }) ?? {};
  } catch (error) {
    throw new UserError(
      `Cannot read config ${name}: not YAML: ${firstLine(error)}`,
      { cause: error },
    );
  }
  if (!isGroup(value)) {
    throw new UserError(`Cannot use config ${name}: it should be keys with values, such as "log:"`);
  }
  const checked = checkConfig(value, schema);
  if ("output" in checked) return checked.output;
  const { faults } = checked;
  const count = faults.length === 1 ? "1 fault" : `${faults.length} faults`;
  throw new UserError(
    [`Cannot use config ${name}: ${count}`, ...faults.map((fault) => `  ${fault}`)].join("\n"),
  );
}

/** Checks a value against a schema. @returns what it means, or one line per fault. */
export function checkConfig<S extends v.GenericSchema>(
  value: unknown,
  schema: S,
): { readonly output: v.InferOutput<S> } | { readonly faults: readonly string[] } {
  const result = v.safeParse(schema, value);
  return result.success ? { output: result.output } : { faults: result.issues.map(describeIssue) };
}

/** Characters of a value or a path. */
const MAX_SHOWN = 60;

/** One line for one broken rule: `peers.target: -3 — should be an integer from 1 to 5000`. */
function describeIssue(issue: v.BaseIssue<unknown>): string {
  const path = printable(v.getDotPath(issue) ?? "(top level)", MAX_SHOWN);
  // Of a rule over several keys `input` is the whole config.
  const input = issue.path ? issue.path.at(-1)!.value : issue.input;
  if (issue.expected === "never") return `${path}: unknown key; remove it or check its spelling`;
  if (input === undefined) return `${path}: missing; it has no default`;
  const value = typeof input === "string"
    ? `"${printable(withoutSecret(input), MAX_SHOWN)}"`
    : shortJson(input);
  return `${path}: ${value} — ${issue.message}`;
}

function shortJson(value: unknown): string {
  const json = JSON.stringify(
    value,
    (_, inner) => typeof inner === "string" ? withoutSecret(inner) : inner,
  ).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, " ");
  return json.length > MAX_SHOWN ? `${json.slice(0, MAX_SHOWN)}…` : json;
}

/** An address may hold a password. */
function withoutSecret(text: string): string {
  return text.replace(/^([a-z]*:\/\/)?.*@/s, "$1…@");
}

const GROUP = "should be a group of keys";

/** A group of keys that may be left out or empty: then each key in it has its default. */
export function group<const E extends v.ObjectEntries>(
  entries: E,
): v.GenericSchema<unknown, v.InferOutput<v.StrictObjectSchema<E, string>>> {
  const schema = v.pipe(v.custom<object>(isGroup, GROUP), v.strictObject(entries, GROUP));
  return v.nullish(schema, {});
}

/** Whether it is keys with values: to valibot a list is an object too; its faults would name keys 0, 1, 2. */
export function isGroup(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An integer from `min` to `max`, both included, with a message that says so. */
export function integer(min: number, max: number): v.GenericSchema<number> {
  const message = `should be an integer from ${min} to ${max}`;
  return v.pipe(
    v.number(message),
    v.integer(message),
    v.minValue(min, message),
    v.maxValue(max, message),
  );
}

/** Text that matches `pattern`; `what` completes "should be …". */
export function text(pattern: RegExp, what: string): v.GenericSchema<string> {
  const message = `should be ${what}`;
  return v.pipe(v.string(message), v.regex(pattern, message));
}

/** One of the given words. */
export function oneOf<const T extends readonly string[]>(words: T): v.GenericSchema<T[number]> {
  return v.picklist(words, `should be one of ${words.join(", ")}`);
}

const UNIT_MS: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * A span of time written as `250ms`, `30s`, `10m`, `23.5h` or `7d`; parsed to milliseconds.
 * @param min @param max the allowed range, in milliseconds, both included.
 */
export function duration(min: number, max: number): v.GenericSchema<string, number> {
  const message = `should be a time such as 250ms, 30s, 10m, 24h or 7d, from ${
    written(min, UNIT_MS)
  } to ${written(max, UNIT_MS)}`;
  return v.pipe(
    v.string(message),
    v.check((value) => within(read(value, UNIT_MS), min, max), message),
    v.transform((value) => read(value, UNIT_MS)),
  );
}

const UNIT_BYTES: Record<string, number> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
};

/** A size written as `512KiB`, `64MiB` or `10GiB`; parsed to bytes. `min` and `max` are bytes, both included. */
export function size(min: number, max: number): v.GenericSchema<string, number> {
  const message = `should be a size such as 512KiB, 64MiB or 10GiB, from ${
    written(min, UNIT_BYTES)
  } to ${written(max, UNIT_BYTES)}`;
  return v.pipe(
    v.string(message),
    v.check((value) => within(read(value, UNIT_BYTES), min, max), message),
    v.transform((value) => read(value, UNIT_BYTES)),
  );
}

/** The number that a text such as `1.5MiB` stands for; NaN when it is not a number with one of the units. */
function read(text: string, units: Record<string, number>): number {
  const [, number, unit] = text.match(/^(\d+(?:\.\d+)?)([A-Za-z]+)$/) ?? [];
  return Math.round(Number(number) * (units[unit] ?? NaN));
}

function within(value: number, min: number, max: number): boolean {
  return value >= min && value <= max;
}

/** A number in the largest unit that leaves it whole. */
function written(value: number, units: Record<string, number>): string {
  const [unit, factor] = Object.entries(units).findLast(([, factor]) => value % factor === 0)!;
  return `${value / factor}${unit}`;
}
