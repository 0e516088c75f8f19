/** `deno task fleet init`, and what it wrote run as far as a machine without systemd can. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { ArchiverConfigSchema } from "../../archiver/config.ts";
import { startArchiver } from "../../archiver/run.ts";
import { formatNodeAddress } from "../../collector/addresses/endpoint.ts";
import { CollectorConfigSchema } from "../../collector/config.ts";
import { run } from "../../collector/run.ts";
import { parseConfig } from "../../shared/config.ts";
import { connectNats } from "../../shared/nats/connect.ts";
import { readNatsAccess } from "../../shared/nats/access.ts";
import { batchSubject, STREAM } from "../../shared/subjects.ts";
import { CapturedLog } from "../support/captured_log.ts";
import { archiveTotals } from "../support/fixtures/archive_check.ts";
import { honest, ScriptedPeer } from "../support/fixtures/scripted_peer.ts";
import { signedGraph } from "../support/fixtures/signed_gossip.ts";
import { startDebianServer } from "../support/servers/debian_server.ts";
import { freePort } from "../support/servers/free_port.ts";
import { NATS_SERVER, startNatsServer } from "../support/servers/nats_server.ts";
import { startProcess, startProgram } from "../support/servers/process.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { until, untilWell } from "../support/until.ts";

const BROKER = "127.0.0.1";
const SECRET = /(password|nats-passwords\.conf)$/;

async function fleet(dir: TempDir, ...args: string[]): Promise<{ code: number; lines: string[] }> {
  const reach = [`--allow-read=${dir.path},archiver/deploy,collector/deploy`];
  await using program = startProgram(
    "archiver/deploy/main.ts",
    ["init", "--out", dir.join("fleet"), ...args],
    ["--quiet", "--no-prompt", "-P=fleet", ...reach, `--allow-write=${dir.path}`],
  );
  const { code } = await program.wait();
  return { code, lines: [...program.lines] };
}

/** Text and mode of each file, by path. */
async function filesIn(folder: string, under = ""): Promise<Map<string, [string, number]>> {
  const found = new Map<string, [string, number]>();
  for await (const { name, isDirectory } of Deno.readDir(`${folder}/${under}`)) {
    const path = `${under}${name}`;
    if (isDirectory) { for (const entry of await filesIn(folder, `${path}/`)) found.set(...entry); }
    else {
      const { mode } = await Deno.stat(`${folder}/${path}`);
      found.set(path, [await Deno.readTextFile(`${folder}/${path}`), mode! & 0o777]);
    }
  }
  return found;
}

/** Lays the files of one host out below `root`, as its install script would below `/`. */
async function install(folder: string, root: string): Promise<void> {
  await using script = startProcess("/bin/sh", [`${folder}/install.sh`], {
    env: { DESTDIR: root },
  });
  equal((await script.wait()).code, 0, script.lines.join("\n"));
}

Deno.test("a fleet is written once: again changes nothing, more collectors leave all others as they are", async () => {
  await using dir = await tempDir();
  const first = await fleet(dir, "--collectors", "vps1,vps2,vps3", "--broker", BROKER);
  equal(first.code, 0, first.lines.join("\n"));
  const before = await filesIn(dir.join("fleet"));
  const secrets = [...before].filter(([path]) => SECRET.test(path));
  equal(secrets.length, 5);
  for (const [path, [, mode]] of before) equal(mode, SECRET.test(path) ? 0o600 : 0o644, path);
  const passwords = secrets.filter(([path]) => path.endsWith("password")).map(([, [text]]) => text);
  equal(new Set(passwords).size, 4);
  for (const password of passwords) match(password, /^[0-9a-f]{48}\n$/);

  const again = await fleet(dir, "--collectors", "vps1,vps2,vps3", "--broker", BROKER);
  ok(again.lines.every((line) => line.startsWith("kept ")), again.lines.join("\n"));
  deepEqual(await filesIn(dir.join("fleet")), before);

  await Deno.writeTextFile(dir.join("peers.txt"), "# none yet\n");
  const peers = ["--peers", dir.join("peers.txt")];
  equal((await fleet(dir, "--collectors", "vps4", "--broker", BROKER, ...peers)).code, 0);
  const after = await filesIn(dir.join("fleet"));
  for (const [path, entry] of before) {
    if (!path.startsWith("broker/nats-")) deepEqual(after.get(path), entry, path);
  }
  equal(after.get("collectors/vps4/peers.txt")![0], "# none yet\n");
  match(
    after.get("collectors/vps4/collector.yaml")![0],
    /file: \/etc\/gossip-observer\/peers\.txt/,
  );
  for (const name of ["vps1", "vps2", "vps3", "vps4"]) {
    match(after.get("broker/nats-server.conf")![0], new RegExp(`gossip\\.batches\\.${name}",`));
  }
});

