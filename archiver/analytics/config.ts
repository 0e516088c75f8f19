// The config of scheduled analytics: group `analytics` of the archiver's config file.

import * as v from "valibot";
import { checkSettings } from "../../query_results/catalog/parameters.ts";
import { selectQueries } from "../../query_results/catalog/catalog.ts";
import { duration, group, integer, size, text } from "../../shared/config.ts";
import { errorText } from "../../shared/errors.ts";
import { DAY_MS } from "../../shared/time.ts";
import { cronFault, HOUR_MS, windowSuffix } from "./schedule.ts";

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

const MAX_SETS = 20;

const cron = v.pipe(
  v.string("should be a cron expression"),
  v.rawCheck(({ dataset, addIssue }) => {
    const fault = dataset.typed ? cronFault(dataset.value) : null;
    if (fault !== null) addIssue({ message: fault });
  }),
);

const wholeHours = v.pipe(
  text(/^\d+[hd]$/, "whole hours or days, such as 6h, 1d or 7d"),
  duration(HOUR_MS, 31 * DAY_MS),
);

const settings = v.pipe(
  v.record(v.string(), v.union([v.string(), v.number(), v.boolean()])),
  v.transform((values) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]))
  ),
);

const set = v.pipe(
  v.strictObject({
    name: text(/^[A-Za-z0-9_-]{1,64}$/, "a name of letters, digits, _ and -"),
    cron: v.optional(cron, "30 0 * * *"),
    window: v.optional(wholeHours, "1d"),
    folder: v.optional(text(/^[^\0]{1,4096}$/, "the path of a folder"), "query_results/runs"),
    keep: v.optional(integer(1, 1_000_000), 400),
    only: v.optional(
      v.pipe(v.array(v.string()), v.minLength(1, "should name a query, or be left out")),
    ),
    settings: v.optional(settings, {}),
    reference: v.optional(v.boolean("should be true or false"), false),
  }, "should be a set of queries: keys such as name, cron and window"),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    try {
      checkSettings(selectQueries(dataset.value.only), dataset.value.settings);
    } catch (error) {
      // Out of the sandbox's reach: the start of analytics refuses it and names all folders at once.
      if ((error as Error).cause instanceof Deno.errors.NotCapable) return;
      addIssue({ message: errorText(error) });
    }
  }),
);

const sets = v.pipe(
  v.array(set, "should be a list of sets"),
  v.maxLength(MAX_SETS, `should be ${MAX_SETS} sets at most`),
  v.check(
    (sets) => new Set(sets.map(({ name }) => name)).size === sets.length,
    "should have names that differ",
  ),
  v.check(
    (sets) =>
      new Set(sets.map(({ folder, window }) => folder + windowSuffix(window))).size === sets.length,
    "should have folders of their own where their windows are equally long",
  ),
);

const schema = group({
  sets: v.optional(sets, []),
  work_folder: v.optional(
    text(/^[^\0:]{1,4096}$/, "the path of a folder, without colons"),
    "archive/analytics",
  ),
  max_copy: v.optional(size(MIB, 1024 * GIB), "8GiB"),
  threads: v.optional(integer(1, 256), 1),
  memory_limit: v.optional(size(64 * MIB, 1024 * GIB), "1GiB"),
  query_timeout: v.optional(duration(1000, DAY_MS), "10m"),
  run_timeout: v.optional(duration(1000, DAY_MS), "2h"),
  rows_kept: v.optional(integer(1, 100_000), 1000),
  catch_up: v.optional(integer(1, 31), 3),
  settle: v.optional(duration(0, DAY_MS), "5m"),
});

/** Queries that run together on a schedule; see `archiver.example.yaml`. Times in ms. */
export type QuerySet = v.InferOutput<typeof set>;

/** Scheduled analytics, checked and with defaults; see `archiver.example.yaml`. Times in ms, sizes in bytes. */
export type AnalyticsConfig = v.InferOutput<typeof schema>;

export const AnalyticsConfigSchema: v.GenericSchema<unknown, AnalyticsConfig> = schema;
