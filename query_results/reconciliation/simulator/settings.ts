// What to simulate: the config file's schema. Defaults are the calibrated network.

import * as v from "valibot";
import { duration, group, integer, oneOf, parseConfig } from "../../../shared/config.ts";
import { UserError } from "../../../shared/errors.ts";
import { MAX_NODES } from "./graph.ts";
import { IMPLEMENTATIONS } from "./implementations.ts";
import type { ProtocolFile } from "./protocol.ts";

const HOUR = 3_600_000;

function number(min: number, max: number) {
  const message = `should be a number from ${min} to ${max}`;
  return v.pipe(v.number(message), v.minValue(min, message), v.maxValue(max, message));
}

function range(min: number, max: number, fallback: [string, string]) {
  const message = "should be two times, the shorter first";
  return v.optional(
    v.pipe(
      v.tuple([duration(min, max), duration(min, max)], message),
      v.check(([low, high]) => low <= high, message),
    ),
    fallback,
  );
}

const perImplementation = (schema: v.GenericSchema<number>, defaults: readonly number[]) =>
  group(Object.fromEntries(
    IMPLEMENTATIONS.map(({ name }, i) => [name, v.optional(schema, defaults[i])]),
  ));

const share = number(0, 1);

const schema = v.strictObject({
  seed: v.optional(integer(0, 2 ** 31), 1),
  hours: v.optional(number(0.01, 48), 1),
  rate: v.optional(number(0.001, 100), 2.44),
  /** A table of messages that `deno task lab traffic` wrote, in place of messages drawn at this rate. */
  traffic: v.optional(v.string("should be a path")),
  network: group({
    nodes: v.optional(integer(2, MAX_NODES), 2000),
    /** `hubs`: each node links to `links` earlier ones; `regular`: each has `links`. */
    shape: v.optional(oneOf(["hubs", "regular"]), "hubs"),
    links: v.optional(integer(1, 1000), 3),
    /** A channel list, instead of the three above. */
    file: v.optional(v.string("should be a path")),
    largest_part: v.optional(v.boolean("should be true or false"), false),
    latency: range(0, 10_000, ["20ms", "150ms"]),
  }),
  population: group({
    mix: perImplementation(share, [0.59, 0.17, 0.21, 0.03]),
    /** Peers that each implementation asks for gossip; more than there are means all. */
    sync_links: perImplementation(integer(1, 1000), [3, 8, 1000, 1000]),
    /** Share of nodes that act on what came after a mean delay within `slow_acts`; that of all others is within `acts`. */
    slow: v.optional(share, 0.5),
    slow_acts: range(0, 600_000, ["0s", "167s"]),
    acts: range(0, 600_000, ["0s", "10s"]),
    timer_scale: v.optional(number(0.001, 10), 1),
  }),
  /** The nodes that an observer is connected to; 0: none. */
  observer: v.optional(integer(0, MAX_NODES), 978),
  churn: v.optional(v.strictObject({
    online: duration(60_000, 1000 * HOUR),
    offline: duration(1000, 1000 * HOUR),
  })),
  adoption: v.optional(share, 1),
  liars: v.optional(share, 0),
  filters: v.optional(share, 0),
  /** Share of subjects that a filter refuses. */
  refused: v.optional(share, 0.05),
  /** Rounds whose sketches are really decoded. */
  decoded: v.optional(integer(0, 1_000_000), 1000),
  protocols: v.optional(
    v.array(
      v.strictObject({
        name: v.string("should be a protocol's name"),
        /** The protocol's name in results, where one is run with several sets of options. */
        label: v.optional(v.string("should be text")),
        options: v.optional(v.record(v.string(), v.unknown()), {}),
      }),
      "should be a list of protocols",
    ),
    [{ name: "flood" }],
  ),
  /** One of the numbers above, or an option of protocols, with the values to try. */
  sweep: v.optional(v.strictObject({
    parameter: v.string("should be a parameter's name"),
    values: v.pipe(
      v.array(v.union([v.number(), v.string(), v.boolean()])),
      v.minLength(1, "should be a list of values"),
      v.maxLength(100, "should have 100 values at most"),
    ),
  })),
});

export type Settings = v.InferOutput<typeof schema>;

/**
 * The config file. The defaults of mix, sync links and `acts` were fitted by hand until flooding held the calibration
 * table (2,000 nodes, 978 of them observed, one hour). Of seeds 1 to 10 eight hold 9 of 9 rows; in the others the few largest
 * hubs are linked otherwise: seed 5 is above the bound of P5 by 0.2 s, seed 6 below that of P25 by 4 s. Timers and own-message
 * rules are the implementations' own; the mix is a parameter of the fit, not the mainnet's, whose LND share is higher.
 */
export const SETTINGS: v.GenericSchema<unknown, Settings> = schema;

/** Parameters beside the protocols' own that a sweep may vary. */
const SWEPT = ["seed", "rate", "adoption", "liars", "filters", "refused", "observer"] as const;

export interface PlannedRun {
  readonly label: string;
  readonly protocol: string;
  readonly file: ProtocolFile;
  readonly options: unknown;
  readonly settings: Settings;
  /** The sweep's value; null without a sweep. */
  readonly value: number | string | boolean | null;
}

/**
 * All runs: protocols by values of the sweep; flooding, with which the others are compared, first.
 *
 * @throws {UserError} naming every unknown protocol and wrong option.
 */
export function planRuns(
  settings: Settings,
  protocols: ReadonlyMap<string, ProtocolFile>,
): PlannedRun[] {
  const faults: string[] = [];
  const { sweep } = settings;
  const values = sweep?.values ?? [null];
  const wanted = settings.protocols.some(({ name }) => name === "flood")
    ? settings.protocols
    : [{ name: "flood", options: {}, label: undefined }, ...settings.protocols];
  const isShared = sweep !== undefined && (SWEPT as readonly string[]).includes(sweep.parameter);
  let isUsed = isShared;
  const runs: PlannedRun[] = [];
  for (const { name, label, options } of wanted) {
    const file = protocols.get(name);
    if (!file) {
      faults.push(`no protocol "${name}"; there are ${[...protocols.keys()].join(", ")}`);
      continue;
    }
    const entries = (file.options as unknown as { entries: object }).entries;
    const isOwn = !isShared && sweep !== undefined && Object.hasOwn(entries, sweep.parameter);
    isUsed ||= isOwn;
    for (const value of isShared || isOwn ? values : [null]) {
      try {
        const varied = isShared ? { ...settings, [sweep!.parameter]: value } : settings;
        if (isShared) parseConfig(JSON.stringify({ [sweep!.parameter]: value }), SETTINGS, "sweep");
        const given = isOwn ? { ...options, [sweep!.parameter]: value } : options;
        runs.push({
          label: label ?? name,
          protocol: name,
          file,
          options: parseConfig(JSON.stringify(given), file.options, `options of ${name}`),
          settings: varied,
          value,
        });
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        faults.push(error.message);
      }
    }
  }
  if (sweep && !isUsed) {
    faults.push(
      `no parameter "${sweep.parameter}" to sweep; there are ${
        SWEPT.join(", ")
      } and the protocols' options`,
    );
  }
  if (faults.length > 0) throw new UserError([...new Set(faults)].join("\n"));
  return runs.sort((a, b) => Number(b.protocol === "flood") - Number(a.protocol === "flood"));
}
