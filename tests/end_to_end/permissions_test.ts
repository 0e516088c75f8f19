import assert from "node:assert/strict";
import { startProgram } from "../support/servers/process.ts";

/** What a program under a permission set could do: see `permission_probe.ts`. */
async function probe(permissions: readonly string[]): Promise<Record<string, string>> {
  await using program = startProgram("tests/support/permission_probe.ts", [], permissions);
  const status = await program.wait();
  assert.ok(status.success, program.lines.join("\n"));
  return JSON.parse(program.lines.find((line) => line.startsWith("{"))!);
}

Deno.test("under the collector's set nothing private, local or of the system is in reach", async () => {
  const outcomes = await probe(["-P=collector"]);
  const { environment, "dial a public address": publicAddress, ...tries } = outcomes;
  assert.equal(environment, "undefined");
  assert.equal(publicAddress, "granted");
  for (const [name, outcome] of Object.entries(tries)) assert.equal(outcome, "refused", name);
});

Deno.test("the probe does what it tries where that is allowed, so its refusals mean something", async () => {
  const allowed = ["--allow-read", "--allow-env", "--allow-run", "--allow-sys", "--allow-ffi"];
  const outcomes = await probe([...allowed, "--allow-net=127.0.0.1"]);
  assert.notEqual(outcomes.environment, "undefined");
  for (
    const name of [
      "listen on loopback",
      "read another file",
      "read its own source",
      "run a program",
      "run deno",
      "load a library",
      "ask the system",
    ]
  ) assert.equal(outcomes[name], "done", name);
  assert.match(outcomes["dial another port of loopback"], /ConnectionRefused/);
});
