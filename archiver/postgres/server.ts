// The Postgres endpoint: listens, logs clients in, and runs a session for each.

import { createHash, randomBytes, X509Certificate } from "node:crypto";
import net from "node:net";
import tls from "node:tls";
import { dirname } from "node:path";
import { errorText, UserError } from "../../shared/errors.ts";
import { logger } from "../../shared/log.ts";
import { printable } from "../../shared/text.ts";
import { readSchema } from "../schema/page.ts";
import { Catalogue } from "./catalogue.ts";
import type { PostgresConfig } from "./config.ts";
import { PostgresCounters, type PostgresSource } from "./counters.ts";
import { type ArchiveStore, DataPool } from "./data.ts";
import {
  authentication,
  backendKeyData,
  errorResponse,
  parameterStatus,
  readyForQuery,
  SqlError,
} from "./replies.ts";
import { readVerifier, ScramServer } from "./scram.ts";
import { Session } from "./session.ts";
import { readUsers } from "./users.ts";
import { Link } from "./link.ts";
import { type Opening, WireFault } from "./wire.ts";

const LOGIN_MS = 30_000;
/** For clients to hear that the archiver stops. */
const GOODBYE_MS = 1000;
/** Connections that are logging in, beyond those of the config. */
const MAX_EARLY = 64;
const SASL = 10, SASL_CONTINUE = 11, SASL_FINAL = 12, LOGGED_IN = 0;
const MECHANISM = "SCRAM-SHA-256", BOUND_MECHANISM = "SCRAM-SHA-256-PLUS";
const TLS_RECORD = 0x16;
/** Settings of the log-in that are no settings of PostgreSQL's. */
const NOT_SETTINGS = /^(user|database|replication|options|_pq_\..*)$/;

const log = logger("archiver", "postgres");

export interface PostgresDependencies {
  readonly store: ArchiveStore;
  readonly archive: string;
  readonly usersFile: string;
}

/** TLS, and to what log-ins can be bound; null: the certificate has no such hash. */
interface Secure {
  readonly context: tls.SecureContext;
  readonly endPoint: Uint8Array | null;
}

interface Client {
  readonly link: Link;
  readonly secret: number;
  readonly session: Session;
}

/** A running endpoint. Disposing ends its sessions. */
export class PostgresServer implements AsyncDisposable, PostgresSource {
  readonly #catalogue: Catalogue;
  readonly #pool: DataPool;
  readonly #secure: Secure | null;
  readonly #server: net.Server;
  readonly counters: PostgresCounters = new PostgresCounters();
  readonly #clients = new Map<number, Client>();
  readonly #sockets = new Map<net.Socket, Promise<void>>();
  readonly #secret = new Uint8Array(randomBytes(32));
  #lastId = 0;

