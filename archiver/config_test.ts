import assert from "node:assert/strict";
import { parseConfig } from "../shared/config.ts";
import example from "./archiver.example.yaml" with { type: "text" };
import { ArchiverConfigSchema } from "./config.ts";

const parse = (text: string) => parseConfig(text, ArchiverConfigSchema, "test.yaml");

Deno.test("the example shows the defaults", () => {
  assert.deepEqual(parse(example), parse(""));
});

Deno.test("the example's nats group, uncommented, shows that group's defaults", () => {
  const start = example.indexOf("# nats:");
  const group = example.slice(start, example.indexOf("\n\n", start)).replaceAll(/^# ?/gm, "");
  const { nats } = parse(group);
  assert.deepEqual(nats, parse("nats: {servers: ['nats://127.0.0.1:4222']}").nats);
});

for (const name of ["postgres", "quack"] as const) {
  Deno.test(`the example's ${name} group, uncommented, shows that group's defaults`, () => {
    const start = example.indexOf(`# ${name}:`);
    const group = example.slice(start, example.indexOf("\n\n", start)).replaceAll(/^# ?/gm, "");
    assert.deepEqual(parse(group)[name], parse(`${name}: {}`)[name]);
  });
}

Deno.test("the example's publish group, uncommented, shows that group's defaults", () => {
  const start = example.indexOf("  # publish:");
  const group = example.slice(start, example.indexOf("\n\n", start)).replaceAll(/^ {2}# ?/gm, "  ");
  const { access_key_file: _access, secret_key_file: _secret, ...shown } = parse(`days:\n${group}`)
    .days
    .publish!;
  const least = "days: {publish: {endpoint: 'http://127.0.0.1:9000', bucket: gossip}}";
  assert.deepEqual(shown, parse(least).days.publish);
});

Deno.test("the example's set, uncommented, shows a set's defaults", () => {
  const [, shown] = example.match(/\n {2}#\n((?: {2}# .*\n)+) {2}sets: \[\]\n/)!;
  const uncommented = shown.replaceAll(/^ {2}# /gm, "  ").replace(/^ *only: .*\n/m, "");
  const { sets } = parse(`analytics:\n  sets:\n${uncommented}`).analytics;
  assert.deepEqual(sets, parse("analytics: {sets: [{name: daily}]}").analytics.sets);
});

Deno.test("a set that cannot be run is refused, with what would be right", () => {
  const faults: [set: string, fault: RegExp][] = [
    [
      "{name: a, cron: '61 * * * *'}",
      /sets\.0\.cron: "61 \* \* \* \*" — should be a cron expression of five/,
    ],
    ["{name: a, cron: '0 0 30 2 *'}", /sets\.0\.cron: .* no time matches this one/],
    ["{name: a, only: [nonsense]}", /There is no query nonsense; there are convergence_delay/],
    ["{name: a, only: [gaps], settings: {reach_share: 0.5}}", /Cannot set reach_share/],
    ["{name: a, settings: {reach_share: half}}", /"half" should be a number from 0.* to 1/],
    [
      "{name: a, window: 90m}",
      /sets\.0\.window: "90m" — should be whole hours or days, such as 6h/,
    ],
    ["{name: 'a b'}", /sets\.0\.name: "a b" — should be a name/],
    ["{name: a}, {name: a, window: 1h}", /analytics\.sets: .* should have names that differ/],
    [
      "{name: a}, {name: b}",
      /should have folders of their own where their windows are equally long/,
    ],
    ["{}", /sets\.0\.name: missing/],
  ];
  for (const [set, fault] of faults) {
    assert.throws(() => parse(`analytics: {sets: [${set}]}`), fault, set);
  }
  const { sets } = parse(
    "analytics: {sets: [{name: a, settings: {reach_share: 0.9, include_warmup: true}}, {name: b, window: 6h}]}",
  ).analytics;
  assert.deepEqual(sets[0].settings, { reach_share: "0.9", include_warmup: "true" });
  assert.equal(sets[1].window, 6 * 3_600_000);
});

Deno.test("the example names every key", () => {
  const keys = (schema: object): string[] => {
    const entries: [string, object][] = "entries" in schema
      ? Object.entries(schema.entries as Record<string, object>)
      : "wrapped" in schema
      ? [["", schema.wrapped as object]]
      : "pipe" in schema
      ? (schema.pipe as object[]).slice(1).map((inner) => ["", inner])
      : [];
    return entries.flatMap(([key, inner]) => [...(key === "" ? [] : [key]), ...keys(inner)]);
  };
  const all = keys(ArchiverConfigSchema);
  assert.ok(["archive", "nats", "stream", "port", "max_wait"].every((key) => all.includes(key)));
  for (const key of all) {
    assert.match(example, new RegExp(`\\b${key}\\b`), key);
  }
});

Deno.test("all faults are told at once, unknown keys among them", () => {
  assert.throws(
    () =>
      parse("threads: 0\nmemory_limit: lots\ncomit: {}\nnats: {servers: []}\napi: {host: 'a b'}"),
    (error: Error) => {
      for (const part of ["threads: 0", "memory_limit", "comit: unknown key", "nats.servers"]) {
        assert.ok(error.message.includes(part), `${part} in ${error.message}`);
      }
      assert.ok(error.message.includes("5 faults"), error.message);
      return true;
    },
  );
});
