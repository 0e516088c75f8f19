// DuckDB clients on the live archive: DuckDB's own protocol (the extension quack), served by the archiver's instance, for
// reading alone (`rules.ts`).

import type { DuckDBConnection } from "@duckdb/node-api";
import { type ExtensionFolders, loadExtensions } from "../../query_results/archive/extensions.ts";
import { firstLine, UserError } from "../../shared/errors.ts";
import type { Clock } from "../../shared/clock.ts";
import { logger } from "../../shared/log.ts";
import { every } from "../../shared/waiting.ts";
import { rowsOf } from "../store/database.ts";
import { literal } from "../store/sql.ts";
import { SIDE_EFFECTS } from "../store/closed_functions.ts";
import { rulesSql } from "./rules.ts";

/** quack draws its session ids from OpenSSL, which httpfs brings. */
const EXTENSIONS = ["httpfs", "quack"] as const;
const LOOPBACK = /^(127\.|localhost:|\[::1\])/;

const WATCH_MS = 10_000;
const ACTIVE = `SELECT count(*) AS statements,
    coalesce(max(epoch(now()) - epoch(query_started_at)), 0) AS seconds
  FROM quack_active_connections() WHERE state = 'active'`;

const STILL_RUNNING =
  "Statements of DuckDB clients still run: the archive cannot be opened again before they end";

const log = logger("archiver", "quack");

export interface QuackOptions extends ExtensionFolders {
  /** `host:port`. */
  readonly listen: string;
  readonly readToken: () => Promise<string>;
}

export interface QuackStatus {
  readonly statements: number;
  /** Seconds that the longest of them runs already. */
  readonly longest: number;
}

/** Serves each archive that is opened. DuckDB 1.5.5 has no way to end a client's statement before its time. */
export class Quack {
  #hasServed = false;
  #statements = 0;
  /** When the longest of them began, µs since the Unix epoch. */
  #since = 0;

  constructor(private readonly options: QuackOptions, private readonly clock: Clock) {}

  status(): QuackStatus {
    const longest = this.#statements === 0 ? 0 : (this.clock.now() - this.#since) / 1_000_000;
    return { statements: this.#statements, longest };
  }

  /**
   * Serves the archive of a connection until disposed, which ends all its clients' sessions.
   * @throws {UserError} when it cannot; after the first time that is only logged: commits come first.
   */
  async serve(connection: DuckDBConnection): Promise<AsyncDisposable> {
    const uri = `quack:${this.options.listen}`;
    try {
      await this.#start(connection, uri);
    } catch (error) {
      const text = `Cannot serve DuckDB clients (quack): ${firstLine(error)}`;
      if (!this.#hasServed) throw new UserError(text, { cause: error });
      log.warning("{text}", { text });
      return { [Symbol.asyncDispose]: () => Promise.resolve() };
    }
    this.#hasServed = true;
    const stop = new AbortController();
    const watch = () => this.#watch(connection);
    const status = () => this.status();
    const watching = every(this.clock, WATCH_MS, stop.signal, watch);
    return {
      async [Symbol.asyncDispose]() {
        stop.abort();
        await watching;
        await watch();
        if (status().statements > 0) log.error(STILL_RUNNING);
        try {
          await connection.run(`CALL quack_stop('${uri}')`);
        } catch (error) {
          log.warning("Cannot stop serving DuckDB clients: {error}", { error: firstLine(error) });
        }
        connection.disconnectSync();
      },
    };
  }

  async #watch(connection: DuckDBConnection): Promise<void> {
    const [row] = await rowsOf(connection, ACTIVE).catch(() => [{ statements: 0, seconds: 0 }]);
    this.#statements = Number(row.statements);
    this.#since = this.clock.now() - Number(row.seconds) * 1_000_000;
  }

  async #start(connection: DuckDBConnection, uri: string): Promise<void> {
    const { listen, readToken } = this.options;
    await loadExtensions(connection, EXTENSIONS, this.options);
    const sideEffects = await rowsOf(connection, SIDE_EFFECTS);
    await connection.run(rulesSql(sideEffects.map(({ function_name }) => String(function_name))));
    const token = await readToken();
    const isLocal = LOOPBACK.test(listen);
    await connection.run(
      `CALL quack_serve(${literal(uri)}, token = ${
        literal(token)
      }, allow_other_hostname = ${!isLocal})`,
    );
    if (!isLocal) {
      const text = "DuckDB clients are served on {listen} without TLS: tokens and rows can be read";
      log.warning(text, { listen });
    }
    log.info("Serving DuckDB clients at {uri}", { uri });
  }
}
