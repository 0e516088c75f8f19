// Fuzzes every parser of outside bytes. See `--help`.

import { runMain } from "../../shared/cli.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import { tempDir } from "../support/temp_dir.ts";
import { fuzz } from "./fuzz.ts";
import { allTargets } from "./targets/all.ts";
import { canary } from "./targets/canary.ts";
import type { Target } from "./target.ts";

/** More than the canary has ever needed: some thousands. */
const CANARY_RUNS = 1_000_000;
const PROGRESS_MILLISECONDS = 10_000;
const EXIT_FOUND = 1;

const command = {
  name: "deno task fuzz",
  summary:
    "Feed mutated valid inputs to every parser of untrusted bytes. A deliberately broken parser\n" +
    "(the canary) must be caught first. Exit status: 1 if a parser breaks its contract.",
  flags: {
    seed: { help: "equal seeds give equal inputs; a new one by default" },
    runs: { type: "number", help: "inputs per target", default: 1_000_000, min: 1, max: 1e12 },
    only: { help: "the targets to try, separated by commas", value: "NAMES" },
    input: { help: "try this one file, with --only", value: "FILE" },
  },
  examples: ["deno task fuzz --only message_257,init --runs 10000000", "deno task fuzz --seed 42"],
} as const;

if (import.meta.main) {
  await runMain(command, async ({ seed = newSeed(), runs, only, input }) => {
    await using dir = await tempDir();
    const targets = chosen([canary, ...allTargets(dir.path)], only);
    try {
      if (input !== undefined) return tryOne(targets, await Deno.readFile(input));
      console.log(`seed ${seed}`);
      let isWell = true;
      for (const target of targets) isWell = tryTarget(target, seed, runs) && isWell;
      return isWell ? 0 : EXIT_FOUND;
    } finally {
      for (const { dispose } of targets) dispose?.();
    }
  });
}

function newSeed(): string {
  return String(crypto.getRandomValues(new Uint32Array(1))[0]);
}

/** The targets of these names. @throws {UserError} when one is unknown. */
function chosen(targets: Target[], only: string | undefined): Target[] {
  if (only === undefined) return targets;
  return only.split(",").map((name) => {
    const target = targets.find((target) => target.name === name);
    if (target) return target;
    const names = targets.map(({ name }) => name).join(", ");
    throw new UserError(`--only: there is no target "${name}"; there are ${names}`);
  });
}

/** Gives one input to each target, whose mistakes are thrown. */
function tryOne(targets: Target[], input: Uint8Array): number {
  for (const { name, run } of targets) console.log(`${name}: ${run(input.slice())}`);
  return 0;
}

/** Fuzzes a target and tells; true when all is as it should be, which for the canary is a failure. */
function tryTarget(target: Target, seed: string, runs: number): boolean {
  const { name } = target;
  const isCanary = target === canary;
  const begin = performance.now();
  let told = begin;
  const { inputs, accepted, outcomes, failure } = fuzz(target, {
    seed,
    runs: isCanary ? CANARY_RUNS : runs,
    onProgress(inputs) {
      const now = performance.now();
      if (now - told < PROGRESS_MILLISECONDS) return;
      told = now;
      console.log(`${name}: ${inputs} of ${runs} inputs, ${rate(inputs, now - begin)}`);
    },
  });
  const figures = `${inputs} inputs, ${rate(inputs, performance.now() - begin)}, ` +
    `${(100 * accepted / inputs).toFixed(1)} % taken, ${outcomes} outcomes`;
  if (isCanary) {
    console.log(failure ? `${name}: found, ${figures}` : `${name}: NOT FOUND: the fuzzer is blind`);
    return failure !== null;
  }
  console.log(`${name}: ${figures}`);
  if (failure === null) return true;
  const file = Deno.makeTempFileSync({ prefix: `fuzz-${name}-`, suffix: ".bin" });
  Deno.writeFileSync(file, failure.input);
  console.log(`${name}: FAILED: ${errorText(failure.error)}`);
  if (failure.error instanceof Error) console.log(failure.error.stack);
  console.log(`Again: deno task fuzz --only ${name} --input ${file}`);
  console.log(`   or: deno task fuzz --only ${name} --seed ${seed} --runs ${inputs}`);
  return false;
}

function rate(inputs: number, milliseconds: number): string {
  return `${Math.round(inputs / milliseconds * 1000)}/s`;
}
