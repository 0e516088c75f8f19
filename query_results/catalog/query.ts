/**
 * A query: one SQL file whose header comment says what it asks, of what, and what spoils the answer.
 *
 * The header is the file's first lines, each `-- key: text`, continued by lines that begin with `--` and two or more
 * spaces. Keys: `title`, `question`, `inputs` once each; `pitfall` once or more; `parameter` as
 * `name TYPE = default, what it is`. Window and parameters are named in the SQL as `$window_from`, `$window_to`,
 * `$name`.
 *
 * @module
 */

/** What a parameter may be. */
export type ParameterType = "BIGINT" | "DOUBLE" | "BOOLEAN";

/** The width of a time bin in seconds, fitted to the window: `preferred` unless that gives too few or too many bins. */
export interface AdaptiveBin {
  /** In seconds. */
  readonly preferred: number;
}

/** A parameter's value. */
export type ParameterValue = number | boolean;

/** A named parameter of a query. */
export interface Parameter {
  /** As in the SQL, without `$`. */
  readonly name: string;
  /** Its SQL type. */
  readonly type: ParameterType;
  /** What holds unless it is set. */
  readonly fallback: ParameterValue | AdaptiveBin;
  /** What it is, in a few words. */
  readonly meaning: string;
}

/** A vega-lite specification without data: the runner adds `data`, sizes and the common look. */
export type ChartSpec = Readonly<Record<string, unknown>>;

/** A query with its chart. */
export interface Query {
  /** Its file's name without `.sql`; also names its CSV and SVG. */
  readonly name: string;
  /** A heading. */
  readonly title: string;
  /** What it asks, as a question. */
  readonly question: string;
  /** The tables and columns it reads. */
  readonly inputs: string;
  /** What spoils the answer. */
  readonly pitfalls: readonly string[];
  /** What may be set. */
  readonly parameters: readonly Parameter[];
  /** The whole file. */
  readonly sql: string;
  /** How it is drawn. */
  readonly chart: ChartSpec;
}

const WINDOW = ["window_from", "window_to"];
const PARAMETER = /^(\w+) (BIGINT|DOUBLE|BOOLEAN) = (\S+), (.+)$/;

/**
 * Reads a query's header.
 *
 * @throws {TypeError} when the header lacks a key, has an unknown or ill-formed one, or the SQL names a parameter that
 * the header does not declare or the other way round: a fault of this project's own files.
 */
export function parseQuery(name: string, sql: string, chart: ChartSpec): Query {
  const fields = new Map<string, string[]>();
  for (const [key, text] of headerFields(name, sql)) {
    fields.set(key, [...fields.get(key) ?? [], text]);
  }
  const one = (key: string) => {
    const texts = fields.get(key);
    if (texts?.length !== 1) throw new TypeError(`${name}.sql: "${key}" should be there once`);
    return texts[0];
  };
  const query: Query = {
    name,
    title: one("title"),
    question: one("question"),
    inputs: one("inputs"),
    pitfalls: fields.get("pitfall") ?? [],
    parameters: (fields.get("parameter") ?? []).map((text) => parseParameter(name, text)),
    sql,
    chart,
  };
  if (query.pitfalls.length === 0) throw new TypeError(`${name}.sql: no "pitfall"`);
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
    const start = line.match(/^-- (title|question|inputs|pitfall|parameter): (.+)$/);
    if (!start) throw new TypeError(`${name}.sql: cannot read header line "${line}"`);
    field = [start[1], start[2]];
  }
  if (field) yield field;
}

function parseParameter(query: string, text: string): Parameter {
  const parts = text.match(PARAMETER);
  const fallback = parts && parseFallback(parts[2] as ParameterType, parts[3]);
  if (!parts || fallback === undefined || fallback === null) {
    throw new TypeError(`${query}.sql: cannot read parameter "${text}"`);
  }
  return { name: parts[1], type: parts[2] as ParameterType, fallback, meaning: parts[4] };
}

function parseFallback(
  type: ParameterType,
  text: string,
): ParameterValue | AdaptiveBin | undefined {
  const adaptive = text.match(/^adaptive\((\d+)\)$/);
  if (adaptive) return { preferred: Number(adaptive[1]) };
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
  ];
  if (odd.length > 0) {
    throw new TypeError(
      `${query.name}.sql: parameter ${odd.join(", ")} is either undeclared or unused`,
    );
  }
}
