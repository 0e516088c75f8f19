// The name that the collector is called by, and its version.

/** The binary's name inside the binary, else the task of this project. */
export const PROGRAM: string = Deno.build.standalone ? "gossip-collector" : "deno task collect";

/** As in CHANGELOG.md. */
export const VERSION = "0.1.0";
