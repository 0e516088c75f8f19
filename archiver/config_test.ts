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