Deno.test("INSTALL names what is there: its command makes every file that it goes on with", async () => {
  await using dir = await tempDir();
  const guide = await Deno.readTextFile(
    new URL("../../collector/deploy/INSTALL.md", import.meta.url),
  );
  const [, args] = guide.match(/^ {4}deno task fleet init (.*)$/m)!;
  equal((await fleet(dir, ...args.split(" "))).code, 0);
  const named = [...guide.matchAll(/\bfleet\/[\w/.$-]+\.sh|fleet\/collectors\/\$host/g)].map((
    [path],
  ) => path);
  ok(named.length >= 3);
  for (const path of named) await Deno.stat(dir.join(path.replace("$host", "vps2")));
});

Deno.test("what is wrong with a fleet is said in one line, and nothing is written", async () => {
  await using dir = await tempDir();
  const wrong: [string[], RegExp][] = [
    [[], /--collectors and --broker are required/],
    [
      ["--collectors", "vps1", "--broker", "broker.example"],
      /it should be an IP address, or three$/,
    ],
    [["--collectors", "vps1", "--broker", "127.0.0.1,127.0.0.2"], /an IP address, or three$/],
    [["--collectors", "VPS1", "--broker", BROKER], /has "VPS1"; a name should be/],
    [["--collectors", "archiver", "--broker", BROKER], /has "archiver"; a name should be/],
    [["--collectors", ",", "--broker", BROKER], /names none$/],
    [["--collectors", "a", "--broker", BROKER, "--peers", dir.join("x")], /^Cannot read .*x: /],
  ];
  for (const [args, message] of wrong) {
    const { code, lines } = await fleet(dir, ...args);
    equal(code, 2, lines.join("\n"));
    equal(lines.length, 1, lines.join("\n"));
    match(lines[0], message);
  }
  deepEqual([...await filesIn(dir.path)], []);
  await fleet(dir, "--collectors", "vps1", "--broker", BROKER);
  const other = await fleet(dir, "--collectors", "vps1", "--broker", "127.0.0.2");
  match(other.lines[0], /archiver\.yaml names another; change it there/);
  await Deno.writeTextFile(dir.join("fleet/collectors/vps1/nats-password"), "secret\n");
  const changed = await fleet(dir, "--collectors", "vps1", "--broker", BROKER);
  match(changed.lines[0], /nats-password: it should hold 48 hex digits/);
});

Deno.test("systemd takes both units with their drop-ins where install.sh puts them, and finds them locked down", async () => {
  await using dir = await tempDir();
  await fleet(dir, "--collectors", "vps1", "--broker", "100.64.0.7");
  const folders = { archive: "gossip-archiver", "collectors/vps1": "gossip-collector" };
  for (const [folder, unit] of Object.entries(folders)) {
    const root = dir.join(`root-${unit}`);
    await install(dir.join("fleet", folder), root);
    // Twice is harmless.
    await install(dir.join("fleet", folder), root);
    const path = `${root}/etc/systemd/system/${unit}.service`;
    const text = await Deno.readTextFile(path);
    // The programs are not installed here.
    await Deno.writeTextFile(path, text.replace(/^ExecStart=\S+/m, "ExecStart=/bin/true"));
    const analyze = async (...args: string[]) => {
      await using process = startProcess("/usr/bin/systemd-analyze", args);
      equal((await process.wait()).code, 0, process.lines.join("\n"));
      return process.lines;
    };
    deepEqual(await analyze("verify", path), []);
    await analyze("security", "--offline=true", "--threshold=15", path);
    const drop = await Deno.readTextFile(`${path}.d/broker.conf`);
    match(drop, /^IPAddressAllow=100\.64\.0\.7$/m);
  }
  const modes = await filesIn(dir.join("root-gossip-archiver/etc/gossip-observer"));
  deepEqual([...modes].map(([path, [, mode]]) => `${path} ${mode.toString(8)}`).sort(), [
    "archiver-password 640",
    "archiver.yaml 640",
  ]);
});