  private constructor(
    private readonly config: PostgresConfig,
    private readonly dependencies: PostgresDependencies,
    { catalogue, relations, secure }: {
      readonly catalogue: Catalogue;
      readonly relations: ReadonlySet<string>;
      readonly secure: Secure | null;
    },
  ) {
    this.#catalogue = catalogue;
    this.#secure = secure;
    this.#pool = new DataPool(dependencies.store, relations, {
      maxStatements: config.max_statements,
      statementMs: config.statement_timeout,
      onTimeout: () => this.counters.limited("statement_timeout"),
      onWait: () => this.counters.limited("statements"),
    });
    this.#server = net.createServer((socket) => this.#accept(socket));
  }

  /** Starts it. @throws {UserError} when it cannot listen, or its files cannot be read. */
  static async start(
    config: PostgresConfig,
    dependencies: PostgresDependencies,
  ): Promise<PostgresServer> {
    const users = await readUsers(dependencies.usersFile);
    if (users.size === 0) {
      log.warning("Nobody can log in: add a user with deno task archive user --add NAME");
    }
    const secure = await readSecure(config);
    const relations = new Set((await readSchema()).map(({ name }) => name.toLowerCase()));
    const catalogue = await Catalogue.start(
      dirname(dependencies.archive),
      config.statement_timeout,
    );
    const server = new PostgresServer(config, dependencies, { catalogue, relations, secure });
    try {
      await server.#listen();
    } catch (error) {
      catalogue[Symbol.dispose]();
      throw error;
    }
    return server;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  status(): ReturnType<PostgresSource["status"]> {
    return { ...this.#pool.status(), restarts: this.#catalogue.restarts };
  }

  async #listen(): Promise<void> {
    const { host, port } = this.config.listen;
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (error: Error) => {
        const text = `Cannot listen on ${host}:${port} (postgres.listen): ${errorText(error)}`;
        reject(new UserError(text, { cause: error }));
      });
      this.#server.listen({ host, port }, resolve);
    });
    this.#server.on("error", (error: Error) => log.warning("{error}", { error: errorText(error) }));
    log.info("Postgres clients: {host}:{port}", { host, port: this.port });
  }

  #accept(socket: net.Socket): void {
    const { counters } = this;
    if (this.#sockets.size >= this.config.max_connections + MAX_EARLY) {
      counters.limited("connections");
      socket.destroy();
      return;
    }
    socket.setNoDelay(true);
    const done = this.#serve(socket).catch((error) => {
      if (error instanceof WireFault || error instanceof SqlError) return;
      log.warning("A Postgres client's session failed: {error}", {
        error: printable(errorText(error), 300),
      });
    }).finally(() => {
      socket.destroy();
      this.#sockets.delete(socket);
    });
    this.#sockets.set(socket, done);
  }

  async #serve(raw: net.Socket): Promise<void> {
    const link = new Link(raw);
    const login = setTimeout(() => raw.destroy(), LOGIN_MS);
    try {
      if (await link.peek() === TLS_RECORD && this.#secure) {
        await link.secure(this.#secure.context, ["postgresql"]);
      }
      const opening = await this.#opening(link);
      if (opening === null) return;
      if (opening.kind === "cancel") return this.#cancel(opening);
      const user = opening.settings.get("user") ?? "";
      if (!await this.#authenticate(link, user)) return;
      clearTimeout(login);
      await this.#run(link, opening.settings);
    } catch (error) {
      const fault = error instanceof SqlError
        ? error
        : error instanceof WireFault
        ? new SqlError(error.code, error.message)
        : null;
      if (fault) await link.end(errorResponse(fault, "FATAL"));
      throw error;
    } finally {
      clearTimeout(login);
      link.close();
    }
  }

  /** What opens the session, once TLS is settled; null when the client left. */
  async #opening(link: Link): Promise<Exclude<Opening, { kind: "ssl" | "gss" }> | null> {
    for (let asked = 0; asked < 3; asked++) {
      const opening = await link.opening();
      if (opening === null) return null;
      if (opening.kind === "gss" || opening.kind === "ssl") {
        const secure = opening.kind === "ssl" && !link.isSecure ? this.#secure : null;
        await link.send(new TextEncoder().encode(secure ? "S" : "N"));
        if (secure) await link.secure(secure.context);
      } else {
        if (opening.kind === "startup" && this.config.tls?.required && !link.isSecure) {
          throw new SqlError("28000", "this server takes connections with TLS only");
        }
        return opening;
      }
    }
    return null;
  }

  #cancel({ process, secret }: { process: number; secret: number }): void {
    const client = this.#clients.get(process);
    if (client?.secret !== secret) return;
    this.counters.cancels++;
    client.session.cancel();
  }

  async #authenticate(link: Link, user: string): Promise<boolean> {
    const users = await readUsers(this.dependencies.usersFile);
    const verifier = users.get(user);
    const endPoint = link.isSecure ? this.#secure!.endPoint : null;
    const scram = new ScramServer(verifier ? readVerifier(verifier) : null, user, this.#secret, {
      endPoint,
    });
    const offered = endPoint ? [BOUND_MECHANISM, MECHANISM] : [MECHANISM];
    await link.send(authentication(SASL, ...offered, Uint8Array.of(0)));
    const first = await link.password();
    if (first === null) return false;
    const server = saslInitial(first, scram);
    if (server !== null) {
      const text = new TextEncoder();
      await link.send(authentication(SASL_CONTINUE, text.encode(server)));
      const second = await link.password();
      if (second === null) return false;
      const final = scram.final(new TextDecoder().decode(second));
      if (final !== null) {
        await link.send(authentication(SASL_FINAL, text.encode(final)));
        return true;
      }
    }
    this.counters.limited("login");
    log.info("Refused user {user}", { user: printable(user) });
    throw new SqlError("28P01", `password authentication failed for user "${user}"`);
  }

  async #run(link: Link, given: ReadonlyMap<string, string>): Promise<void> {
    const { counters } = this;
    const { max_connections: maxConnections, max_rows: maxRows, idle_timeout: idleMs } =
      this.config;
    if (this.#clients.size >= maxConnections) {
      counters.limited("connections");
      throw new SqlError(
        "53300",
        `sorry, too many clients already (postgres.max_connections: ${maxConnections})`,
      );
    }
    const id = ++this.#lastId;
    const session = new Session({
      ...{ catalogue: this.#catalogue, pool: this.#pool, output: link, counters, maxRows },
    });
    const secret = new DataView(randomBytes(4).buffer).getInt32(0);
    this.#clients.set(id, { link, secret, session });
    counters.sessions++;
    counters.open++;
    link.onClose(() => session.cancel());
    try {
      await link.write(authentication(LOGGED_IN));
      await link.write(parameterStatus("session_authorization", given.get("user") ?? ""));
      await link.write(parameterStatus("is_superuser", "off"));
      await session.begin(settingsOf(given));
      await link.write(backendKeyData(id, secret));
      await link.write(readyForQuery("I"));
      link.flush();
      for (;;) {
        const idle = setTimeout(() => {
          counters.limited("idle_timeout");
          const fault = new SqlError(
            "57P05",
            "terminating connection due to idle-session timeout (postgres.idle_timeout)",
          );
          void link.end(errorResponse(fault, "FATAL"));
        }, idleMs);
        const next = await link.message().finally(() => clearTimeout(idle));
        if (next === null || !await session.take(next)) return;
      }
    } finally {
      counters.open--;
      this.#clients.delete(id);
      await session.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    const why = new SqlError("57P01", "terminating connection: the archiver stops");
    for (const { link, session } of this.#clients.values()) {
      session.cancel(why);
      void link.end(errorResponse(why, "FATAL"));
    }
    const done = Promise.allSettled(this.#sockets.values());
    const late = setTimeout(() => {
      for (const socket of this.#sockets.keys()) socket.destroy();
    }, GOODBYE_MS);
    await done.finally(() => clearTimeout(late));
    await closed;
    this.#pool.close();
    this.#catalogue[Symbol.dispose]();
  }
}

/** The settings of a log-in. */
function settingsOf(given: ReadonlyMap<string, string>): [name: string, value: string][] {
  const pairs = [...given].filter(([name]) => !NOT_SETTINGS.test(name));
  // `-c name=value` and `--name=value`, with backslashes before spaces.
  for (
    const [, name, value] of (given.get("options") ?? "").matchAll(
      /(?:-c\s*|--)([\w.-]+)=((?:\\.|\S)*)/g,
    )
  ) {
    pairs.push([name.replaceAll("-", "_"), value.replace(/\\(.)/g, "$1")]);
  }
  return pairs;
}

function saslInitial(bytes: Uint8Array, scram: ScramServer): string | null {
  const end = bytes.indexOf(0);
  const mechanism = new TextDecoder().decode(bytes.subarray(0, end));
  if (mechanism !== MECHANISM && mechanism !== BOUND_MECHANISM) return null;
  const first = new TextDecoder().decode(bytes.subarray(end + 5));
  return scram.first(first, mechanism === BOUND_MECHANISM);
}

async function readSecure({ tls: config }: PostgresConfig): Promise<Secure | null> {
  if (!config) return null;
  try {
    const [cert, key] = await Promise.all(
      [config.cert_file, config.key_file].map((path) => Deno.readTextFile(path)),
    );
    const { raw, signatureAlgorithm = "" } = new X509Certificate(cert) as X509Certificate & {
      readonly signatureAlgorithm?: string;
    };
    // RFC 5929: the hash of the certificate's signature, but none older than SHA-256.
    const [, bits] = signatureAlgorithm.match(/sha-?(1|\d{3})/i) ?? [];
    const endPoint = bits === undefined
      ? null
      : createHash(bits === "1" ? "sha256" : `sha${bits}`).update(raw).digest();
    return { context: tls.createSecureContext({ cert, key }), endPoint };
  } catch (error) {
    throw new UserError(`Cannot use postgres.tls: ${errorText(error)}`, { cause: error });
  }
}
