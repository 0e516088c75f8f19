import { type Subcommand, subcommand } from "../../shared/cli.ts";
import { PROGRAM, VERSION } from "../program.ts";

export const versionCommand: Subcommand = subcommand({
  name: `${PROGRAM} version`,
  summary: "Print the collector's version.",
  flags: {},
}, () => Promise.resolve(console.log(VERSION)));