Deno.test("the archiver's unit starts an archiver in its sandbox, from its own folders alone", async () => {
  await using dir = await tempDir();
  await fleet(dir, "--collectors", "vps1", "--broker", BROKER);
  const root = dir.join("root");
  await install(dir.join("fleet/archive"), root);
  const config = `${root}/etc/gossip-observer/archiver.yaml`;
  const here = (text: string) =>
    text.replaceAll("/etc/", `${root}/etc/`).replaceAll("/var/lib/", `${root}/var/lib/`);
  await Deno.writeTextFile(config, here(await Deno.readTextFile(config)) + "api: {port: 0}\n");
  const unit = await Deno.readTextFile(`${root}/etc/systemd/system/gossip-archiver.service`);
  const [, command] = unit.replaceAll("\\\n", "").match(
    /^ExecStart=\/usr\/local\/bin\/deno (.*)$/m,
  )!;
  // The test's archiver takes any free port.
  const args = here(command).replace("127.0.0.1:8470,127.0.0.1:5433,${BROKER}", "127.0.0.1")
    .replaceAll("/opt/gossip-observer", Deno.cwd()).split(/\s+/);
  await using archiver = startProcess(Deno.execPath(), args, {
    cwd: new URL("../../", import.meta.url),
  });
  await archiver.waitForLine(/API at/);
  await archiver.waitForLine(/Cannot pull batches/);
  await archiver.terminate();
  await Deno.stat(`${root}/var/lib/gossip-archiver/gossip.duckdb`);
});

Deno.test("with the generated files a collector delivers, and cannot write as another", async () => {
  await using stack = new AsyncDisposableStack();
  stack.use(new CapturedLog());
  const dir = stack.use(await tempDir());
  const graph = signedGraph({ nodes: 3, channels: 2, timestamp: 1_758_844_000 });
  const stop = new AbortController();
  const peer = stack.use(new ScriptedPeer("fleet", honest(graph, () => stop.abort())));
  await Deno.writeTextFile(dir.join("peers.txt"), `${formatNodeAddress(peer.address)}\n`);
  const peers = ["--peers", dir.join("peers.txt")];
  const made = await fleet(dir, "--collectors", "vps1,vps-2", "--broker", BROKER, ...peers);
  equal(made.code, 0, made.lines.join("\n"));
  await install(dir.join("fleet/broker"), dir.join("broker"));
  const etc = (name: string) => dir.join("broker/etc", name);
  const config = (await Deno.readTextFile(etc("nats-server.conf")))
    .replace(/^include .*$/m, await Deno.readTextFile(etc("nats-passwords.conf")))
    .replace(/^ *store_dir: .*$/m, "")
    .replace(/^listen: .*$/m, "");
  const server = stack.use(await startNatsServer({ config }));

  // As they were written, but for paths and the test's own port.
  const here = (text: string, root: string) =>
    text.replaceAll("/etc/", `${root}/etc/`).replaceAll("/var/lib/", `${root}/var/lib/`)
      .replaceAll(`nats://${BROKER}:4222`, server.url);
  const installed = async (folder: string, file: string) => {
    const root = dir.join(`at ${folder.replaceAll("/", " ")}`);
    await install(dir.join("fleet", folder), root);
    return here(await Deno.readTextFile(`${root}/etc/gossip-observer/${file}`), root);
  };
  const archiverText = await installed("archive", "archiver.yaml");
  const archiverConfig = parseConfig(
    `${archiverText}\napi: {port: 0}\n`,
    ArchiverConfigSchema,
    "a",
  );
  {
    await using archiver = await startArchiver(archiverConfig);
    await untilWell(archiver.url);
    const text = await installed("collectors/vps1", "collector.yaml");
    const parsed = parseConfig(text, CollectorConfigSchema, "c");
    ok(parsed.uplink.kind === "nats");
    const result = await run({
      ...parsed,
      network: "regtest",
      peers: { ...parsed.peers, target: 1 },
      stop_timeout: 10_000,
    }, stop);
    deepEqual([result.receipts, result.left], [graph.length, 0]);

    const other = await installed("collectors/vps-2", "collector.yaml");
    const { uplink } = parseConfig(other, CollectorConfigSchema, "c");
    ok(uplink.kind === "nats");
    await using access = await connection(await readNatsAccess(uplink));
    for (const [name, taken] of [["vps1", false], ["vps-2", true]] as const) {
      const sent = await access.publish(batchSubject(name)).then(() => true, () => false);
      equal(sent, taken, name);
    }
  }
  equal((await archiveTotals(archiverConfig.archive)).receipts, graph.length);
});

