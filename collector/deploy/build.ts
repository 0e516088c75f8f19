// The two steps that make a binary of the collector: one file of its modules and packages, then Deno's runtime with that
// file. (`deno compile --bundle` does both at once, and adds every package of the lock file that holds a native
// library, DuckDB among them, when it is in Deno's cache.)

import { UserError } from "../../shared/errors.ts";

/** As `uname -m` calls them. */
export const MACHINES = ["x86_64", "aarch64"] as const;

export type Machine = typeof MACHINES[number];

export const ELF_HEADER_BYTES = 20;

/** System V ABI, ELF header: magic number, class 64 bit, little-endian. */
const ELF64_LITTLE_ENDIAN = [0x7f, 0x45, 0x4c, 0x46, 2, 1] as const;
/** `e_machine`, two bytes. */
const MACHINE_AT = 18;
const BY_NUMBER: ReadonlyMap<number, Machine> = new Map([[62, "x86_64"], [183, "aarch64"]]);

/** The machine of a program that begins with these bytes; null when it is none of {@link MACHINES}. */
export function machineOf(header: Uint8Array): Machine | null {
  if (header.length < ELF_HEADER_BYTES) return null;
  if (ELF64_LITTLE_ENDIAN.some((byte, i) => header[i] !== byte)) return null;
  return BY_NUMBER.get(header[MACHINE_AT] | header[MACHINE_AT + 1] << 8) ?? null;
}

const ROOT: URL = new URL("../../", import.meta.url);
const CONFIG: URL = new URL("deno.json", ROOT);
const PERMISSION_SET = "collector";
/** Lines shown of a failed step's output. */
const OUTPUT_LINES = 12;

export interface Build {
  readonly bundle: string;
  readonly machine: Machine;
  /** They replace those of the permission set. */
  readonly net: readonly string[];
  readonly env: readonly string[];
  readonly output: string;
}

function targetOf(machine: Machine): string {
  return `${machine}-unknown-linux-gnu`;
}

/** The `net` entries of the collector's permission set. */
export async function netOfSet(): Promise<string[]> {
  const config = JSON.parse(await Deno.readTextFile(CONFIG));
  return config.permissions[PERMISSION_SET].net.allow;
}

/** Deno's flags in `deno task collect`: the permission set, and V8's limits. */
export async function runFlags(): Promise<string[]> {
  const config = JSON.parse(await Deno.readTextFile(CONFIG));
  const command: string = config.tasks.collect.command;
  return command.split(" ").filter((word) => word.startsWith("-"));
}

/** Type-checks and bundles the collector into one file that imports Deno's own modules only. @throws {UserError}. */
export async function bundle(output: string): Promise<void> {
  const args = ["bundle", "--quiet", "--check", "--platform=deno", "--no-remote"];
  const failure = await deno([...args, "--output", output, "collector/main.ts"]);
  if (failure) throw new UserError(`Cannot bundle the collector:\n${failure}`);
}

/**
 * Builds one binary with the flags of `deno task collect`.
 * @throws {UserError} without a runtime for the machine, or when Deno fails.
 */
export async function compile({ bundle, machine, net, env, output }: Build): Promise<void> {
  const failure = await deno([
    ...["compile", "--quiet", "--config=deno.json", "--no-lock", "--no-npm", "--no-remote"],
    ...["--no-check", "--no-prompt", ...await runFlags(), `--allow-net=${net.join(",")}`],
    // Without a value it would open all of them.
    ...(env.length > 0 ? [`--allow-env=${env.join(",")}`] : []),
    ...["--target", targetOf(machine), "--output", output, bundle],
  ]);
  if (failure) throw new UserError(`Cannot build for ${machine}: ${reasonOf(failure, machine)}`);
  const found = await machineOfFile(output);
  if (found === machine) return;
  // DENORT_BIN is taken whatever the target is.
  await Deno.remove(output);
  throw new UserError(
    `Cannot build for ${machine}: the runtime that DENORT_BIN names is for ${
      found ?? "another machine"
    }; ${runtimeHint(machine)}`,
  );
}

function reasonOf(failure: string, machine: Machine): string {
  if (/denort|DENORT_BIN/.test(failure)) {
    return `Deno's slim runtime for it is missing; ${runtimeHint(machine)}`;
  }
  return `deno compile failed:\n${failure}`;
}

function runtimeHint(machine: Machine): string {
  const { deno: version } = Deno.version;
  const file = `denort-${targetOf(machine)}.zip`;
  return `fetch https://dl.deno.land/release/v${version}/${file} on a machine that reaches it, unpack it, and ` +
    "set DENORT_BIN to the path of denort";
}

async function machineOfFile(path: string): Promise<Machine | null> {
  using file = await Deno.open(path);
  const header = new Uint8Array(ELF_HEADER_BYTES);
  const length = await file.read(header) ?? 0;
  return machineOf(header.subarray(0, length));
}

/** Null, or the output when it failed. */
async function deno(args: readonly string[]): Promise<string | null> {
  const command = new Deno.Command("deno", {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
  });
  const { success, stdout, stderr } = await command.output();
  if (success) return null;
  const text = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  // A trace of Deno's own frames helps no one.
  return text.replace(/\n+Stack backtrace:[^]*$/, "").trim().split("\n").slice(-OUTPUT_LINES)
    .join("\n");
}
