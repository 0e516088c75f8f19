/** `deno task fleet set | plan | status`: a running collector follows, refuses, and reports. */
import { deepEqual, equal, match } from "node:assert/strict";
import { ArchiverConfigSchema } from "../../archiver/config.ts";
import type { FleetRow } from "../../archiver/fleet/status.ts";
import { startArchiver } from "../../archiver/run.ts";
import { formatNodeAddress } from "../../collector/addresses/endpoint.ts";
import { CollectorConfigSchema } from "../../collector/config.ts";
import { run } from "../../collector/run.ts";
import { parseConfig } from "../../shared/config.ts";
import { CapturedLog } from "../support/captured_log.ts";
import { lightning, ScriptedPeer } from "../support/fixtures/scripted_peer.ts";
import { fleetOf, startFleetBroker } from "../support/servers/fleet_broker.ts";
import { freePort } from "../support/servers/free_port.ts";
import { startProgram } from "../support/servers/process.ts";
import { tempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";

const COLLECTORS = ["vps1", "vps2"];

Deno.test("a collector does what the fleet wishes without a restart, and status says what it runs", async () => {
  await using stack = new AsyncDisposableStack();
  stack.use(new CapturedLog());
  const dir = stack.use(await tempDir());
  const broker = stack.use(await startFleetBroker(COLLECTORS));
  const { passwords } = fleetOf(COLLECTORS);
  for (const [user, password] of passwords) await Deno.writeTextFile(dir.join(user), password);
  const nats = (user: string) => ({
    servers: [broker.server.url],
    auth: { user, password_file: dir.join(user) },
  });

  const open = new Set<string>();
  const peers = ["a", "b", "c"].map((label) =>
    stack.use(
      new ScriptedPeer(
        `steered ${label}`,
        lightning(async (wire) => {
          open.add(label);
          await wire.untilClosed().finally(() => open.delete(label));
        }),
      ),
    )
  );
  const lines = peers.map(({ address }) => formatNodeAddress(address));
  await Deno.writeTextFile(dir.join("peers.txt"), lines.join("\n"));
  await Deno.writeTextFile(dir.join("one.txt"), lines[1]);

  const archiverYaml = JSON.stringify({
    archive: dir.join("a.duckdb"),
    api: { port: freePort() },
    nats: nats("archiver"),
    threads: 1,
    memory_limit: "256MiB",
  });
  await Deno.writeTextFile(dir.join("archiver.yaml"), archiverYaml);
  stack.use(await startArchiver(parseConfig(archiverYaml, ArchiverConfigSchema, "a")));

  const fleet = async (...args: string[]) => {
    await using program = startProgram(
      "archiver/deploy/main.ts",
      [...args, "--config", dir.join("archiver.yaml")],
      [
        "--quiet",
        "-P=fleet",
        "--allow-net=127.0.0.1",
        `--allow-read=${dir.path},query_results/queries`,
      ],
    );
    const { code } = await program.wait();
    return { code, lines: [...program.lines] };
  };
  const set = (...args: string[]) => fleet("set", "--collectors", "vps1", ...args);

  const collector = JSON.stringify({
    name: "vps1",
    network: "regtest",
    data_dir: dir.join("data"),
    peers: { file: dir.join("peers.txt"), target: 3, dials_per_second: 1000 },
    uplink: { kind: "nats", ...nats("vps1") },
    stop_timeout: "2s",
  });
  const stop = new AbortController();
  const running = run(parseConfig(collector, CollectorConfigSchema, "c"), stop);
  await until(() => open.size === 3);

  deepEqual(await set("--pause"), { code: 0, lines: ["vps1 follows wish 1 and is paused"] });
  await until(() => open.size === 0);
  deepEqual(await set("--resume", "--peers", dir.join("one.txt")), {
    code: 0,
    lines: ["vps1 follows wish 2"],
  });
  await until(() => [...open].join() === "b");

  // An address that the collector's own rules forbid: only it can tell.
  await Deno.writeTextFile(dir.join("bad.txt"), lines[0].replace("127.0.0.1", "10.0.0.1"));
  const refused = await set("--peers", dir.join("bad.txt"));
  equal(refused.code, 1);
  match(refused.lines.join(), /^vps1 refuses wish 3: peers: none can be dialled/);
  deepEqual([...open], ["b"]);

  const status = await fleet("status", "--json");
  equal(status.code, 1);
  const [row] = status.lines.map((line) => JSON.parse(line) as FleetRow);
  deepEqual([row.name, row.target, row.wish, row.runs], ["vps1", 3, 3, 2]);
  match(row.problems.join(), /refuses wish 3/);

  const plan = ["plan", "--peers", dir.join("peers.txt"), "--collectors", "vps1,vps2"];
  const planned = await fleet(...plan, "--watchers", "2");
  match(planned.lines.join("\n"), /watchers then: 3 by 2\n/);
  match(planned.lines.at(-1)!, /add --apply/);
  deepEqual([...open], ["b"]);
  const applied = await fleet(...plan, "--watchers", "2", "--apply");
  match(applied.lines.join("\n"), /^vps1 follows wish 4$/m);
  match(
    applied.lines.join("\n"),
    /^vps2 was never heard here: check its name; it follows wish 5 when/m,
  );
  await until(() => open.size === 3);
  // Nobody reads the wish of vps2.
  const { lines: table } = await fleet("status");
  match(table[0], /^collector +version +clock +lag +peers +lost +disk +wish +look at$/);
  match(table[1], /^vps2 .* no collector of this name is heard: nobody reads its wish$/);
  // The heartbeat may be of the moment before the peers were back and the first batch was acknowledged.
  match(table[2], /^vps1 .* 4 +(ok|few peers|nothing has been delivered yet(; few peers)?)$/);

  for (
    const [args, message] of [
      [["set", "--pause"], /--collectors is required/],
      [["set", "--collectors", "vps1,a b", "--pause"], /has "a b"; a name should be/],
      [["set", "--collectors", "vps1", "--reset", "colour"], /--reset has "colour"; it should/],
      [["set", "--collectors", "vps1", "--pause", "--resume"], /--pause or --resume, not both/],
      [["set", "--collectors", "vps1", "--clear", "--pause"], /--clear without a change/],
      [["set", "--collectors", "vps1", "--kinds", "ipv5"], /kinds\.0: "ipv5" — should be one of/],
      [["plan"], /--peers is required/],
    ] as const
  ) {
    const wrong = await fleet(...args);
    equal(wrong.code, 2);
    match(wrong.lines.join("\n"), message);
  }
  stop.abort();
  equal((await running).left, 0);
});
