// PostgreSQL itself (PGlite) and its parser, in a worker without any permission. It holds the archive's tables without rows.

import wasm from "@electric-sql/pglite/pglite.wasm" with { type: "bytes" };
import data from "@electric-sql/pglite/pglite.data" with { type: "bytes" };
import initdb from "@electric-sql/pglite/initdb.wasm" with { type: "bytes" };
import { PGlite } from "@electric-sql/pglite";
import loadParser from "libpg-query/wasm/libpg-query.js";
import parserWasm from "libpg-query/wasm/libpg-query.wasm" with { type: "bytes" };
import { literal } from "../store/sql.ts";
import type { Changed, FromCatalogue, Ran, ToCatalogue } from "./catalogue.ts";
import { message, serverMessages } from "./replies.ts";
import { type Statement, statementsOf } from "./statement.ts";

/** Of the tables, which are empty: the least there is. */
const SETTINGS = [
  ...["shared_buffers=1MB", "max_connections=2", "work_mem=4MB", "temp_buffers=1MB"],
  // Nothing can stop a statement: one that fills files must fail by itself.
  ...["default_transaction_read_only=on", "temp_file_limit=64MB"],
];
/** Those of which PostgreSQL reports each change. */
const REPORTED = [
  ...["server_version", "server_encoding", "client_encoding", "application_name", "DateStyle"],
  ...["IntervalStyle", "TimeZone", "integer_datetimes", "standard_conforming_strings"],
  ...["default_transaction_read_only", "in_hot_standby", "search_path", "scram_iterations"],
];
/** Rows of the archive have one form, and nothing is ever written. */
const FIXED: Readonly<Record<string, RegExp>> = {
  client_encoding: /^(UTF8|SQL_ASCII)$/,
  DateStyle: /^ISO/,
  IntervalStyle: /^postgres$/,
  bytea_output: /^hex$/,
  default_transaction_read_only: /^on$/,
};
/** All names and types of the catalogue take less than one. */
const MAX_ANSWER_BYTES = 32 * 1024 ** 2;

const parser = await loadParser({
  instantiateWasm(imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void) {
    void WebAssembly.instantiate(parserWasm, imports).then(({ instance }) => done(instance));
    return {};
  },
});
const scope = self as unknown as Worker;
const post = (message: FromCatalogue) => scope.postMessage(message);
const ROLE = "reader";
let postgres: PGlite;
/** The settings in force, as JSON. */
let current = "[]";
let work: Promise<unknown> = Promise.resolve();

scope.onmessage = ({ data }: MessageEvent<ToCatalogue>) => {
  work = work.then(() => answer(data)).catch((error) => {
    post({ kind: "failed", error: String(error?.message ?? error) });
  });
};
post({ kind: "loaded" });

async function answer(asked: ToCatalogue): Promise<void> {
  if (asked.kind === "boot") return await boot(asked);
  const value = asked.kind === "parse" ? parse(asked.sql) : await run(asked);
  const { HEAPU8 } = (postgres as unknown as { Module: { HEAPU8: Uint8Array } }).Module;
  post({ kind: "answer", value, heapBytes: HEAPU8.length });
}

async function run(
  { settings, bytes, readSettings }: Extract<ToCatalogue, { kind: "run" }>,
): Promise<Ran> {
  if (JSON.stringify(settings) !== current) {
    await postgres.query("RESET ALL");
    for (const pair of settings) {
      await postgres.query("SELECT set_config($1, $2, false)", [...pair]);
    }
    current = JSON.stringify(settings);
  }
  // What a statement changes by a function, such as set_config in an EXPLAIN, ends with it.
  await say("BEGIN READ ONLY");
  try {
    const answered = await postgres.execProtocolRaw(bytes, { syncToFs: false });
    if (answered.length > MAX_ANSWER_BYTES) throw new Error("the answer is too long");
    const isChanged = readSettings && !hasFailed(answered);
    return { bytes: answered, settings: isChanged ? await commit() : null };
  } finally {
    await say("ROLLBACK");
  }
}

const say = (sql: string) =>
  postgres.execProtocolRaw(message("Q", sql), { syncToFs: false, throwOnError: true });
const hasFailed = (answer: Uint8Array) => serverMessages(answer).some(({ type }) => type === "E");

/** Keeps the settings of the transaction. @throws when a session may not have them. */
async function commit(): Promise<Changed> {
  const { rows } = await postgres.query<{ name: string; setting: string; own: boolean }>(
    `SELECT name, setting, source = 'session' AS own FROM pg_settings
      WHERE source = 'session' OR name IN (${REPORTED.map(literal).join(", ")})`,
  );
  const { rows: [{ name }] } = await postgres.query<{ name: string }>(
    "SELECT current_user AS name",
  );
  if (name !== ROLE) return { refused: "permission denied to set role" };
  const pairs = (chosen: typeof rows) =>
    chosen.map(({ name, setting }) => [name, setting] as const);
  const own = pairs(rows.filter(({ own }) => own));
  const wrong = own.find(([name, value]) => FIXED[name]?.test(value) === false);
  if (wrong) return { refused: `${wrong[0]} cannot be ${wrong[1]} here` };
  await say("COMMIT");
  current = JSON.stringify(own);
  return { own, reported: pairs(rows.filter(({ name }) => REPORTED.includes(name))) };
}

async function boot(
  { folder, ddl, database }: Extract<ToCatalogue, { kind: "boot" }>,
): Promise<void> {
  const options = {
    fsBundle: new Blob([data]),
    pgliteWasmModule: await WebAssembly.compile(wasm),
    initdbWasmModule: await WebAssembly.compile(initdb),
    relaxedDurability: true,
  };
  if (folder === null) {
    const empty = await PGlite.create({ ...options, database: "template1" });
    await empty.exec(`ALTER DATABASE postgres RENAME TO ${database}`);
    const loadDataDir = await empty.dumpDataDir("none");
    await empty.close();
    const made = await PGlite.create({ ...options, loadDataDir, database });
    await made.exec(ddl);
    const dump = await made.dumpDataDir("gzip");
    return post({ kind: "made", folder: new Uint8Array(await dump.arrayBuffer()) });
  }
  postgres = await PGlite.create({
    ...options,
    database,
    loadDataDir: new Blob([folder as Uint8Array<ArrayBuffer>]),
    postgresqlconf: SETTINGS,
  });
  await postgres.exec(`SET ROLE ${ROLE}`);
  post({ kind: "ready" });
}

/** The statements, or the parser's objection. `position` counts characters from 1. */
function parse(sql: string): Statement[] | { message: string; position: number | null } {
  const size = parser.lengthBytesUTF8(sql) + 1;
  const text = parser._malloc(size);
  let result = 0;
  try {
    parser.stringToUTF8(sql, text, size);
    result = parser._wasm_parse_query_raw(text);
    const int = (at: number) => parser.getValue(at, "i32");
    const error = int(result + 8);
    if (error === 0) return statementsOf(sql, JSON.parse(parser.UTF8ToString(int(result))));
    const position = int(error + 16);
    return { message: parser.UTF8ToString(int(error)), position: position > 0 ? position : null };
  } finally {
    parser._free(text);
    if (result !== 0) parser._wasm_free_parse_result(result);
  }
}
