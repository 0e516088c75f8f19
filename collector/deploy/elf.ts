/**
 * Which machine a Linux program is for.
 *
 * @module
 */

/** The machines that collectors are built for, as `uname -m` calls them. */
export const MACHINES = ["x86_64", "aarch64"] as const;

/** One of {@link MACHINES}. */
export type Machine = typeof MACHINES[number];

/** How much of a file {@link machineOf} needs. */
export const ELF_HEADER_BYTES = 20;

/** System V ABI, ELF header: magic number, class 64 bit, little-endian. */
const ELF64_LITTLE_ENDIAN = [0x7f, 0x45, 0x4c, 0x46, 2, 1] as const;
/** `e_machine`, two bytes. */
const MACHINE_AT = 18;
const BY_NUMBER: ReadonlyMap<number, Machine> = new Map([[62, "x86_64"], [183, "aarch64"]]);

/** The machine that a program which begins with these bytes runs on; null when it is none of {@link MACHINES}. */
export function machineOf(header: Uint8Array): Machine | null {
  if (header.length < ELF_HEADER_BYTES) return null;
  if (ELF64_LITTLE_ENDIAN.some((byte, i) => header[i] !== byte)) return null;
  return BY_NUMBER.get(header[MACHINE_AT] | header[MACHINE_AT + 1] << 8) ?? null;
}
