// Holds an archive for writing, as an archiver does, until it is killed. Says `held` when it does.

import { DuckDBInstance } from "@duckdb/node-api";

const instance = await DuckDBInstance.create(Deno.args[0]);
const connection = await instance.connect();
console.log("held");
// An interval keeps the process alive; the connection keeps the file open.
setInterval(() => connection.progress, 60_000);
