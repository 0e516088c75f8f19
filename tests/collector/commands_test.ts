import assert from "node:assert/strict";
import { saveAddressBook } from "../../collector/addresses/book_store.ts";
import { parseEndpoint } from "../../collector/addresses/endpoint.ts";
import type { NodeRecord } from "../../collector/addresses/node_table.ts";
import { GossipService, graphPath } from "../../collector/gossip/service.ts";
import { chainHash } from "../../shared/bolt/chains.ts";
import { systemClock } from "../../shared/clock.ts";
import { startProcess, startProgram } from "../support/servers/process.ts";
import { testKey } from "../support/fixtures/signed_gossip.ts";
import { nodePair, unsignedChannel, unsignedNode } from "../support/fixtures/unsigned_gossip.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const ids = ["a", "b"].map((label) => testKey(label).id);

/** Runs a command inside a folder; its exit code and what it printed. */
async function collect(dir: TempDir, ...args: string[]): Promise<[number, string]> {
  await using program = startProgram("collector/main.ts", args, [
    "--ignore-env",
    "--allow-net=127.0.0.1,1.0.0.0/8",
    `--allow-read=${dir.path}`,
    `--allow-write=${dir.path}`,
  ]);
  const { code } = await program.wait();
  return [code, program.lines.join("\n")];
}

async function withConfig(dir: TempDir, peers: Record<string, unknown>): Promise<string> {
  const uplink = { kind: "local", token_file: dir.join("token") };
  const config = { name: "x", data_dir: dir.join("data"), peers, uplink };
  await Deno.writeTextFile(dir.join("c.yaml"), JSON.stringify(config));
  return dir.join("c.yaml");
}

Deno.test("every command of the collector has its help, and a wrong name gets a list of them", async () => {
  await using dir = await tempDir();
  const [code, help] = await collect(dir, "--help");
  assert.equal(code, 0);
  const names = ["run", "check-config", "keygen", "addresses", "dump", "version"];
  for (const name of names) {
    assert.match(help, new RegExp(`^  ${name} `, "m"));
    const [code, text] = await collect(dir, name, "--help");
    assert.equal(code, 0);
    assert.match(text, new RegExp(`^Usage: deno task collect ${name} `, "m"));
  }
  assert.deepEqual(await collect(dir, "colect"), [
    2,
    `deno task collect: unknown command "colect"; use one of ${names.join(", ")}`,
  ]);
  assert.match((await collect(dir, "version"))[1], /^\d+\.\d+\.\d+$/);
});

Deno.test("check-config tells what must be mended, and keygen makes one key", async () => {
  await using dir = await tempDir();
  const file = dir.join("peers.txt");
  await Deno.writeTextFile(file, `${ids[0]}@127.0.0.1:1\n${ids[1]}@1.1.1.1:1\nnonsense\n`);
  const config = await withConfig(dir, { file });
  const [code, told] = await collect(dir, "check-config", "--config", config);
  assert.equal(code, 0);
  assert.match(told, /line 3: "nonsense" should be pubkey@host:port/);
  assert.match(told, /2 peers, 1 of them excluded by peers\.allow/);
  assert.match(told, /^Config .*: no faults$/m);
  const [first, nodeId] = await collect(dir, "keygen", "--config", config);
  assert.equal(first, 0);
  assert.match(nodeId, /^0[23][0-9a-f]{64}$/);
  assert.deepEqual(await collect(dir, "keygen", "--config", config), [0, nodeId]);

  await withConfig(dir, { tor_share: 1, open_networks: ["10.0.0.0/8"] });
  assert.deepEqual(await collect(dir, "check-config", "--config", config), [
    2,
    "Cannot reach peers through Tor: peers.tor_share is 1 and peers.proxy is missing",
  ]);
  await withConfig(dir, { open_networks: ["10.0.0.1/8"] });
  const [bad, why] = await collect(dir, "check-config", "--config", config);
  assert.equal(bad, 2);
  assert.match(why, /peers\.open_networks\.0: "10\.0\.0\.1\/8" — should be a network such as/);
});

