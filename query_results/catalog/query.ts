// A query: one SQL file whose header comment says what it asks, of what, and what spoils the answer.
//
// The header is the file's first lines, each `-- key: text`, continued by lines that begin with `--` and two or more
// spaces. Once each: `title`, `section`, `question`, `inputs`. Once or more: `pitfall`. Any number: `parameter` as
// `name TYPE LEAST..GREATEST = default, what it is` (no bounds for BOOLEAN). At most once: `order`, the place in the
// report (smaller first), `only-with-rows: true`, which keeps the query off the report while it has no rows, `by`, what its
// figures are split by, `worker`, what prepares tables for it, `delays: true`, which has each message's delays found beforehand, `telling`, the column by whose greatest values the report
// picks rows to show, and `summaries`: `always`, or the values of parameters with which finished days are read from their
// summaries. The SQL names window and parameters as
// `$window_from`, `$window_to`, `$name`.

import { UserError } from "../../shared/errors.ts";

export type ParameterType = "BIGINT" | "DOUBLE" | "BOOLEAN";

/** The width of a time bin, fitted to the window: `preferred` seconds unless that gives too few or too many bins. */
export interface AdaptiveBin {
  readonly preferred: number;
}

/** A span of network time in seconds; a run that is faster than the network uses as much less. */
export interface NetworkSeconds {
  readonly network: number;
}

export type ParameterValue = number | boolean;

/** A parameter's value that summaries serve, or what it must be a multiple of. */
export type ServedValue = ParameterValue | { readonly multipleOf: number };

export interface Bounds {
  readonly least: number;
  readonly greatest: number;
}

export interface Parameter {
  /** As in the SQL, without `$`. */
  readonly name: string;
  readonly type: ParameterType;
  readonly bounds: Bounds | null;
  readonly fallback: ParameterValue | AdaptiveBin | NetworkSeconds;
  readonly meaning: string;
}

/** A vega-lite specification without data: the runner adds `data`, sizes and the common look. */
export type ChartSpec = Readonly<Record<string, unknown>>;

export interface Query {
  /** Its file's name without `.sql`; also names its CSV and SVG. */
  readonly name: string;
  readonly title: string;
  readonly section: string;
  readonly order: number;
  readonly onlyWithRows: boolean;
  /** What its figures are split by, e.g. `implementation`. */
  readonly by?: string;
  readonly question: string;
  readonly inputs: string;
  readonly pitfalls: readonly string[];
  /** Makes the temporary tables that it reads; see `run.ts`. */
  readonly worker?: string;
  /** Whether it reads the macro `known_delays`: by its parameters `cap_seconds`, `reach_share` and `include_warmup`. */
  readonly asksDelays?: boolean;
  /** The column whose greatest values make a row worth showing; without it the first rows are. */
  readonly telling?: string;
  readonly parameters: readonly Parameter[];
  /** The parameters' values with which it may read summaries, by name; absent where it reads receipts alone. */
  readonly summaries?: ReadonlyMap<string, ServedValue>;
  /** The whole file. */
  readonly sql: string;
  readonly chart: ChartSpec;
}

/** Where a query without `order` stands: after this project's own sections, before the trends. */
const DEFAULT_ORDER = 700;
const WINDOW = ["window_from", "window_to"];
const FIELD =
  /^-- (title|section|order|only-with-rows|by|worker|delays|telling|question|inputs|summaries|pitfall|parameter): (.+)$/;
const PARAMETER =
  /^(\w+) (?:(BOOLEAN)|(BIGINT|DOUBLE) (\d+(?:\.\d+)?)\.\.(\d+(?:\.\d+)?)) = (\S+), (.+)$/;

/**
 * Reads a query's header.
 * @throws {UserError} when the header lacks a key, has an unknown or ill-formed one, or the SQL names a parameter that
 * the header does not declare or the other way round.
 */
