// PostgreSQL itself (PGlite) and its parser, in a worker without any permission. It holds the archive's tables without rows.

import wasm from "@electric-sql/pglite/pglite.wasm" with { type: "bytes" };
import data from "@electric-sql/pglite/pglite.data" with { type: "bytes" };
import initdb from "@electric-sql/pglite/initdb.wasm" with { type: "bytes" };
import { PGlite } from "@electric-sql/pglite";
import loadParser from "libpg-query/wasm/libpg-query.js";
import parserWasm from "libpg-query/wasm/libpg-query.wasm" with { type: "bytes" };
import type { FromCatalogue, Ran, ToCatalogue } from "./catalogue.ts";
import { type Statement, statementsOf } from "./statement.ts";

/** Of the tables, which are empty: the least there is. */
const SETTINGS = [
  ...["shared_buffers=1MB", "max_connections=2", "work_mem=4MB", "temp_buffers=1MB"],
  // Nothing can stop a statement: one that fills files must fail by itself.
  ...["default_transaction_read_only=on", "temp_file_limit=64MB"],
];
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
let postgres: PGlite;
/** The session whose settings are in force. */
let current = -1;
let work: Promise<unknown> = Promise.resolve();

scope.onmessage = ({ data: message }: MessageEvent<ToCatalogue>) => {
  work = work.then(() => answer(message)).catch((error) => {
    post({ kind: "failed", error: String(error?.message ?? error) });
  });
};
post({ kind: "loaded" });

async function answer(message: ToCatalogue): Promise<void> {
  if (message.kind === "boot") return await boot(message.folder, message.ddl);
  const value = message.kind === "parse" ? parse(message.sql) : await run(message);
  const { HEAPU8 } = (postgres as unknown as { Module: { HEAPU8: Uint8Array } }).Module;
  post({ kind: "answer", value, heapBytes: HEAPU8.length });
}

async function run(message: Extract<ToCatalogue, { kind: "run" }>): Promise<Ran> {
  const { session, settings, bytes, readSettings } = message;
  if (session !== current) {
    await postgres.query("RESET ALL");
    await restore(settings);
    current = session;
  }
  const answered = await postgres.execProtocolRaw(bytes, { syncToFs: false });
  if (answered.length > MAX_ANSWER_BYTES) throw new Error("the answer is too long");
  const changed = readSettings
    ? (await postgres.query<{ name: string; setting: string }>(
      "SELECT name, setting FROM pg_settings WHERE source = 'session'",
    )).rows.map(({ name, setting }) => [name, setting] as const)
    : null;
  return { bytes: answered, settings: changed };
}

async function restore(settings: readonly (readonly [string, string])[]): Promise<void> {
  for (const pair of settings) {
    await postgres.query("SELECT set_config($1, $2, false)", [...pair]);
  }
}

async function boot(folder: Uint8Array | null, ddl: string): Promise<void> {
  const options = {
    fsBundle: new Blob([data]),
    pgliteWasmModule: await WebAssembly.compile(wasm),
    initdbWasmModule: await WebAssembly.compile(initdb),
    relaxedDurability: true,
  };
  if (folder === null) {
    const made = await PGlite.create(options);
    await made.exec(ddl);
    const dump = await made.dumpDataDir("gzip");
    return post({ kind: "made", folder: new Uint8Array(await dump.arrayBuffer()) });
  }
  postgres = await PGlite.create({
    ...options,
    loadDataDir: new Blob([folder as Uint8Array<ArrayBuffer>]),
    postgresqlconf: SETTINGS,
  });
  await postgres.exec("SET ROLE reader");
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
