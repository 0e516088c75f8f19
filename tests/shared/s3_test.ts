/** A bucket's client and its uploads, with s3rver and the real versitygw. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { UserError } from "../../shared/errors.ts";
import { Bucket } from "../../shared/s3/bucket.ts";
import { upload, UploadMismatch } from "../../shared/s3/upload.ts";
import {
  BUCKET,
  fakeS3,
  findVersitygw,
  type S3Server,
  versitygw,
} from "../support/servers/s3_server.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const PART = 5 * 1024 ** 2;
const program = await findVersitygw();

async function makeFile(dir: TempDir, bytes: number) {
  const path = dir.join("a.parquet");
  const block = crypto.getRandomValues(new Uint8Array(65_536));
  const content = new Uint8Array(bytes).map((_, i) => block[i % 65_536] ^ (i >> 16));
  await Deno.writeFile(path, content);
  const sha256 = createHash("sha256").update(content).digest("hex");
  return { path, key: "receipts/a.parquet", bytes, sha256, content };
}

async function bodyOf(bucket: Bucket, key: string): Promise<Uint8Array | null> {
  const response = await bucket.find(key);
  return response && await response.bytes();
}

async function uploadsWhole(server: S3Server): Promise<void> {
  await using dir = await tempDir();
  const bucket = server.bucket("some/prefix");
  for (const bytes of [1000, PART, 2 * PART + 17]) {
    const file = { ...await makeFile(dir, bytes), key: `of/${bytes}.parquet` };
    let seen = 0;
    const options = { partBytes: PART, onBytes: (bytes: number) => seen += bytes };
    assert.equal(await upload(bucket, file, options), bytes);
    assert.deepEqual(await bodyOf(bucket, file.key), file.content);
    assert.equal(seen, bytes);
    assert.equal(await upload(bucket, file, options), 0, "once is enough");
  }
  const changed = { ...await makeFile(dir, 2 * PART + 1), sha256: "0".repeat(64), key: "changed" };
  await assert.rejects(upload(bucket, changed, { partBytes: PART }), UploadMismatch);
  assert.equal(await bodyOf(bucket, "changed"), null);
}

Deno.test("files arrive whole, in one part or several, once", async () => {
  await using server = await fakeS3();
  await uploadsWhole(server);
});

Deno.test({
  name: "versitygw: files arrive whole; an upload that broke off is resumed",
  ignore: program === null,
  async fn() {
    await using server = await versitygw(program!);
    await uploadsWhole(server);
    await using dir = await tempDir();
    const file = await makeFile(dir, 4 * PART + 5);
    const stop = new AbortController();
    let seen = 0;
    const { config } = server;
    const keys = { accessKeyId: "gossip", secretAccessKey: "observer-secret" };
    const broken = new Bucket({ config, keys, bucket: BUCKET, prefix: "", signal: stop.signal });
    const onBytes = (bytes: number) => {
      seen += bytes;
      stop.abort(new Error("killed"));
    };
    await assert.rejects(upload(broken, file, { partBytes: PART, onBytes }));
    assert.ok(seen > 0);
    const sent = await upload(server.bucket(), file, { partBytes: PART });
    assert.ok(sent <= file.bytes - seen, `${sent} of ${file.bytes} were sent again after ${seen}`);
    assert.deepEqual(await bodyOf(server.bucket(), file.key), file.content);
  },
});

Deno.test({
  name: "versitygw: wrong keys, no bucket, wrong clock: one line each",
  ignore: program === null,
  async fn() {
    await using server = await versitygw(program!);
    const { config } = server;
    const right = { accessKeyId: "gossip", secretAccessKey: "observer-secret" };
    const line = async (keys: typeof right | null, bucket: string) => {
      const error = await new Bucket({ config, keys, bucket, prefix: "" }).send("a").catch((e) =>
        e
      );
      assert.ok(error instanceof UserError, String(error));
      return error.message;
    };
    assert.match(
      await line({ ...right, secretAccessKey: "x" }, BUCKET),
      /refuses the keys \(SignatureDoesNotMatch\)/,
    );
    assert.match(
      await line({ ...right, accessKeyId: "x" }, BUCKET),
      /refuses the keys \(XAdminUserNotFound\)/,
    );
    assert.match(await line(null, BUCKET), /refuses access without keys/);
    assert.match(await line(right, "other"), /has no bucket other; create it/);
  },
});

Deno.test("what a service refuses is one line", async () => {
  await using server = await fakeS3();
  const bucket = server.bucket();
  const refused = async (status: number, code: string, message = "") => {
    server.doorman = () =>
      new Response(`<Error><Code>${code}</Code><Message>${message}</Message></Error>`, {
        status,
        headers: { date: new Date(Date.now() - 3_600_000).toUTCString() },
      });
    const error = await bucket.send("a").catch((error) => error);
    assert.ok(error instanceof UserError, String(error));
    assert.doesNotMatch(error.message, /\n/);
    return error.message;
  };
  assert.match(
    await refused(403, "RequestTimeTooSkewed"),
    /its clock and this host's differ by 3[56]\d\d s/,
  );
  assert.match(
    await refused(403, "AccessDenied"),
    /refuses the keys \(AccessDenied\) for GET a in gossip/,
  );
  assert.match(await refused(404, "NoSuchBucket"), /has no bucket gossip/);
  assert.match(
    await refused(418, "Tea\n", "a &lt;pot&gt;"),
    /answers 418 Tea\\u\{a\} to GET a: a <pot>/,
  );
  server.doorman = () => Response.error();
  const gone = new Bucket({
    ...{ bucket: BUCKET, prefix: "", keys: null },
    config: { ...server.config, endpoint: "http://127.0.0.1:1" },
  });
  await assert.rejects(gone.send("a"), /Cannot reach http:\/\/127.0.0.1:1: /);
});
