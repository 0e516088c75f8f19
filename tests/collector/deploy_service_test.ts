import { deepEqual, equal, ok } from "node:assert/strict";
import { dirname } from "node:path";
import { fleetFiles } from "../../archiver/deploy/fleet.ts";
import { CollectorConfigSchema } from "../../collector/config.ts";
import { allowedNet } from "../../collector/deploy/reach.ts";
import { parseConfig } from "../../shared/config.ts";
import { startProcess } from "../support/servers/process.ts";
import { tempDir } from "../support/temp_dir.ts";

const DEPLOY = new URL("../../collector/deploy/", import.meta.url);
const SYSTEMD = "/usr/bin/systemd-analyze";
/** systemd's own scale: 0 is locked up, 10 wide open; it calls up to 2 "OK". Half of it is use of the network. */
const MAX_EXPOSURE_TENTHS = 15;
/** What the end of a run may take before and after delivery: signatures that wait to be checked, and some. */
const STOP_RESERVE_SECONDS = 20;

const unit = await Deno.readTextFile(new URL("gossip-collector.service", DEPLOY));
const config = parseConfig(
  fleetFiles({
    collectors: ["vps1"],
    brokers: ["100.64.0.7"],
    passwords: new Map([["archiver", ""], ["vps1", ""]]),
    hasPeers: true,
  }).find(({ path }) => path === "collectors/vps1/collector.yaml")!.text,
  CollectorConfigSchema,
  "collector.yaml",
);
const { permissions } = JSON.parse(
  await Deno.readTextFile(new URL("../../deno.json", import.meta.url)),
);

/** The value of the unit's line `key=…`. */
function value(key: string): string {
  return new RegExp(`^${key}=(.*)$`, "m").exec(unit)![1];
}

Deno.test("service, shipped config and permission set speak of the same folders", () => {
  const state = `/var/lib/${value("StateDirectory")}`;
  equal(config.data_dir, state);
  equal(value("WorkingDirectory"), state);
  const etc = dirname(value("ExecStart").split("--config ")[1]);
  equal(dirname(config.peers.file!), etc);
  ok(config.uplink.kind === "nats");
  equal(dirname(config.uplink.auth!.password_file!), etc);
  ok(permissions.collector.read.includes(etc));
  ok(permissions.collector.read.includes(state));
  ok(permissions.collector.write.includes(state));
});

Deno.test("the shipped config's server can be named at build time", () => {
  ok(config.uplink.kind === "nats");
  const nats = config.uplink.servers.map((server) => server.replace("nats://", ""));
  deepEqual(allowedNet([], { nats, cidrs: [] }), nats);
});

Deno.test("the service waits for an end in order, and takes it for one", () => {
  ok(Number(value("TimeoutStopSec")) >= config.stop_timeout / 1000 + STOP_RESERVE_SECONDS);
  equal(value("SuccessExitStatus"), "3");
  equal(value("RestartPreventExitStatus"), "2");
});

Deno.test({
  name: "systemd takes the service and finds it locked down",
  async fn() {
    await using dir = await tempDir();
    const path = dir.join("gossip-collector.service");
    const [program] = value("ExecStart").split(" ");
    // The program is not installed here.
    await Deno.writeTextFile(path, unit.replace(`ExecStart=${program}`, "ExecStart=/bin/true"));
    const analyze = async (...args: string[]) => {
      await using process = startProcess(SYSTEMD, args);
      equal((await process.wait()).code, 0, process.lines.join("\n"));
      return process.lines;
    };
    deepEqual(await analyze("verify", path), []);
    await analyze("security", "--offline=true", `--threshold=${MAX_EXPOSURE_TENTHS}`, path);
  },
});
