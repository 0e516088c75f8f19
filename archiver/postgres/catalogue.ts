// The catalogue as the rest sees it: a worker that is started again when it hangs or grows.

import { join } from "node:path";
import { errorText, UserError } from "../../shared/errors.ts";
import { logger } from "../../shared/log.ts";
import { readSchema } from "../schema/page.ts";
import { catalogueSchema, DATABASE } from "./catalogue_schema.ts";
import { joined, message, SqlError } from "./replies.ts";
import type { Statement } from "./statement.ts";
import type { Format } from "./wire.ts";

/** Names and values of a session's own settings. */
export type Settings = readonly (readonly [string, string])[];

export interface Ran {
  readonly bytes: Uint8Array;
  /** After the run; null where nobody asked, or it failed. */
  readonly settings: Changed | null;
}

/** A session's own settings and those of which clients are told, or why a session cannot have them. */
export type Changed = { readonly own: Settings; readonly reported: Settings } | {
  readonly refused: string;
};

export type ToCatalogue =
  | {
    readonly kind: "boot";
    readonly folder: Uint8Array | null;
    readonly ddl: string;
    readonly database: string;
  }
  | { readonly kind: "parse"; readonly sql: string }
  | {
    readonly kind: "run";
    readonly settings: Settings;
    readonly bytes: Uint8Array;
    readonly readSettings: boolean;
  };

export type FromCatalogue =
  | { readonly kind: "loaded" | "ready" }
  | { readonly kind: "made"; readonly folder: Uint8Array }
  | { readonly kind: "answer"; readonly value: unknown; readonly heapBytes: number }
  | { readonly kind: "failed"; readonly error: string };

/** A catalogue's statement is about names, not rows: what takes longer is stopped, with the worker. */
const MAX_RUN_MS = 10_000;
const BOOT_MS = 120_000;
const MAX_WAITING = 64;
/** Statements that run on after they were given up; with so many none is taken. */
const MAX_ENDLESS = 2;
/** Of PostgreSQL's memory, which never shrinks: some 80 MB at its start. */
const MAX_HEAP_BYTES = 384 * 1024 ** 2;
const FILE = /^postgres-catalogue-[0-9a-f]{16}\.tar\.gz$/;

const log = logger("archiver", "postgres");

/** Answers about names and types, and says what a text of SQL is. */
export class Catalogue implements Disposable {
  readonly #runMs: number;
  #worker: Promise<Worker> | null = null;
  #asked: PromiseWithResolvers<unknown> | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #closed = false;
  /** How often it was started again. */
  restarts = 0;
  /** Statements that were given up and run on, each on a core of its own. */
  #endless = 0;

  private constructor(private readonly folder: Uint8Array, statementMs: number) {
    this.#runMs = Math.min(statementMs, MAX_RUN_MS);
  }

  /** Starts it. Its folder is a file beside the archive, made when it is missing (some 15 s of work). */
  static async start(folder: string, statementMs: number): Promise<Catalogue> {
    const ddl = catalogueSchema(await readSchema());
    const made = new TextEncoder().encode(`${DATABASE}\n${ddl}`);
    const digest = await crypto.subtle.digest("SHA-256", made);
    const name = `postgres-catalogue-${new Uint8Array(digest).toHex().slice(0, 16)}.tar.gz`;
    const catalogue = new Catalogue(await readOrMake(folder, name, ddl), statementMs);
    await catalogue.#start();
    return catalogue;
  }

  /** The statements of a text, or why PostgreSQL cannot read it; DuckDB may. */
  async parse(sql: string): Promise<Statement[] | SqlError> {
    // The parser ends a text at a zero.
    if (sql.includes("\0")) return new SqlError("22021", "a statement cannot hold a zero byte");
    const value = await this.#ask({ kind: "parse", sql });
    if (Array.isArray(value)) return value;
    const { message, position } = value as { message: string; position: number | null };
    return new SqlError("42601", message, { position });
  }

  /** Runs messages of the protocol, byte for byte. @param settings which hold. */
  async run(settings: Settings, bytes: Uint8Array, readSettings = false): Promise<Ran> {
    return await this.#ask({ kind: "run", settings, bytes, readSettings }) as Ran;
  }

