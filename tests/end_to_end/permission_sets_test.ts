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

/** What tells DuckDB's package which C library is here: it is read as the package is imported. */
const OF_THE_RUNTIME = ["/proc/self/exe", "/usr/bin/ldd"];

const config = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));

const net: { allow: string[]; deny: string[] } = config.permissions.collector.net;
const isNetwork = (entry: string) => entry.includes("/");

/** Adjacent halves become their whole, so that two lists of the same addresses are the same list. */
function joined(networks: readonly Network[]): string[] {
  const left = new Map(networks.map((network) => [text(network), network]));
  for (let bits = 32; bits > 0; bits--) {
    for (const network of [...left.values()].filter((one) => one.bits === bits)) {
      const half = 2 ** (32 - bits);
      const lower = { base: Math.floor(network.base / (2 * half)) * 2 * half, bits };
      const upper = { base: lower.base + half, bits };
      if (!left.has(text(lower)) || !left.has(text(upper))) continue;
      for (const part of [lower, upper]) left.delete(text(part));
      const whole = { base: lower.base, bits: bits - 1 };
      left.set(text(whole), whole);
    }
  }
  return [...left.keys()].sort();
}

Deno.test("a collector may dial public IPv4, its broker, its archiver and Tor, listen for metrics, and nothing else", () => {
  const denied = net.deny.map(parse);
  const open = net.allow.filter(isNetwork).map(parse).flatMap((one) => without(one, denied));
  const isPublic = without({ base: 0, bits: 0 }, NOT_PUBLIC.map(parse));
  deepEqual(joined(open), joined(isPublic));
  const local = [4222, 8470, METRICS_PORT, 9050].map((port) => `127.0.0.1:${port}`);
  deepEqual(net.allow.filter((entry) => !isNetwork(entry)), local);
});

Deno.test("what is denied can hold no broker, archiver or name server: no flag opens it again", () => {
  const mayBeOurs = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"]
    .concat("127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16").map(parse);
  for (const denied of net.deny.map(parse)) {
    ok(mayBeOurs.every((one) => !holds(denied, one) && !holds(one, denied)), text(denied));
  }
});

Deno.test("no cloud's metadata service is within the sandbox's reach", () => {
  const open = net.allow.filter(isNetwork).map(parse)
    .flatMap((one) => without(one, net.deny.map(parse)));
  for (const address of ["169.254.169.254", "168.63.129.16", "100.100.100.200", "192.0.0.192"]) {
    deepEqual(open.filter((one) => holds(one, parse(`${address}/32`))), [], address);
  }
  ok(open.some((one) => holds(one, parse("168.63.129.17/32"))));
});

Deno.test("a collector may not run programs, load libraries, or see the environment or the system", () => {
  const { net: _net, read, write, ...rest } = config.permissions.collector;
  deepEqual(rest, { env: { ignore: true }, import: { deny: true } });
  equal(read.includes("."), false);
  for (const path of write) ok(read.includes(path), `${path} is written but not read`);
});

Deno.test("no set but the tests' may reach beyond loopback, run anything, or all at once", () => {
  for (const [name, set] of Object.entries<Record<string, unknown>>(config.permissions)) {
    if (["collector", "test", "setup"].includes(name)) continue;
    for (const host of (set.net ?? []) as string[]) {
      ok(/^127\.0\.0\.1(:\d+)?$/.test(host), `${name}: ${host}`);
    }
    if (set.run !== undefined) deepEqual(set.run, ["deno"], name);
    equal(set.all, undefined, name);
  }
});

Deno.test("an archiver may read the source of its worker, and write reports beside it", () => {
  const { read, write, sys } = config.permissions.archiver;
  const sources = ["archiver", "query_results", "shared"];
  for (const path of [...sources, ...OF_THE_RUNTIME]) ok(read.includes(path), path);
  deepEqual(write, ["archive", "query_results/runs"]);
  deepEqual(sys, ["statfs"]);
});

Deno.test("queries and the lab may read the project's folder and write reports, no more", () => {
  for (const name of ["query", "lab"]) {
    const { read, write, ...rest } = config.permissions[name];
    deepEqual(rest, { env: { ignore: true }, import: { deny: true }, ffi: true }, name);
    deepEqual(read, [".", ...OF_THE_RUNTIME], name);
    deepEqual(write, ["query_results/runs"], name);
  }
});
