import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import * as v from "valibot";
import { duration, group, integer, oneOf, parseConfig, size, text } from "./config.ts";
import { UserError } from "./errors.ts";

const schema = v.strictObject({
  name: text(/^[a-z]+$/, "lower-case letters"),
  peers: v.strictObject({ target: v.optional(integer(1, 5000), 200) }),
  run_for: v.optional(duration(1000, 86_400_000), "1h"),
  limit: v.optional(size(1024, 1024 ** 3), "1MiB"),
  level: v.optional(oneOf(["info", "debug"]), "info"),
});

Deno.test("a good config becomes a typed object with defaults", () => {
  deepEqual(parseConfig("name: vps\npeers: {}\nrun_for: 1.5m", schema, "c.yaml"), {
    name: "vps",
    peers: { target: 200 },
    run_for: 90_000,
    limit: 1024 ** 2,
    level: "info",
  });
});

Deno.test("every fault is told at once, with path, value and what would be right", () => {
  const yaml =
    "name: A1\npeers: {target: -3, colour: red}\nrun_for: soon\nlimit: 1B\nlevel: loud\n";
  throws(() => parseConfig(yaml, schema, "c.yaml"), (error: UserError) => {
    deepEqual(error.message.split("\n"), [
      "Cannot use config c.yaml: 6 faults",
      '  name: "A1" — should be lower-case letters',
      "  peers.target: -3 — should be an integer from 1 to 5000",
      "  peers.colour: unknown key; remove it or check its spelling",
      '  run_for: "soon" — should be a time such as 250ms, 30s, 10m, 24h or 7d, from 1s to 1d',
      '  limit: "1B" — should be a size such as 512KiB, 64MiB or 10GiB, from 1KiB to 1GiB',
      '  level: "loud" — should be one of info, debug',
    ]);
    return true;
  });
});

Deno.test("a missing key and an empty file are told by name", () => {
  throws(() => parseConfig("", schema, "c.yaml"), /name: missing.*\n.*peers: missing/);
});

Deno.test("text that is not YAML, or whose aliases multiply, is refused in one line", () => {
  for (const yaml of ["a: [1, 2", "a: &x [1]\nb: [*x, *x]"]) {
    throws(() => parseConfig(yaml, schema, "c.yaml"), (error: UserError) => {
      equal(
        /^Cannot use config c\.yaml|^Cannot read config c\.yaml: not YAML/.test(error.message),
        true,
      );
      return true;
    });
  }
});

Deno.test("any text gives a config or a UserError", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (yaml) => {
    try {
      parseConfig(yaml, schema, "c.yaml");
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
    }
  }));
});

Deno.test("a group may be left out or empty, but is no list; nor is the whole config", () => {
  const grouped = v.strictObject({ batch: group({ size: v.optional(integer(1, 9), 4) }) });
  for (const yaml of ["", "batch:", "batch: {}"]) {
    deepEqual(parseConfig(yaml, grouped, "c.yaml"), { batch: { size: 4 } });
  }
  for (const value of ["[1]", "7", "fast"]) {
    throws(() => parseConfig(`batch: ${value}`, grouped, "c.yaml"), /should be a group of keys$/);
    throws(() => parseConfig(value, grouped, "c.yaml"), /c\.yaml: it should be keys with values/);
  }
});