  /** One after another, so that a statement that hangs costs no other session's. */
  async #ask(message: ToCatalogue): Promise<unknown> {
    if (this.#waiting >= MAX_WAITING) {
      throw new SqlError("53400", "too many statements about the catalogue wait already");
    }
    this.#waiting++;
    const answer = this.#last.then(() => this.#askNow(message));
    this.#last = answer.catch(() => {}).finally(() => this.#waiting--);
    return await answer;
  }

  async #askNow(message: ToCatalogue): Promise<unknown> {
    if (this.#closed) throw new SqlError("57P01", "the server is shutting down");
    if (this.#endless >= MAX_ENDLESS) {
      throw new SqlError("53400", `${MAX_ENDLESS} statements about the catalogue do not end`);
    }
    const worker = await this.#start();
    const asked = this.#asked = Promise.withResolvers<unknown>();
    const timer = setTimeout(() => this.#abandon(), this.#runMs);
    worker.postMessage(message);
    return await asked.promise.finally(() => clearTimeout(timer));
  }

  #start(): Promise<Worker> {
    if (this.#worker) return this.#worker;
    const started = startWorker(this.folder, "", (message) => {
      if (message.kind === "failed") this.#asked?.reject(new SqlError("XX000", message.error));
      if (message.kind !== "answer") return;
      this.#asked?.resolve(message.value);
      if (message.heapBytes > MAX_HEAP_BYTES) this.#restart("its memory grew");
    }, (why) => this.#restart(why)).then(({ worker }) => worker);
    this.#worker = started;
    started.catch(() => this.#worker = null);
    return started;
  }

  /** A worker that is busy cannot be ended: it is left alone until its statement ends, and another one starts. */
  #abandon(): void {
    const worker = this.#worker;
    this.#worker = null;
    this.#endless++;
    worker?.then((worker) => {
      worker.onmessage = worker.onerror = (event: Event) => {
        event.preventDefault();
        this.#endless--;
        worker.terminate();
      };
    }, () => {});
    this.#restart("a statement took too long");
  }

  #restart(why: string): void {
    const worker = this.#worker;
    this.#worker = null;
    worker?.then((worker) => worker.terminate(), () => {});
    if (!this.#closed) {
      this.restarts++;
      log.warning("Starting the Postgres catalogue again: {why}", { why });
    }
    this.#asked?.reject(new SqlError("57014", `canceling statement: ${why}`));
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#restart("the archiver stops");
  }
}

async function startWorker(
  folder: Uint8Array | null,
  ddl: string,
  onMessage: (message: FromCatalogue) => void,
  onCrash: (why: string) => void,
): Promise<{ worker: Worker; made: Uint8Array | null }> {
  const worker = new Worker(new URL("./catalogue_worker.ts", import.meta.url), {
    type: "module",
    name: "postgres catalogue",
    deno: { permissions: "none" },
  });
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | null>();
  const late = setTimeout(() => reject(new Error("it did not start in time")), BOOT_MS);
  worker.onmessage = ({ data }: MessageEvent<FromCatalogue>) => {
    if (data.kind === "loaded") {
      worker.postMessage({ kind: "boot", folder, ddl, database: DATABASE });
    } else if (data.kind === "ready") resolve(null);
    else if (data.kind === "made") resolve(data.folder);
    else {
      if (data.kind === "failed") reject(new Error(data.error));
      onMessage(data);
    }
  };
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(event.message));
    onCrash(event.message);
  };
  try {
    return { worker, made: await promise };
  } catch (error) {
    worker.terminate();
    throw new Error(`Cannot start the Postgres catalogue: ${errorText(error)}`, { cause: error });
  } finally {
    clearTimeout(late);
  }
}

async function readOrMake(folder: string, name: string, ddl: string): Promise<Uint8Array> {
  const path = join(folder, name);
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  log.info("Making the Postgres catalogue {path}, once", { path });
  const { worker, made } = await startWorker(null, ddl, () => {}, () => {});
  worker.terminate();
  try {
    await Deno.writeFile(`${path}.partial`, made!);
    for await (const { name: other } of Deno.readDir(folder)) {
      if (FILE.test(other)) await Deno.remove(join(folder, other));
    }
    await Deno.rename(`${path}.partial`, path);
  } catch (error) {
    throw new UserError(`Cannot keep the Postgres catalogue ${path}: ${errorText(error)}`, {
      cause: error,
    });
  }
  return made!;
}

/** psql 15 and 16 ask for a column by the name it had there. */
const renamed = (sql: string) => sql.replace(/\bdaticulocale\b/g, "datlocale");

/** Parameters of a statement, and the formats of its result. */
export interface RunOptions {
  readonly oids?: readonly number[];
  readonly formats?: readonly Format[];
  readonly values?: readonly (Uint8Array | null)[];
  readonly resultFormats?: readonly Format[];
}

/** Messages that prepare, bind, describe and run a statement. */
export function runMessages(sql: string, options: RunOptions = {}): Uint8Array {
  const { oids = [], formats = [], values = [], resultFormats = [] } = options;
  const given = values.flatMap((value) =>
    value === null ? [{ i32: -1 }] : [{ i32: value.length }, value]
  );
  const codes = (
    list: readonly Format[],
  ) => [{ i16: list.length }, ...list.map((i16) => ({ i16 }))];
  return joined([
    parseMessage(sql, oids),
    message(
      "B",
      "",
      "",
      ...codes(formats),
      { i16: values.length },
      ...given,
      ...codes(resultFormats),
    ),
    message("D", new TextEncoder().encode("P\0")),
    message("E", "", { i32: 0 }),
    message("S"),
  ]);
}

/** Messages that prepare and describe a statement. */
export function describeMessages(sql: string, oids: readonly number[]): Uint8Array {
  return joined([
    parseMessage(sql, oids),
    message("D", new TextEncoder().encode("S\0")),
    message("S"),
  ]);
}

function parseMessage(sql: string, oids: readonly number[]): Uint8Array {
  return message(
    "P",
    "",
    renamed(sql),
    { i16: oids.length },
    ...oids.map((i32) => ({ i32: i32 | 0 })),
  );
}