Deno.test("check-config holds addresses and paths against the sandbox, and gives the one command that works", async () => {
  await using dir = await tempDir();
  const path = dir.join("c.yaml");
  const secret = dir.join("secret");
  await Deno.writeTextFile(secret, "swordfish");
  await Deno.writeTextFile(dir.join("peers.txt"), `${ids[0]}@127.0.0.1:9735\n`);
  const regtest = {
    name: "x",
    network: "regtest",
    data_dir: dir.join("data"),
    peers: { file: dir.join("peers.txt") },
    uplink: { kind: "local", token_file: dir.join("token") },
  };
  const local = { ...regtest, network: "bitcoin", peers: {}, metrics: { port: 9999 } };
  const everything = {
    ...regtest,
    network: "bitcoin",
    peers: { seeds: ["seed.test"], proxy: "10.0.0.1:9050", name_server: "[fd00::1]" },
    uplink: {
      kind: "nats",
      servers: ["nats://10.0.0.2", "tls://[fd00::2]:4333"],
      auth: { user: "u", password_file: secret },
    },
    metrics: { port: 9999 },
  };
  const cases: [config: object, told: string[]][] = [
    [regtest, [`such as 127.0.0.1:9735, and it opens no other`]],
    [local, [`uplink.token_file: reading ${dir.join("token")}`]],
    [everything, [
      `data_dir: reading ${dir.join("data")}`,
      `data_dir: writing ${dir.join("data")}`,
      "peers.proxy: using 10.0.0.1:9050",
      "peers.name_server: using [fd00::1]:53",
      "uplink.servers: using 10.0.0.2:4222",
      "uplink.servers: using [fd00::2]:4333",
      `uplink.auth.password_file: reading ${secret}`,
      "metrics: using 127.0.0.1:9999",
    ]],
  ];
  for (const [config, told] of cases) {
    await Deno.writeTextFile(path, JSON.stringify(config));
    for (const command of ["check-config", "run"]) {
      const own = config === regtest ? [`--allow-read=${dir.path}`, `--allow-write=${dir.path}`] : [
        `--allow-read=${path}`,
      ];
      await using refused = startProgram("collector/main.ts", [command, "--config", path], [
        "-P=collector",
        ...own,
      ]);
      assert.equal((await refused.wait()).code, 2);
      const lines = refused.lines.join("\n");
      for (const line of told) assert.ok(lines.includes(line), `${line} is not in\n${lines}`);
      const way = refused.lines.at(-1)!.trim();
      assert.match(
        way,
        /^deno run --quiet --no-prompt .*-P=collector --allow-net=.* run --config /,
      );
      await using again = startProcess("bash", [
        "-c",
        way.replace(" run --config ", " check-config --config "),
      ]);
      assert.equal((await again.wait()).code, 0, again.lines.join("\n"));
      assert.equal(again.lines.at(-1), `Config ${path}: no faults`);
    }
  }
});

Deno.test("check-config says when seeds cannot be asked for the sandbox closes the system's name server", async () => {
  await using dir = await tempDir();
  const [, ip] = (await Deno.readTextFile("/etc/resolv.conf")).match(/^nameserver (\S+)/m) ?? [];
  const config = await withConfig(dir, { seeds: ["seed.test"] });
  const flags = ["-P=collector", "--allow-net=127.0.0.1:8470", `--allow-write=${dir.path}`];
  await using check = startProgram("collector/main.ts", ["check-config", "--config", config], [
    ...flags,
    `--allow-read=/etc/resolv.conf,${dir.path}`,
  ]);
  assert.equal((await check.wait()).code, 0);
  const told = check.lines.join("\n");
  const text =
    `The sandbox does not open the system's name server ${ip}:53, which seeds and DNS names need\n`;
  if (/^[\d.]+$/.test(ip ?? "")) assert.ok(told.includes(text), told);
  await withConfig(dir, { seeds: ["seed.test"], name_server: "127.0.0.1:8470" });
  assert.ok(!(await collect(dir, "check-config", "--config", config))[1].includes("name server"));
});

Deno.test("check-config says which peers the sandbox closes while it opens others", async () => {
  await using dir = await tempDir();
  const file = dir.join("peers.txt");
  await Deno.writeTextFile(file, `${ids[0]}@1.1.1.1:1\n${ids[1]}@[2600::7]:9735\n`);
  const config = await withConfig(dir, { file });
  const [code, told] = await collect(dir, "check-config", "--config", config);
  assert.equal(code, 0);
  assert.match(told, /^The sandbox does not open 1 peers of .*, such as \[2600::7\]:9735$/m);
  assert.match(told, /,'\[2600::7\]' /);
});

