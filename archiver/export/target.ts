// The PostgreSQL side: one connection, statements one after another, COPY with back-pressure.
//
// A connection that failed is never used again, so that no statement of a transaction runs outside it: postgres.js would
// connect anew.

import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import postgres, { type Sql } from "postgres";
import { errorText, UserError } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";
import { identifier } from "../store/sql.ts";
import type { PostgresAddress } from "./address.ts";
import { COPY_HEADER, COPY_TRAILER } from "./binary_copy.ts";

const CONNECT_SECONDS = 30;
/** How long it waits for another session that holds what it needs, such as another export. */
const LOCK_SECONDS = 20;
const CLOSE_SECONDS = 5;
const MAX_ERROR_CHARACTERS = 600;
const SQLSTATE = /^[0-9A-Z]{5}$/;
/** Classes of SQLSTATE after which the connection is of no use: connection exception, operator intervention. */
const FATAL_CLASSES = /^(08|57)/;

/** A row of the answer: numbers beyond 32 bits are texts. */
export type TargetRow = Record<string, unknown>;

export interface TargetOptions {
  readonly address: PostgresAddress;
  readonly password: string | null;
  readonly schema: string;
}

/** What a query of postgres.js has that its types lack: see {@link Target.copyIn}. */
interface CopyQuery {
  reject(error: Error): void;
  writable(): Promise<Writable>;
}

/** An open connection; disposing closes it, and with it rolls back what is not committed. */
export class Target implements AsyncDisposable {
  #broken = false;

  private constructor(private readonly sql: Sql, private readonly shown: string) {}

  /**
   * Connects.
   *
   * @throws {UserError} when the server is not there or does not let it in, or holds text in another encoding than UTF-8.
   */
  static async connect({ address, password, schema }: TargetOptions): Promise<Target> {
    const { host, port, user, database, sslMode, shown } = address;
    const sql = postgres({
      ...{ host, port, user, database },
      ...password !== null && { password },
      ssl: sslMode === "disable" ? false : sslMode === "verify-ca" ? "verify-full" : sslMode,
      max: 1,
      max_lifetime: null,
      prepare: false,
      fetch_types: false,
      connect_timeout: CONNECT_SECONDS,
      connection: { application_name: "gossip-observer export" },
      onnotice: () => {},
      onclose: () => {
        target.#broken = true;
      },
    });
    const target = new Target(sql, shown);
    try {
      const [{ server_encoding: encoding }] = await target.rows("SHOW server_encoding");
      if (encoding !== "UTF8") {
        throw new UserError(
          `Cannot export to ${shown}: it keeps text in ${encoding}; it should be UTF8`,
        );
      }
      await target.run(
        `SET search_path TO ${identifier(schema)}; SET TimeZone TO 'UTC'; ` +
          `SET statement_timeout TO 0; SET idle_in_transaction_session_timeout TO 0; ` +
          `SET lock_timeout TO '${LOCK_SECONDS}s'`,
      );
    } catch (error) {
      await target[Symbol.asyncDispose]();
      throw error;
    }
    return target;
  }

  /** Runs statements. @throws {UserError} with the server's reason, or that the connection is lost. */
  async run(statements: string): Promise<void> {
    await this.rows(statements);
  }

  /** Runs a statement and gives its rows. Throws as {@link run}. */
  async rows(statement: string): Promise<TargetRow[]> {
    if (this.#broken) throw this.#lost();
    try {
      return [...await this.sql.unsafe(statement)];
    } catch (error) {
      throw this.#refusal(error);
    }
  }

  /**
   * Runs `body` in a transaction, which is rolled back when it returns false. When it throws, so does this, and the
   * connection is broken off, which rolls back, too, and needs no answer.
   * @throws {UserError} as {@link run}; whatever `body` throws.
   */
  async transaction(body: () => Promise<boolean>): Promise<boolean> {
    try {
      await this.run("BEGIN");
      const good = await body();
      await this.run(good ? "COMMIT" : "ROLLBACK");
      return good;
    } catch (error) {
      await this.abort();
      throw error;
    }
  }

  /**
   * Sends rows to a table by COPY, as fast as the server takes them.
   * @param rows as `binary_copy.ts` encodes them.
   * @throws {UserError} as {@link run}; whatever `rows` throws.
   */
  async copyIn(
    table: string,
    columns: readonly string[],
    rows: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    if (this.#broken) throw this.#lost();
    const names = columns.map(identifier).join(", ");
    const statement = `COPY ${table} (${names}) FROM STDIN (FORMAT binary)`;
    const query = this.sql.unsafe(statement) as unknown as CopyQuery;
    // What the server says after the last row, postgres.js passes to the query alone, which has given its stream by then and
    // is settled; the stream would wait for ever.
    const refused = new Promise<never>((_, reject) => {
      const settle = query.reject;
      query.reject = (error) => {
        settle(error);
        reject(error);
      };
    });
    refused.catch(() => {});
    try {
      const stream = await query.writable();
      await Promise.race([pipeline(Readable.from(framed(rows)), stream), refused]);
    } catch (error) {
      throw error instanceof SourceError ? error.cause : this.#refusal(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const timeout = this.#broken ? 0 : CLOSE_SECONDS;
    this.#broken = true;
    await this.sql.end({ timeout });
  }

  /** Breaks the connection off: the statement under way fails, and the server rolls its transaction back. */
  async abort(): Promise<void> {
    this.#broken = true;
    await this.sql.end({ timeout: 0 });
  }

  #lost(): UserError {
    return new UserError(
      `The connection to ${this.shown} is lost; every part there is complete: run the same command to continue`,
    );
  }

  #refusal(error: unknown): UserError {
    if (error instanceof UserError) return error;
    const code = (error as { code?: unknown })?.code;
    const fromServer = typeof code === "string" && SQLSTATE.test(code);
    if (!fromServer || FATAL_CLASSES.test(code)) this.#broken = true;
    const { detail } = error as { detail?: unknown };
    const reason = [errorText(error), ...typeof detail === "string" ? [detail] : []].join("; ");
    const text = printable(reason.replaceAll('"', "'"), MAX_ERROR_CHARACTERS);
    return new UserError(`Cannot export to ${this.shown}: ${text}${advice(error, code)}`);
  }
}

/** The rows could not be had; `cause` is why. */
class SourceError extends Error {}

/** `rows` with what goes before and behind them. */
async function* framed(rows: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield COPY_HEADER;
  const iterator = rows[Symbol.asyncIterator]();
  try {
    for (;;) {
      // A stream that breaks throws into a generator, too, but at its yield.
      const next = await iterator.next().catch((cause) => {
        throw new SourceError("no rows", { cause });
      });
      if (next.done) break;
      yield next.value;
    }
  } finally {
    await iterator.return?.();
  }
  yield COPY_TRAILER;
}

function advice(error: unknown, code: unknown): string {
  if (error instanceof Deno.errors.NotCapable || code === "EPERM") {
    return ". The sandbox opens 127.0.0.1:5432 alone: " +
      "deno run --quiet --no-prompt -P=archiver --allow-net=HOST:PORT archiver/main.ts export …";
  }
  if (code === "28P01" || code === "SASL_SIGNATURE_MISMATCH") {
    return ". Give the password with --password-file or --password-env";
  }
  if (code === "55P03") return ". Another export into the schema may be at work";
  if (typeof code === "string" && /^CONNECTION_|^57P0|^ECONNRESET|^EPIPE/.test(code)) {
    return ". Every part there is complete: run the same command to continue";
  }
  return "";
}
