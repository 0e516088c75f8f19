/** Fetching published days: resumed, checked against indexes and manifests, and opened like an archive. */
import assert from "node:assert/strict";
import { UserError } from "../../shared/errors.ts";
import { contents, filesIn, fillDay, openDays } from "../support/fixtures/day_archive.ts";
import { expectedReceipts, observe, writeDaily } from "../support/fixtures/foreign_source.ts";
import { contentsOf, DAYS, fetchFrom, publishTo } from "../support/fixtures/published_days.ts";
import { BUCKET, type FakeS3, fakeS3 } from "../support/servers/s3_server.ts";
import { startProgram } from "../support/servers/process.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const COPY = { day: null, drop: null, apply: false } as const;
const RECEIPTS = "receipts/2025/09/26/receipts_2025-09-26";

async function publish(server: FakeS3, dir: TempDir): Promise<string[]> {
  await using archive = await openDays(dir, { publish: publishTo(server) });
  for (const day of [0, 1]) await fillDay(archive, day, 400);
  await archive.days.run(COPY);
  return await contents(archive.store);
}

async function run(...args: string[]) {
  await using program = startProgram("archiver/main.ts", args, ["-P=archiver", "-A", "--quiet"]);
  const { code } = await program.wait();
  return { code, text: program.lines.join("\n") };
}

Deno.test("the command fetches over S3 and opens like an archive; tables may be chosen", async () => {
  await using server = await fakeS3();
  await using dir = await tempDir();
  await publish(server, dir);
  const keys = [
    "--access-key-file",
    server.config.access_key_file!,
    "--secret-key-file",
    server.config.secret_key_file!,
  ];
  const from = ["fetch", "--from", `s3://${BUCKET}/a/`, "--endpoint", server.endpoint, ...keys];
  const days = ["--days", "2025-09-26..2025-09-28", "--to", dir.join("fetched")];
  const { code, text } = await run(...from, ...days);
  assert.equal(code, 0, text);
  assert.match(
    text,
    /fetch: days=2 files=\d+ bytes=[\d.]+MiB missing=1 folder=.*\n.* has no day 2025-09-28$/,
  );
  assert.deepEqual(await contentsOf(dir.join("fetched")), await contentsOf(dir.join("a.duckdb")));
  const none = await run(...from, "--days", "2024-01-01", "--to", dir.join("none"));
  assert.equal(none.code, 1);
  await fetchFrom(server.bucket("a"), dir.join("some"), DAYS, ["receipts", "peers"]);
  const tables = (await filesIn(dir.join("some"))).map((name) => name.split("/")[0]);
  assert.deepEqual([...new Set(tables)], ["index.json", "index", "peers", "receipts"]);
  for (
    const [args, line] of [
      [["fetch"], /--from and --days are required/],
      [
        ["fetch", "--from", "ftp://x", "--days", "2025-09-26"],
        /it should be s3:\/\/… or https:\/\/…/,
      ],
      [
        ["fetch", "--from", "https://x.example/b", "--days", "2025-09-26", ...keys],
        /--access-key-file goes with --from s3:/,
      ],
      [["fetch", "--from", "s3://A", "--days", "2025-09-26"], /it should be s3:\/\/BUCKET or/],
      [[...from, "--days", "2025-09-27..2025-09-26"], /it should be two days in order/],
      [
        [...from, ...days, "--tables", "receipt"],
        /--tables has receipt; there are receipts, messages,/,
      ],
    ] as const
  ) {
    const { code, text } = await run(...args);
    assert.deepEqual([code, line.test(text)], [2, true], text);
  }
});

Deno.test("a file that breaks off is resumed where it broke off", async () => {
  await using server = await fakeS3();
  await using dir = await tempDir();
  await publish(server, dir);
  const ranges: (string | null)[] = [];
  server.doorman = async (request, pass) => {
    if (!request.url.includes(`${RECEIPTS}.parquet`)) return null;
    ranges.push(request.headers.get("range"));
    if (ranges.length > 3) return null;
    const answer = await pass();
    const bytes = (await answer.bytes()).subarray(0, 100);
    // Ends in the middle: no content-length, so that nobody could tell but by the index.
    return new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(bytes);
          controller.close();
        },
      }),
      { status: answer.status },
    );
  };
  await fetchFrom(server.bucket("a"), dir.join("fetched"));
  assert.deepEqual(ranges, [null, "bytes=100-", "bytes=200-", "bytes=300-"]);
  assert.deepEqual(await contentsOf(dir.join("fetched")), await contentsOf(dir.join("a.duckdb")));
});

