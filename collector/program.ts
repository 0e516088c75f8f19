/**
 * How the collector is called.
 *
 * @module
 */

/** The binary's name inside the binary, else the task of this project. */
export const PROGRAM: string = Deno.build.standalone ? "gossip-collector" : "deno task collect";