export function parseQuery(name: string, sql: string, chart: ChartSpec): Query {
  const fields = new Map<string, string[]>();
  for (const [key, text] of headerFields(name, sql)) {
    fields.set(key, [...fields.get(key) ?? [], text]);
  }
  const few = (key: string, least: number) => {
    const texts = fields.get(key) ?? [];
    if (texts.length >= least && texts.length <= 1) return texts[0];
    throw new UserError(
      `${name}.sql: "${key}" should be there ${least === 0 ? "at most " : ""}once`,
    );
  };
  const one = (key: string) => few(key, 1)!;
  const summaries = parseSummaries(name, few("summaries", 0));
  const query: Query = {
    name,
    title: one("title"),
    section: one("section"),
    order: parseOrder(name, few("order", 0)),
    onlyWithRows: few("only-with-rows", 0) === "true",
    worker: few("worker", 0),
    asksDelays: few("delays", 0) === "true",
    telling: few("telling", 0),
    by: few("by", 0),
    question: one("question"),
    inputs: one("inputs"),
    pitfalls: fields.get("pitfall") ?? [],
    parameters: (fields.get("parameter") ?? []).map((text) => parseParameter(name, text)),
    ...summaries && { summaries },
    sql,
    chart,
  };
  if (query.pitfalls.length === 0) throw new UserError(`${name}.sql: no "pitfall"`);
  checkNames(query);
  return query;
}

function* headerFields(name: string, sql: string): Generator<[key: string, text: string]> {
  let field: [string, string] | undefined;
  for (const line of sql.split("\n")) {
    if (!line.startsWith("--")) break;
    const more = line.match(/^-- {2,}(\S.*)$/);
    if (more && field) {
      field[1] += ` ${more[1]}`;
      continue;
    }
    if (field) yield field;
    const start = line.match(FIELD);
    if (!start) throw new UserError(`${name}.sql: cannot read header line "${line}"`);
    field = [start[1], start[2]];
  }
  if (field) yield field;
}

function parseOrder(query: string, text = `${DEFAULT_ORDER}`): number {
  if (!/^\d{1,6}$/.test(text)) {
    throw new UserError(`${query}.sql: "order" should be a whole number, not "${text}"`);
  }
  return Number(text);
}

function parseSummaries(query: string, text?: string): Query["summaries"] {
  if (text === undefined) return undefined;
  if (text === "always") return new Map();
  return new Map(
    text.split(", ").map((item) => {
      const [, name, factor, value] = item.match(/^(\w+)=(n\*)?(\S+)$/) ?? [];
      const parsed = value && (parseValue("BOOLEAN", value) ?? parseValue("DOUBLE", value));
      if (parsed === undefined || parsed === "") {
        throw new UserError(`${query}.sql: cannot read "${item}" of "summaries"`);
      }
      return [name, factor ? { multipleOf: Number(parsed) } : parsed];
    }),
  );
}

function parseParameter(query: string, text: string): Parameter {
  const parts = text.match(PARAMETER);
  const [, name, boolean, number, least, greatest, preset, meaning] = parts ?? [];
  const type = (boolean ?? number) as ParameterType;
  const fallback = parts && parseFallback(type, preset);
  if (fallback === undefined || fallback === null) {
    throw new UserError(`${query}.sql: cannot read parameter "${text}"`);
  }
  const bounds = boolean ? null : { least: Number(least), greatest: Number(greatest) };
  return { name, type, bounds, fallback, meaning };
}

function parseFallback(type: ParameterType, text: string): Parameter["fallback"] | undefined {
  const adaptive = text.match(/^adaptive\((\d+)\)$/);
  if (adaptive) return { preferred: Number(adaptive[1]) };
  const network = text.match(/^network\((\d+)\)$/);
  if (network) return { network: Number(network[1]) };
  return parseValue(type, text);
}

/** A parameter's value as written in a header or a flag; undefined when it is none of its type. */
export function parseValue(type: ParameterType, text: string): ParameterValue | undefined {
  if (type === "BOOLEAN") return text === "true" ? true : text === "false" ? false : undefined;
  const pattern = type === "BIGINT" ? /^-?\d{1,15}$/ : /^-?\d{1,15}(\.\d+)?$/;
  return pattern.test(text) ? Number(text) : undefined;
}

/** The names that a query's SQL binds, in order, each once. */
export function boundNames(sql: string): string[] {
  const code = sql.replaceAll(/--.*$/gm, "");
  return [...new Set([...code.matchAll(/\$(\w+)/g)].map((match) => match[1]))];
}

function checkNames(query: Query): void {
  const declared = query.parameters.map((parameter) => parameter.name);
  const bound = boundNames(query.sql).filter((name) => !WINDOW.includes(name));
  const odd = [
    ...bound.filter((name) => !declared.includes(name)),
    ...declared.filter((name) => !bound.includes(name)),
    ...[...query.summaries?.keys() ?? []].filter((name) => !declared.includes(name)),
  ];
  if (odd.length > 0) {
    throw new UserError(
      `${query.name}.sql: parameter ${odd.join(", ")} is either undeclared or unused`,
    );
  }
}
