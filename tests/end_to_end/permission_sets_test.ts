import { deepEqual, equal, ok } from "node:assert/strict";
import { METRICS_PORT } from "../../collector/config.ts";
import { formatIp, IPV4_BYTES } from "../../collector/addresses/ip.ts";
import { SPECIAL_NETWORKS } from "../../collector/addresses/public_address.ts";

/** What the dial rules refuse unless told otherwise; the sandbox is to refuse it whatever they are told. */
const NOT_PUBLIC = SPECIAL_NETWORKS.map(({ cidr }) => cidr).filter(({ base }) =>
  base.length === IPV4_BYTES
).map(({ base, bits }) => `${formatIp(base)}/${bits}`);

interface Network {
  readonly base: number;
  readonly bits: number;
}

const parse = (text: string): Network => {
  const [address, bits] = text.split("/");
  return {
    base: address.split(".").reduce((n, part) => n * 256 + Number(part), 0),
    bits: Number(bits),
  };
};
const text = ({ base, bits }: Network): string =>
  `${[24, 16, 8, 0].map((shift) => Math.floor(base / 2 ** shift) % 256).join(".")}/${bits}`;
const holds = (outer: Network, inner: Network): boolean =>
  inner.bits >= outer.bits &&
  Math.floor(inner.base / 2 ** (32 - outer.bits)) === outer.base / 2 ** (32 - outer.bits);

/** The parts of `network` outside all of `holes`: halved until a half is wholly in or wholly out. */
function without(network: Network, holes: readonly Network[]): Network[] {
  if (holes.some((hole) => holds(hole, network))) return [];
  if (!holes.some((hole) => holds(network, hole))) return [network];
  const bits = network.bits + 1;
  return [network.base, network.base + 2 ** (32 - bits)]
    .flatMap((base) => without({ base, bits }, holes));
}

const config = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));

Deno.test("a collector may dial public IPv4, its broker, its archiver and Tor, listen for metrics, and nothing else", () => {
  const all = without({ base: 0, bits: 0 }, NOT_PUBLIC.map(parse)).map(text);
  const local = [4222, 8470, METRICS_PORT, 9050].map((port) => `127.0.0.1:${port}`);
  deepEqual(config.permissions.collector.net.toSorted(), [...local, ...all].toSorted());
});

Deno.test("no cloud's metadata service is within the sandbox's reach", () => {
  const reach = config.permissions.collector.net.filter((entry: string) => entry.includes("/"));
  for (const address of ["169.254.169.254", "168.63.129.16", "100.100.100.200", "192.0.0.192"]) {
    const holding = reach.filter((entry: string) => holds(parse(entry), parse(`${address}/32`)));
    deepEqual(holding, [], address);
  }
  ok(reach.some((entry: string) => holds(parse(entry), parse("168.63.129.17/32"))));
});

Deno.test("a collector may not run programs, load libraries, or see the environment or the system", () => {
  const { net: _, read, write, ...rest } = config.permissions.collector;
  deepEqual(rest, { env: { ignore: true }, import: { deny: true } });
  equal(read.includes("."), false);
  for (const path of write) ok(read.includes(path), `${path} is written but not read`);
});

Deno.test("no set but the test's and the benchmark's may reach beyond loopback, run anything, or all at once", () => {
  for (const [name, set] of Object.entries<Record<string, unknown>>(config.permissions)) {
    if (["collector", "test", "bench", "setup"].includes(name)) continue;
    for (const host of (set.net ?? []) as string[]) {
      ok(/^127\.0\.0\.1(:\d+)?$/.test(host), `${name}: ${host}`);
    }
    if (set.run !== undefined) deepEqual(set.run, ["deno"], name);
    equal(set.all, undefined, name);
  }
});

Deno.test("an archiver may read the source of its worker, and write reports beside it", () => {
  const { read, write, sys } = config.permissions.archiver;
  for (const folder of ["archiver", "query_results", "shared"]) ok(read.includes(folder), folder);
  deepEqual(write, ["archive", "query_results/runs"]);
  deepEqual(sys, ["statfs"]);
});

Deno.test("queries and the lab may read the project's folder and write reports, no more", () => {
  for (const name of ["query", "lab"]) {
    const { read, write, ...rest } = config.permissions[name];
    deepEqual(rest, { env: { ignore: true }, import: { deny: true }, ffi: true }, name);
    deepEqual(read, ["."], name);
    deepEqual(write, ["query_results/runs"], name);
  }
});
