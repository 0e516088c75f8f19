import assert from "node:assert/strict";
import { ipEndpoint, parseEndpoint } from "./endpoint.ts";
import { DroppedAddresses, HostCounts, HostGaps, hostOf } from "./host_limits.ts";

const at = (text: string) => parseEndpoint(text);

Deno.test("one host is an IPv4 address, a /64 of IPv6 or a name, whatever the port", () => {
  const same = (a: string, b: string) => hostOf(at(a)) === hostOf(at(b));
  assert.ok(same("9.0.0.1:1", "9.0.0.1:2"));
  assert.ok(!same("9.0.0.1:1", "9.0.0.2:1"));
  assert.ok(same("[2600:1:2:3::1]:1", "[2600:1:2:3:ffff::9]:2"));
  assert.ok(!same("[2600:1:2:3::1]:1", "[2600:1:2:4::1]:1"));
  assert.ok(same("node.example.com:1", "NODE.example.com:2"));
  assert.ok(!same("a.example.com:1", "b.example.com:1"));
});

Deno.test("addresses are counted by host, up and down", () => {
  const counts = new HostCounts();
  for (const port of [1, 2, 3]) counts.change(at(`9.0.0.1:${port}`), 1);
  assert.deepEqual([counts.of(at("9.0.0.1:9")), counts.of(at("9.0.0.2:9"))], [3, 0]);
  for (const port of [1, 2, 3]) counts.change(at(`9.0.0.1:${port}`), -1);
  assert.equal(counts.of(at("9.0.0.1:9")), 0);
});

Deno.test("a host that was dialled may be dialled again after the gap", () => {
  const gaps = new HostGaps(10);
  assert.equal(gaps.notBefore(at("9.0.0.1:1")), 0);
  gaps.dialled(at("9.0.0.1:1"), 500);
  gaps.dialled(at("9.0.0.2:1"), 700);
  assert.equal(gaps.notBefore(at("9.0.0.1:2")), 10_500);
  gaps.dialled(at("9.0.0.1:2"), 10_600);
  assert.deepEqual(["9.0.0.1:1", "9.0.0.2:1"].map((text) => gaps.notBefore(at(text))), [
    20_600,
    10_700,
  ]);
  gaps.dialled(at("9.0.0.3:1"), 10_700);
  assert.equal(gaps.notBefore(at("9.0.0.2:1")), 0);
});

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