Deno.test("check-config reads the secrets and authorities for NATS, and shows none", async () => {
  await using dir = await tempDir();
  const path = dir.join("c.yaml");
  const secret = dir.join("secret");
  await Deno.writeTextFile(secret, "swordfish\n");
  const check = async (more: Record<string, unknown>) => {
    const uplink = { kind: "nats", servers: ["nats://127.0.0.1:1"], ...more };
    await Deno.writeTextFile(
      path,
      JSON.stringify({ name: "x", data_dir: dir.join("data"), uplink }),
    );
    const [code, told] = await collect(dir, "check-config", "--config", path);
    assert.ok(!told.includes("swordfish"), told);
    return `${code} ${told}`;
  };
  const user = "vps1";
  assert.equal(
    await check({ auth: { user, password_file: secret } }),
    `0 Config ${path}: no faults`,
  );
  assert.match(
    await check({ auth: { user, password_file: dir.join("none") } }),
    /^2 Cannot read NATS auth\.password_file .*none: /,
  );
  assert.match(
    await check({ auth: { token_env: "NONE" } }),
    /^2 Cannot use NATS auth\.token_env: /,
  );
  assert.match(await check({ tls: { ca_file: secret } }), /^2 Cannot use NATS tls\.ca_file: /);
});

Deno.test("a list of addresses is sorted out into two", async () => {
  await using dir = await tempDir();
  const lines = [`${ids[0]}@1.1.1.1:1,1758844000`, `${ids[1]}@10.0.0.1:1`, "nonsense"];
  await Deno.writeTextFile(dir.join("list"), lines.join("\n"));
  const [code, told] = await collect(
    dir,
    "addresses",
    "--list",
    dir.join("list"),
    "--out",
    dir.path,
  );
  assert.equal(code, 0, told);
  assert.match(told, /Left out: 1 malformed, 0 Tor v2, 1 local, 0 repeated/);
  assert.equal(await Deno.readTextFile(dir.join("node_addrs_clearnet.txt")), `${lines[0]}\n`);
  assert.equal(await Deno.readTextFile(dir.join("node_addrs_onion.txt")), "");
  const [missing, why] = await collect(dir, "addresses", "--list", dir.join("none"));
  assert.equal(missing, 2);
  assert.match(why, /^Cannot read .*none: /);
});

Deno.test("addresses names the peers of the peer file that were never reached, and why", async () => {
  await using dir = await tempDir();
  const peer = `${ids[0]}@1.1.1.1:9735`;
  const local = `${ids[1]}@10.0.0.1:9735`;
  await Deno.writeTextFile(dir.join("peers.txt"), `${peer}\n${ids[1]}@1.1.1.2:9735\n${local}\n`);
  const config = await withConfig(dir, { file: dir.join("peers.txt") });
  await Deno.mkdir(dir.join("data"));
  const record: NodeRecord = {
    nodeId: ids[0],
    announcedAt: null,
    notBefore: 0,
    addresses: [{
      end: parseEndpoint("1.1.1.1:9735"),
      sources: ["file"],
      firstSeen: 1,
      lastTried: 2,
      lastWorked: null,
      failures: 3,
      lastFailure: "connection refused",
      notBefore: 0,
    }],
  };
  await saveAddressBook(dir.join("data/addresses.book"), [record], "bitcoin");
  const [code, told] = await collect(dir, "addresses", "--config", config);
  assert.equal(code, 0, told);
  assert.deepEqual(told.split("\n"), [
    `${dir.join("peers.txt")}: 2 of 3 peers are left alone or were never reached`,
    `${peer}: never reached: connection refused`,
    `${local}: never dialled: 10.0.0.1 is private (RFC 1918)`,
  ]);
});

Deno.test("a dump lists the nodes, channels and addresses of the saved graph", async () => {
  await using dir = await tempDir();
  const config = await withConfig(dir, {});
  const missing = await collect(dir, "dump", "--saved", "--config", config);
  assert.match(missing[1], /^Cannot list the saved graph: .* does not exist$/);
  await Deno.mkdir(dir.join("data"));
  const nodes = nodePair(1, 2);
  {
    const path = graphPath(dir.join("data"));
    await using gossip = await GossipService.open(chainHash("bitcoin"), systemClock, path);
    const timestamp = Math.floor(systemClock.now() / 1_000_000) - 60;
    gossip.graph.accept(unsignedChannel({ scid: 9n, nodes, network: "bitcoin" }), "valid");
    assert.equal(gossip.graph.accept(unsignedNode({ id: nodes[0], timestamp }), "valid"), "added");
  }
  const [code, told] = await collect(dir, "dump", "--saved", "--config", config, "--out", dir.path);
  assert.equal(code, 0, told);
  const [one, two] = nodes.map((bytes) => bytes.toHex());
  const read = (name: string) => Deno.readTextFile(dir.join(name));
  assert.equal(await read("node_list.csv"), `${one}\n${two}\n`);
  assert.equal(await read("channel_list.csv"), `9,${one},${two}\n`);
  assert.equal(await read("node_addresses.txt"), `${one}@203.0.113.7:9735\n`);
  assert.equal(await read("node_addrs_onion.txt"), "");
});
