/**
 * `deno task collect version`.
 *
 * @module
 */
import { type Subcommand, subcommand } from "../../shared/cli.ts";
import { VERSION } from "../version.ts";
import { PROGRAM } from "../program.ts";

/** See the module. */
export const versionCommand: Subcommand = subcommand({
  name: `${PROGRAM} version`,
  summary: "Prints the collector's version.",
  flags: {},
}, () => Promise.resolve(console.log(VERSION)));