Deno.test("three brokers make one cluster: each keeps all, one may die, and none joins without the password", async () => {
  await using stack = new AsyncDisposableStack();
  stack.use(new CapturedLog());
  const dir = stack.use(await tempDir());
  const brokers = ["127.77.0.1", "127.77.0.2", "127.77.0.3"];
  const made = await fleet(dir, "--collectors", "vps1,vps2", "--broker", brokers.join());
  equal(made.code, 0, made.lines.join("\n"));
  const again = await fleet(dir, "--collectors", "vps1", "--broker", brokers.join());
  ok(again.lines.every((line) => line.startsWith("kept ")), again.lines.join("\n"));

  // The test's own ports and folders.
  const ports = new Map<string, string>(
    brokers.flatMap((broker) =>
      ["4222", "6222"].map((
        port,
      ): [string, string] => [`${broker}:${port}`, `127.0.0.1:${freePort()}`])
    ),
  );
  const here = (text: string) =>
    text.replaceAll(/127\.77\.0\.\d:\d+/g, (address) => ports.get(address)!)
      .replaceAll("/etc/gossip-observer", dir.join("etc")).replaceAll(
        "/var/lib/",
        dir.join("var/"),
      );
  const start = async (folder: string) => {
    const config = `${folder}/nats-server.conf`;
    const process = await startDebianServer(NATS_SERVER, ["--config", config]);
    return process === null ? null : stack.use(process);
  };
  const servers = await Promise.all(brokers.map(async (broker) => {
    const folder = dir.join(`fleet/broker/${broker}`);
    for (const name of ["nats-server.conf", "nats-passwords.conf"]) {
      const text = here(await Deno.readTextFile(`${folder}/${name}`));
      await Deno.writeTextFile(`${folder}/${name}`, text.replace("/nats\n", `/${broker}\n`));
    }
    return await start(folder);
  }));
  ok(servers.every((server) => server !== null));

  await Deno.mkdir(dir.join("etc"));
  await Deno.copyFile(
    dir.join("fleet/archive/archiver-password"),
    dir.join("etc/archiver-password"),
  );
  const config = parseConfig(
    `${here(await Deno.readTextFile(dir.join("fleet/archive/archiver.yaml")))}\napi: {port: 0}\n`,
    ArchiverConfigSchema,
    "a",
  );
  await using archiver = await startArchiver(config);
  await untilWell(archiver.url);
  const access = await readNatsAccess(config.nats!);
  const nats = await connectNats({ ...access, name: "test" });
  stack.defer(() => nats.close());
  const { streams } = await nats.jetstreamManager();
  equal((await streams.info(STREAM)).config.num_replicas, 3);

  await Deno.copyFile(
    dir.join("fleet/collectors/vps1/nats-password"),
    dir.join("etc/nats-password"),
  );
  const { uplink } = parseConfig(
    here(await Deno.readTextFile(dir.join("fleet/collectors/vps1/collector.yaml"))),
    CollectorConfigSchema,
    "c",
  );
  ok(uplink.kind === "nats" && uplink.servers.length === 3);
  const publish = async () => {
    await using vps1 = await connection(await readNatsAccess(uplink));
    const isTaken = (name: string) =>
      vps1.publish(batchSubject(name)).then(() => true, () => false);
    deepEqual([await isTaken("vps1"), await isTaken("vps2")], [true, false]);
  };
  // What is no batch is set aside by the archiver.
  const setAside = async () => {
    const { dead_letters } = await (await fetch(`${archiver.url}/status`)).json();
    return dead_letters as number;
  };
  await publish();
  await until(async () => await setAside() === 1);
  await servers[0]!.kill();
  await until(() => publish().then(() => true, () => false));
  await until(async () => await setAside() > 1);

  const rogue = dir.join("rogue");
  await Deno.mkdir(rogue);
  await Deno.writeTextFile(
    `${rogue}/nats-server.conf`,
    `listen: "127.0.0.1:${freePort()}"
    cluster { name: gossip, listen: "127.0.0.1:${freePort()}", routes: ["nats://${
      ports.get("127.77.0.2:6222")
    }"] }`,
  );
  await start(rogue);
  await until(() => servers[1]!.lines.some((line) => /authentication error/i.test(line)));
});

async function connection(access: Awaited<ReturnType<typeof readNatsAccess>>) {
  const nats = await connectNats({ ...access, name: "another" });
  return {
    publish: (subject: string) => nats.request(subject, "no batch", { timeout: 5000 }),
    [Symbol.asyncDispose]: () => nats.close(),
  };
}
