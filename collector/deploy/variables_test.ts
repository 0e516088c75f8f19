import { deepEqual, throws } from "node:assert/strict";
import { UserError } from "../../shared/errors.ts";
import { allowedEnv } from "./variables.ts";

Deno.test("variables are opened by name, each once", () => {
  deepEqual(allowedEnv([]), []);
  deepEqual(allowedEnv(["NATS_PASSWORD", "_t0", "NATS_PASSWORD"]), ["NATS_PASSWORD", "_t0"]);
});

Deno.test("what is no variable's name is refused, patterns of Deno's among it", () => {
  for (const name of ["", "*", "NATS_*", "0A", "A=B", "A B", "A,B", "--allow-all"]) {
    throws(() => allowedEnv([name]), UserError, name);
  }
});
