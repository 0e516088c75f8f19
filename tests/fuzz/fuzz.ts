// The fuzzer: valid inputs, changed; those with a new outcome are changed further. Equal seeds give equal runs.

import { seededRandom } from "../../shared/random.ts";
import { mutate } from "./mutate.ts";
import type { Target } from "./target.ts";

/** Inputs that are kept for a new outcome, at most. */
const MAX_KEPT = 512;
/** How many inputs lie between two looks at the clock. */
const PROGRESS_INPUTS = 1024;

/** How a target is fuzzed. */
export interface FuzzOptions {
  /** Equal seeds give equal inputs. */
  readonly seed: string;
  /** How many inputs. */
  readonly runs: number;
  /** Hears now and then how many inputs were tried. */
  readonly onProgress?: (inputs: number) => void;
}

/** What came of fuzzing a target. */
export interface FuzzResult {
  /** Inputs tried; the last one failed when there is a {@link failure}. */
  readonly inputs: number;
  /** Those that the parser took. */
  readonly accepted: number;
  /** How many different outcomes there were. */
  readonly outcomes: number;
  /** The first input of which something did not hold. */
  readonly failure: { readonly input: Uint8Array; readonly error: unknown } | null;
}

/** Tries inputs until one fails or all were tried. The corpus as it is comes first. */
export function fuzz(target: Target, { seed, runs, onProgress }: FuzzOptions): FuzzResult {
  const random = seededRandom(`${seed} ${target.name}`);
  const corpus = [...target.corpus];
  const most = corpus.length + MAX_KEPT;
  const outcomes = new Set<string>();
  let accepted = 0;
  for (let run = 0; run < runs; run++) {
    const isGiven = run < target.corpus.length;
    const input = isGiven
      ? target.corpus[run]
      : mutate(corpus, target.corpus.length, target.maxBytes, random);
    const copy = input.slice();
    let outcome: string;
    try {
      outcome = target.run(copy);
    } catch (error) {
      return { inputs: run + 1, accepted, outcomes: outcomes.size, failure: { input, error } };
    }
    if (outcome.startsWith("ok")) accepted++;
    if (!outcomes.has(outcome)) {
      outcomes.add(outcome);
      if (!isGiven && corpus.length < most) corpus.push(input.slice());
    }
    if (run % PROGRESS_INPUTS === 0) onProgress?.(run);
  }
  return { inputs: runs, accepted, outcomes: outcomes.size, failure: null };
}