Deno.test("what is not what it should be is refused in one line, and the day does not show", async () => {
  await using server = await fakeS3();
  await using dir = await tempDir();
  await publish(server, dir);
  const bucket = server.bucket("a");
  const folder = dir.join("fetched");
  const answerTo = (part: string, make: (text: string) => BodyInit | null) => {
    server.doorman = async (request, pass) => {
      if (!request.url.includes(part)) return null;
      const body = make(new TextDecoder("latin1").decode(await (await pass()).bytes()));
      return body === null ? new Response(null, { status: 404 }) : new Response(body);
    };
  };
  const latin1 = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
  const refused = async (line: RegExp) => {
    const error = await fetchFrom(bucket, folder, [DAYS[0]]).catch((error) => error);
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, line);
    assert.doesNotMatch(error.message, /\n/);
    assert.ok(!(await filesIn(folder)).includes("index.json"));
  };
  answerTo(`${RECEIPTS}.parquet`, (text) => latin1(text.replace(/^(.{500})./s, "$1~")));
  await refused(/its SHA-256 is another; fetch it again/);
  answerTo(`${RECEIPTS}.parquet`, (text) => latin1(text + "more"));
  await refused(/has more than the \d+ bytes that its index says; tell its publisher/);
  server.doorman = async (request, pass) => {
    if (!request.url.includes(`${RECEIPTS}.parquet`)) return null;
    if (request.headers.has("range")) return new Response(null, { status: 416 });
    return new Response((await (await pass()).bytes()).subarray(0, 500));
  };
  await refused(/has fewer than the \d+ bytes that its index says; tell its publisher/);
  answerTo(`${RECEIPTS}.parquet`, () => null);
  await refused(/receipts_2025-09-26.parquet is missing, though its index names it/);
  answerTo(`${RECEIPTS}.json`, (text) => text.replace(/"sum": "\d/, '"sum": "7'));
  await refused(/does not fit its Parquet file: manifest and file: .*; tell its publisher/);
  answerTo(`${RECEIPTS}.json`, () => "{}");
  await refused(/is not a manifest/);
  answerTo("index_2025-09-26.json", (text) => text.replaceAll("/receipts_", "/../../../x"));
  await refused(/names a file outside receipts\/2025\/09\/26\//);
  answerTo("index_2025-09-26.json", (text) => text.replace('"2025-09-26"', '"2025-09-27"'));
  await refused(/is the index of 2025-09-27, not of 2025-09-26/);
  server.doorman = () => null;
  await fetchFrom(bucket, folder);
  const other = JSON.parse(await Deno.readTextFile(`${folder}/index.json`));
  other.archive.made_at_us++;
  await Deno.writeTextFile(`${folder}/index.json`, JSON.stringify(other));
  await assert.rejects(
    fetchFrom(bucket, folder),
    /has days of another archive .*; fetch each into a folder of its own/,
  );
  await Deno.remove(`${folder}/${RECEIPTS}.parquet`);
  await assert.rejects(
    contentsOf(folder),
    /receipts_2025-09-26.parquet is missing or of another size; fetch it again/,
  );
  await assert.rejects(contentsOf(dir.path), /it is a folder without published days/);
});

Deno.test("days of the first observer's successor come over HTTP, are imported and open", async () => {
  await using dir = await tempDir();
  const observed = observe({ days: 2, repeats: true });
  await writeDaily(dir.join("theirs"), observed);
  const served: string[] = [];
  const stop = new AbortController();
  const web = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {}, signal: stop.signal },
    async (request) => {
      const { pathname } = new URL(request.url);
      served.push(pathname);
      const bytes = await Deno.readFile(dir.join("theirs", pathname)).catch(() => null);
      return bytes === null ? new Response("none", { status: 404 }) : new Response(bytes);
    },
  );
  const url = `http://127.0.0.1:${web.addr.port}`;
  const args = [
    "fetch",
    "--from",
    url,
    "--days",
    "2025-09-26..2025-09-28",
    "--to",
    dir.join("fetched"),
  ];
  const { code, text } = await run(...args);
  assert.equal(code, 0, text);
  assert.match(
    text,
    /fetch: days=2 .*missing=1 [^]*fetch: import finished archive=.*gossip.duckdb/,
  );
  const lines = (await contentsOf(dir.join("fetched"))).filter((line) => /^\d{16} /.test(line));
  assert.deepEqual(lines, expectedReceipts(observed).sort());
  const again = await run(...args);
  assert.match(again.text, /fetch: days=2 [^]*fetch: import unchanged/);
  assert.ok(served.includes("/timings/2025/09/27/timings_2025-09-27.parquet"));
  stop.abort();
  await web.finished;
  const gone = await run(...args);
  assert.match(gone.text, /^Cannot reach http:\/\/127.0.0.1:\d+: [^\n]+$/);
});
