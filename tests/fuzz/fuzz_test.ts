import assert from "node:assert/strict";
import { fuzz } from "./fuzz.ts";
import { allTargets } from "./targets/all.ts";
import { canary } from "./targets/canary.ts";
import type { Target } from "./target.ts";
import { tempDir } from "../support/temp_dir.ts";

/** `deno task fuzz` takes a million. */
const RUNS = 1500;

Deno.test("the fuzzer finds the mistake in the canary, and finds it again by its seed", () => {
  const options = { seed: "1", runs: 1_000_000 };
  const { failure, inputs } = fuzz(canary, options);
  assert.ok(failure?.error instanceof RangeError);
  assert.ok(inputs > canary.corpus.length, "the corpus itself is fine");
  const again = fuzz(canary, { ...options, runs: inputs });
  assert.equal(again.failure!.input.toHex(), failure.input.toHex());
  assert.equal(fuzz(canary, { ...options, runs: inputs - 1 }).failure, null);
  assert.throws(() => canary.run(failure.input.slice()), RangeError);
});

Deno.test("every parser of outside bytes keeps its word, whatever it is given", async (test) => {
  await using dir = await tempDir();
  const seed = String(crypto.getRandomValues(new Uint32Array(1))[0]);
  for (const target of allTargets(dir.path)) {
    await test.step(target.name, () => tryTarget(target, seed));
  }
});

function tryTarget(target: Target, seed: string): void {
  try {
    const { failure, accepted, outcomes, inputs } = fuzz(target, { seed, runs: RUNS });
    const replay = `deno task fuzz --only ${target.name} --seed ${seed} --runs ${inputs}`;
    if (failure) {
      throw new Error(`${replay}, input ${failure.input.toHex()}`, { cause: failure.error });
    }
    assert.ok(accepted > 0, `no input was taken: ${replay}`);
    assert.ok(outcomes > 1, `every input had the same outcome: ${replay}`);
  } finally {
    target.dispose?.();
  }
}
