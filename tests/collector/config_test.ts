import assert from "node:assert/strict";
import { CollectorConfigSchema } from "../../collector/config.ts";
import { UserError } from "../../shared/errors.ts";
import { parseConfig, readConfig } from "../../shared/config.ts";

const EXAMPLE = new URL("../../collector/collector.example.yaml", import.meta.url).pathname;

function faultsOf(text: string): string {
  try {
    parseConfig(text, CollectorConfigSchema, "c.yaml");
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    return error.message;
  }
  assert.fail("the config was taken");
}

/** The dotted names of all keys that have a value. */
function keysOf(value: object, prefix = ""): string[] {
  return Object.entries(value).flatMap(([key, inner]) =>
    typeof inner === "object" ? keysOf(inner, `${prefix}${key}.`) : `${prefix}${key}`
  );
}

Deno.test("the example config holds exactly the defaults", async () => {
  const example = await readConfig(EXAMPLE, CollectorConfigSchema);
  const defaults = parseConfig("name: my-collector", CollectorConfigSchema, "x");
  assert.deepEqual(example, defaults);
});

Deno.test("the example config shows every key", async () => {
  const written = await Deno.readTextFile(EXAMPLE);
  const whole =
    "name: a\nrun_for: 24h\npeers: {file: a, seeds: [a.b], proxy: 'a:1', name_server: 127.0.0.1, " +
    "allow: [127.0.0.1], open_networks: [127.0.0.1], rotate_every: 1m}\nmetrics:\nuplink: {kind: nats, servers: ['nats://127.0.0.1:4222']}";
  const all = parseConfig(whole, CollectorConfigSchema, "x");
  for (const key of keysOf(all)) {
    const last = key.replace(/\.\d+$/, "").split(".").at(-1)!;
    assert.match(written, new RegExp(`^[ #]*${last}[: ]`, "m"), key);
  }
});

Deno.test("all faults of a config are told at once, each with its path", () => {
  const message = faultsOf(
    "name: Not Good\nnetwork: litecoin\npeer: {}\npeers: {target: 0, fil: x}\n" +
      "batch: {max_age: 2}\nspool: {max_bytes: 1KiB}\nuplink: {kind: nats, servers: []}\nlog: loud",
  );
  for (
    const line of [
      /^ {2}name: "Not Good" — should be 1 to 63 lower-case letters, digits and dashes$/m,
      /^ {2}network: "litecoin" — should be one of bitcoin, testnet, signet, regtest$/m,
      /^ {2}peer: unknown key/m,
      /^ {2}peers\.target: 0 — should be an integer from 1 to 5000$/m,
      /^ {2}peers\.fil: unknown key/m,
      /^ {2}batch\.max_age: 2 — should be a time such as/m,
      /^ {2}spool\.max_bytes: "1KiB" — should be a size such as/m,
      /^ {2}uplink\.servers: \[\] — should be a list of at least one server/m,
      /^ {2}log: "loud" — should be a group of keys$/m,
    ]
  ) assert.match(message, line);
  assert.match(message, /^Cannot use config c\.yaml: 9 faults$/m);
});

Deno.test("a group that is left empty has its defaults", () => {
  const config = parseConfig("name: a\nspool:\npeers:\n", CollectorConfigSchema, "x");
  assert.deepEqual(config, parseConfig("name: a", CollectorConfigSchema, "x"));
});
