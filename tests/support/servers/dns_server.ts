// A real DNS server on loopback, for one test: Debian's dnsmasq with records of the test's own.

import { type DebianServer, startDebianServer } from "./debian_server.ts";
import { tempDir } from "../temp_dir.ts";

const SERVER: DebianServer = {
  program: "dnsmasq",
  package: "dnsmasq-base",
  ready: /started, version/,
  taken: /in use/,
};
/** Ports to draw from, below Linux' ephemeral range. */
const FIRST_PORT = 12_000;
const LAST_PORT = 16_000;
/** Another test may hold the port. */
const START_ATTEMPTS = 20;

/** What the server knows. Of .test it knows that there is nothing else; it refuses all other names. */
export interface DnsRecords {
  /** SRV records: a name, and each of its targets with a port. */
  readonly services?: readonly {
    readonly name: string;
    readonly target: string;
    readonly port: number;
  }[];
  /** A and AAAA records by name. */
  readonly addresses?: Readonly<Record<string, readonly string[]>>;
}

/** A running server; disposing ends it. */
export interface DnsServer extends AsyncDisposable {
  /** Its address and port. */
  readonly nameServer: { readonly ip: string; readonly port: number };
  /** The questions so far, as the server wrote them down, such as `query[A] node.test from 127.0.0.1`. */
  questions(): readonly string[];
}

/**
 * Starts dnsmasq and waits until it answers.
 *
 * @throws {UserError} when it is not installed.
 */
export async function startDnsServer(records: DnsRecords): Promise<DnsServer> {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const file = dir.join("dnsmasq.conf");
  await Deno.writeTextFile(file, configOf(records));
  for (let attempt = 0; attempt < START_ATTEMPTS; attempt++) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    const server = await startDebianServer(SERVER, ["--conf-file=" + file, `--port=${port}`]);
    if (!server) continue;
    stack.use(server);
    const owned = stack.move();
    return {
      nameServer: { ip: "127.0.0.1", port },
      questions: () =>
        server.lines.flatMap((line) => line.match(/query\[.*$/)?.[0].replace(/#.*/, "") ?? []),
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  }
  throw new Error(`No free port for dnsmasq after ${START_ATTEMPTS} attempts`);
}

function configOf({ services = [], addresses = {} }: DnsRecords): string {
  return [
    "keep-in-foreground",
    "listen-address=127.0.0.1",
    "bind-interfaces",
    "no-resolv",
    "local=/test/",
    "no-hosts",
    "no-poll",
    "pid-file=",
    "log-queries",
    "log-facility=-",
    // Without this it would give up root for a user that may not read the file.
    `user=${Deno.uid() === 0 ? "root" : ""}`,
    ...services.map(({ name, target, port }) => `srv-host=${name},${target},${port}`),
    ...Object.entries(addresses).flatMap(([name, all]) =>
      all.map((address) => `host-record=${name},${address}`)
    ),
  ].join("\n");
}
