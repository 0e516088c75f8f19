// A real NATS server with JetStream on loopback, for one test.

import { connectNats } from "../../../shared/nats/connect.ts";
import { STREAM } from "../../../shared/subjects.ts";
import { type DebianServer, startDebianServer } from "./debian_server.ts";
import { freePort } from "./free_port.ts";
import type { Process } from "./process.ts";
import { tempDir } from "../temp_dir.ts";
import { until } from "../until.ts";

/** Debian's. */
export const NATS_SERVER: DebianServer = {
  program: "nats-server",
  package: "nats-server",
  ready: /Server is ready/,
  taken: /address already in use/,
};
/** Another test may take a free port before the server binds it. */
const START_ATTEMPTS = 20;

/** How the server is set up. */
export interface NatsOptions {
  /** The text of a configuration file, e.g. `max_payload: 64KB`. */
  readonly config?: string;
}

/** A running server; disposing stops it and removes its store. */
export interface NatsServer extends AsyncDisposable {
  /** `nats://127.0.0.1:PORT`. */
  readonly url: string;
  /** The same over restarts. */
  readonly port: number;
  /** JetStream's folder. */
  readonly storeDir: string;
  /** Ends it in order (SIGTERM); harmless when it is down. */
  stop(): Promise<void>;
  /** Ends it at once (SIGKILL); harmless when it is down. */
  kill(): Promise<void>;
  /** Gives it another configuration while it runs (SIGHUP); only where it was started with one. */
  reload(config: string): Promise<void>;
  /** Starts it again on the same port and store, after {@link stop} or {@link kill} or straight away. */
  restart(): Promise<void>;
}

/**
 * Starts `nats-server` and waits until it takes connections.
 *
 * @throws {UserError} when the server is not installed.
 */
export async function startNatsServer(options: NatsOptions = {}): Promise<NatsServer> {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const storeDir = dir.join("jetstream");
  const configArgs: string[] = [];
  if (options.config !== undefined) {
    await Deno.writeTextFile(dir.join("nats.conf"), options.config);
    configArgs.push("--config", dir.join("nats.conf"));
  }
  const start = (port: number) => {
    const address = ["--addr", "127.0.0.1", "--port", String(port)];
    const store = ["--jetstream", "--store_dir", storeDir];
    return startDebianServer(NATS_SERVER, [...configArgs, ...address, ...store]);
  };

  let server: Process | null = null;
  let port = 0;
  for (let attempt = 1; server === null; attempt++) {
    port = freePort();
    server = await start(port);
    if (server === null && attempt === START_ATTEMPTS) {
      throw new Error(`nats-server found no free port in ${START_ATTEMPTS} attempts`);
    }
  }
  stack.defer(async () => {
    await server?.kill();
  });
  const owned = stack.move();

  const self: NatsServer = {
    url: `nats://127.0.0.1:${port}`,
    port,
    storeDir,
    async stop() {
      await server?.terminate();
    },
    async kill() {
      await server?.kill();
    },
    async reload(config) {
      // What was given as an argument is forgotten.
      const jetstream = `jetstream: { store_dir: ${JSON.stringify(storeDir)} }`;
      await Deno.writeTextFile(dir.join("nats.conf"), `${config}\n${jetstream}`);
      const lines = server!.lines.length;
      server!.signal("SIGHUP");
      await until(() => server!.lines.slice(lines).some((line) => /Reloaded/.test(line)));
    },
    async restart() {
      await self.stop();
      server = await start(port);
      if (server === null) throw new Error(`Port ${port} was taken while nats-server was down`);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
  return self;
}

/** What a killed archiver had not acknowledged may be given out again only after a while. */
const ARCHIVED_MILLISECONDS = 60_000;

/**
 * Waits until the archiver has acknowledged every batch, and the stream is empty.
 *
 * @param state told when it never happens.
 */
export async function untilArchived(server: NatsServer, state: () => string): Promise<void> {
  const connection = await connectNats({ servers: [server.url], name: "test" });
  try {
    const { streams } = await connection.jetstreamManager();
    await until(
      async () => (await streams.info(STREAM)).state.messages === 0,
      state,
      ARCHIVED_MILLISECONDS,
    );
  } finally {
    await connection.close();
  }
}
