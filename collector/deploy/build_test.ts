import fc from "fast-check";
import { equal } from "node:assert/strict";
import { ELF_HEADER_BYTES, type Machine, machineOf } from "./build.ts";

/** The first bytes of a program for Linux, `e_machine` apart. */
const header = (machine: number): Uint8Array =>
  Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, ...Array(9).fill(0), 3, 0, machine, 0);

Deno.test("a program's machine is told by its header", () => {
  const machines: [number, Machine | null][] = [[62, "x86_64"], [183, "aarch64"], [243, null]];
  for (const [number, machine] of machines) equal(machineOf(header(number)), machine);
});

Deno.test("what is cut short or no such program has no machine", () => {
  for (let length = 0; length < ELF_HEADER_BYTES; length++) {
    equal(machineOf(header(62).subarray(0, length)), null);
  }
  fc.assert(fc.property(fc.nat(5), fc.nat(255), (at, byte) => {
    const bytes = header(62);
    fc.pre(bytes[at] !== byte);
    bytes[at] = byte;
    equal(machineOf(bytes), null);
  }));
});
