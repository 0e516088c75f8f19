/**
 * What it takes to run a file of published test vectors.
 *
 * @module
 */
import * as v from "valibot";
import { type BoltCode, BoltFault } from "../../shared/bolt/fault.ts";

/** Runs all vectors of one file, given as parsed JSON; throws when one does not hold or has another form. */
export type VectorSuite = (content: unknown) => void;

/** A suite whose file has just the form of `schema`: make it of strict objects, so that unknown keys fail. */
export function vectorSuite<S extends v.GenericSchema>(
  schema: S,
  run: (content: v.InferOutput<S>) => void,
): VectorSuite {
  return (content) => run(v.parse(schema, content));
}

/** Bytes as lower-case hex. */
export const hex: v.GenericSchema<string> = v.pipe(v.string(), v.regex(/^([0-9a-f]{2})*$/));

/** The code with which `run` refuses. Throws when it does not, or throws anything else. */
export function refusalOf(run: () => unknown): BoltCode {
  try {
    run();
  } catch (error) {
    if (error instanceof BoltFault) return error.code;
    throw error;
  }
  throw new Error("it should have been refused");
}
