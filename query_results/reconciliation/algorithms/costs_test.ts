import assert from "node:assert/strict";
import fc from "fast-check";
import { addMs, decodeMs, type Machine, MEASURED_DECODES } from "./costs.ts";

const machines = Object.keys(MEASURED_DECODES) as Machine[];

const near = (value: number, expected: number, tolerance: number) =>
  assert.ok(Math.abs(value / expected - 1) <= tolerance, `${value} is not near ${expected}`);

Deno.test("a measured decode costs what was measured", () => {
  for (const machine of machines) {
    for (const [capacity, difference, ms] of MEASURED_DECODES[machine]) {
      near(decodeMs(machine, 64, capacity, difference), ms, 1e-9);
    }
  }
});

Deno.test("one constant gives all of the Raspberry Pi's times within 4 %", () => {
  for (const [capacity, difference, ms] of MEASURED_DECODES.pi5) {
    near(4.2e-4 * (difference ** 2 + .025 * capacity * difference), ms, .04);
  }
});

Deno.test("32 bits against 64 bits as measured on another machine: 1.9 ms of 7.9 ms", () => {
  near(decodeMs("server", 32, 100, 100) / decodeMs("server", 64, 100, 100), 1.9 / 7.9, .05);
});

Deno.test("more differences, capacity or bits never cost less; nothing costs nothing", () => {
  const size = fc.nat(4096);
  fc.assert(fc.property(fc.constantFrom(...machines), size, size, (machine, capacity, d) => {
    const ms = decodeMs(machine, 64, capacity, d);
    assert.ok(decodeMs(machine, 64, capacity + 1, d) >= ms);
    assert.ok(decodeMs(machine, 64, capacity, d + 1) >= ms);
    assert.ok(decodeMs(machine, 32, capacity, d) <= ms);
  }));
  assert.equal(decodeMs("server", 64, 1024, 0), 0);
  assert.equal(decodeMs("server", 64, 0, 5), 0);
});

Deno.test("a failed decode costs as one that is full", () => {
  assert.equal(decodeMs("pi5", 64, 64, 1000), decodeMs("pi5", 64, 64, 64));
});

Deno.test("adding 100 ids to 512 sums takes a server 0.36 ms", () => {
  near(addMs("server", 512, 100), .3584, 1e-9);
});
