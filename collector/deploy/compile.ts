import { runMain } from "../../shared/cli.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";
import { bundle, compile, type Machine, MACHINES, netOfSet } from "./build.ts";
import { allowedEnv, allowedNet } from "./reach.ts";

if (import.meta.main) {
  await runMain({
    name: "deno task compile",
    summary:
      "Build the collector as single binaries for Linux, with the permission set of `deno task collect`\n" +
      "baked in. A binary reaches public IPv4 addresses, the NATS servers named here, and an archiver\n" +
      "and Tor's proxy on the same host. Private networks and environment variables stay closed unless\n" +
      "named here.",
    flags: {
      target: {
        value: "MACHINES",
        help: "machines to build for, comma-separated",
        default: MACHINES.join(","),
      },
      nats: { value: "HOST:PORT", help: "NATS servers, comma-separated (default: 127.0.0.1:4222)" },
      "allow-cidr": {
        value: "CIDR",
        help:
          "more networks, comma-separated, each with :PORT or for all ports; for IPv6 single addresses",
      },
      "allow-env": {
        value: "NAMES",
        help: "environment variables to open, comma-separated, for password_env and the like",
      },
      out: { value: "DIR", help: "output folder", default: "dist" },
    },
    examples: [
      "deno task compile --nats 100.64.0.7:4222",
      "deno task compile --target x86_64 --nats 10.8.0.1:4222 --allow-cidr 192.168.0.0/16",
      "deno task compile --nats 10.8.0.1:4222 --allow-env NATS_PASSWORD",
    ],
  }, async ({ target, nats, "allow-cidr": cidrs, "allow-env": names, out }) => {
    const machines = list(target).map(machineNamed);
    const net = allowedNet(await netOfSet(), { nats: list(nats), cidrs: list(cidrs) });
    const env = allowedEnv(list(names));
    await makeFolder(out);
    const bundled = `${out}/gossip-collector.mjs`;
    try {
      await bundle(bundled);
      for (const machine of machines) {
        const output = `${out}/gossip-collector-linux-${machine}`;
        await compile({ bundle: bundled, machine, net, env, output });
        const { size } = await Deno.stat(output);
        console.log(`${output}: ${(size / 2 ** 20).toFixed(1)} MiB`);
      }
    } finally {
      await Deno.remove(bundled).catch(() => {});
    }
  });
}

async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (error) {
    const reason = error instanceof Deno.errors.NotCapable
      ? "this task may write to dist and folders in it only"
      : errorText(error);
    throw new UserError(`Cannot use folder ${path}: ${reason}`, { cause: error });
  }
}

function list(text: string | undefined): string[] {
  return text === undefined ? [] : text.split(",").map((entry) => entry.trim());
}

function machineNamed(name: string): Machine {
  const machine = MACHINES.find((known) => known === name);
  if (machine) return machine;
  throw new UserError(
    `Cannot build for "${printable(name)}"; --target takes ${MACHINES.join(" and ")}`,
  );
}
