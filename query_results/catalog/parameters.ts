import { UserError } from "../../shared/errors.ts";
import { grouped, printable } from "../../shared/text.ts";
import { DAY_US } from "../../shared/time.ts";
import { type Parameter, type ParameterValue, parseValue, type Query } from "./query.ts";

/** A span of time, half open; µs since the Unix epoch. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

export interface UsedParameter {
  readonly parameter: Parameter;
  readonly value: ParameterValue;
  /** Why it is not the default, or empty. */
  readonly note: string;
}

/** Bin widths that read well: 1 s to a day. */
const BIN_SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400];
/** Fewer bins do not show a course. */
const LEAST_BINS = 24;
/** More bins are neither legible nor quick to draw. */
const MOST_BINS = 2000;
/** More bins that were asked for: some MB of CSV and SVG. */
const MOST_SET_BINS = 20_000;
const DAY_SECONDS = DAY_US / 1e6;

/** The width nearest to `preferred`, in seconds, that gives a window {@link LEAST_BINS} to {@link MOST_BINS} bins. */
export function adaptiveBinSeconds(preferred: number, window: Window): number {
  const seconds = (window.to - window.from) / 1e6;
  if (seconds / preferred > MOST_BINS) {
    return BIN_SECONDS.find((width) => seconds / width <= MOST_BINS) ??
      Math.ceil(seconds / MOST_BINS / DAY_SECONDS) * DAY_SECONDS;
  }
  if (seconds / preferred >= LEAST_BINS) return preferred;
  const narrower = BIN_SECONDS.filter((width) => width < preferred);
  return narrower.findLast((width) => seconds / width >= LEAST_BINS) ?? BIN_SECONDS[0];
}

/**
 * The parameters of `query` for a window; `settings` may hold those of other queries too.
 * @param scale seconds of network time per second of the run.
 * @throws {UserError}
 */
export function useParameters(
  query: Query,
  window: Window,
  settings: Readonly<Record<string, string>> = {},
  scale = 1,
): UsedParameter[] {
  return query.parameters.map((parameter) => {
    const { name, fallback } = parameter;
    if (Object.hasOwn(settings, name)) {
      const value = readSetting(parameter, settings[name]);
      if (typeof fallback === "object" && "preferred" in fallback) {
        checkBins(name, Number(value), window);
      }
      return { parameter, value, note: "set for this run" };
    }
    if (typeof fallback !== "object") return { parameter, value: fallback, note: "" };
    if ("network" in fallback) {
      const note = scale === 1 ? "" : `${fallback.network} s of network time`;
      return { parameter, value: fallback.network / scale, note };
    }
    const value = adaptiveBinSeconds(fallback.preferred, window);
    const note = value === fallback.preferred
      ? ""
      : `${fallback.preferred} s unless the window is too ${
        value < fallback.preferred ? "short" : "long"
      } for that, as here`;
    return { parameter, value, note };
  });
}

/** Of all queries: `own` leaves out what was read out of other nodes' logs, `all` does not. */
export const SOURCES_SETTING = "sources";

/** Checks that each setting belongs to one of `queries` and is a value that it takes. @throws {UserError} */
export function checkSettings(
  queries: readonly Query[],
  settings: Readonly<Record<string, string>>,
): void {
  const parameters = queries.flatMap((query) => query.parameters);
  const known = new Set(parameters.map((parameter) => parameter.name));
  const { [SOURCES_SETTING]: sources = "all", ...others } = settings;
  if (sources !== "own" && sources !== "all") {
    throw new UserError(`Cannot set sources: "${printable(sources, 40)}" should be own or all`);
  }
  const unknown = Object.keys(others).filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new UserError(
      `Cannot set ${unknown.map((name) => printable(name, 40)).join(", ")}: ` +
        `the selected queries take ${[...known].sort().join(", ") || "no parameters"}`,
    );
  }
  for (const parameter of parameters) {
    const { name } = parameter;
    if (Object.hasOwn(settings, name)) readSetting(parameter, settings[name]);
  }
}

function readSetting(parameter: Parameter, text: string): ParameterValue {
  const { name, type, bounds } = parameter;
  const value = parseValue(type, text);
  const isInside = typeof value !== "number" || bounds === null ||
    (value >= bounds.least && value <= bounds.greatest);
  if (value === undefined || !isInside) {
    throw new UserError(
      `Cannot set ${name}: "${printable(text, 40)}" should be ${valuesText(parameter)}`,
    );
  }
  return value;
}

/** The values that a parameter takes, for people. */
export function valuesText({ type, bounds }: Parameter): string {
  if (bounds === null) return "true or false";
  const kind = type === "BIGINT" ? "an integer" : "a number";
  return `${kind} from ${bounds.least} to ${bounds.greatest}`;
}

function checkBins(name: string, width: number, window: Window): void {
  const seconds = (window.to - window.from) / 1e6;
  if (seconds / width <= MOST_SET_BINS) return;
  throw new UserError(
    `Cannot set ${name}: ${width} makes ${grouped(seconds / width)} bins of this window; ` +
      `it should be ${Math.ceil(seconds / MOST_SET_BINS)} or more`,
  );
}
