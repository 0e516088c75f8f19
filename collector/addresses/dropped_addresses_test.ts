import assert from "node:assert/strict";
import { DroppedAddresses } from "./dropped_addresses.ts";
import { ipEndpoint } from "./endpoint.ts";

const DAY = 24 * 3_600_000_000;
const address = (n: number) => ({
  nodeId: "node",
  end: ipEndpoint(Uint8Array.of(9, n >> 16, n >> 8, n), 9735),
});

Deno.test("a dropped address is remembered for a day, from the last time on", () => {
  const dropped = new DroppedAddresses();
  assert.ok(!dropped.has(address(1), 0));
  dropped.add(address(1), 0);
  assert.ok(dropped.has(address(1), DAY - 1));
  assert.ok(!dropped.has(address(1), DAY));
  assert.ok(!dropped.has(address(2), 0));
  assert.ok(!dropped.has({ ...address(1), nodeId: "other" }, 0));
  dropped.add(address(1), 5);
  assert.ok(dropped.has(address(1), DAY));
});

Deno.test("of too many dropped addresses the oldest is forgotten", () => {
  const dropped = new DroppedAddresses();
  for (let n = 0; n < 10_000; n++) dropped.add(address(n), n);
  dropped.add(address(0), 10_000);
  assert.ok(dropped.has(address(1), 10_000));
  dropped.add(address(10_000), 10_000);
  assert.ok(!dropped.has(address(1), 10_000));
  for (const n of [0, 2, 10_000]) assert.ok(dropped.has(address(n), 10_000), `${n}`);
});
