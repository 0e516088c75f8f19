import assert from "node:assert/strict";
import { parseEndpoint } from "./endpoint.ts";
import { HostCounts, HostGaps, hostOf } from "./hosts.ts";

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
