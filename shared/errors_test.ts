import { equal, match, ok } from "node:assert/strict";
import { finalError, firstLine, UserError } from "./errors.ts";

Deno.test("a full disk becomes one line, however deep it is", () => {
  const texts = [
    "No space left on device (os error 28)",
    'IO Error: Could not write file "/a/b.duckdb.wal": No space left on device',
    "Out of Memory Error: failed to offload data block of size 256.0 KiB",
    "Disk quota exceeded (os error 122)",
    "File too large (os error 27)",
  ];
  for (const text of texts) {
    const full = new Error(`${text}\nmore`);
    const nested = new SuppressedError(new Error("closing"), new Error("deeper", { cause: full }));
    for (const error of [full, nested]) {
      const last = finalError(error);
      ok(last instanceof UserError);
      equal(last.message, `The disk is full: ${text}. Free space and run the command again`);
    }
  }
});

Deno.test("too small a memory limit becomes one line", () => {
  const text =
    "Out of Memory Error: could not allocate block of size 256.0 KiB (900.0 KiB/1.0 MiB used)";
  const last = finalError(new Error("Query q failed", { cause: new Error(`${text}\nmore`) }));
  ok(last instanceof UserError);
  match(last.message, /^DuckDB ran out of memory: Out of Memory Error: could.*Raise memory_limit/);
});

Deno.test("what the user can mend is found under later errors; a bug stays as it is", () => {
  const mendable = new UserError("Cannot do it: no");
  equal(finalError(new SuppressedError(new Error("closing"), mendable)), mendable);
  const bug = new TypeError("x is undefined");
  equal(finalError(bug), bug);
  match(String(finalError("a text")), /a text/);
});

Deno.test("only the first line of an error is told", () => {
  equal(firstLine(new Error("one\ntwo")), "one");
});

Deno.test("a file in a bucket that DuckDB cannot read is one line that says what would be right", () => {
  const at = "http://127.0.0.1:9000/gossip/a.parquet";
  const get = `HTTP Error: HTTP GET error reading '${at}' in region 'us-east-1'`;
  const cases = [
    [
      `${get} (HTTP 404 Not Found)\n\nNoSuchKey: The key does not exist.`,
      /a.parquet is gone \(NoSuchKey\)/,
    ],
    [`${get} (HTTP 403 Forbidden)`, /refuses to read .*a.parquet \(403\); check access_key_file/],
    [`${get} (HTTP 503 Slow Down)`, /answers 503 for .*a.parquet; try again later/],
    [
      `IO Error: Could not connect to server error for HTTP GET to '${at}'`,
      /cannot reach http.*endpoint/,
    ],
  ] as const;
  for (const [text, line] of cases) {
    const last = finalError(new Error("Query q failed", { cause: new Error(text) }));
    ok(last instanceof UserError && /^Cannot read the archive: [^\n]+$/.test(last.message), text);
    match(last.message, line);
  }
  const other = new Error("Binder Error: no such column");
  equal(finalError(other), other);
});
