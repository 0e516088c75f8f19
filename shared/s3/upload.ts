// A file into a bucket: in parts, of which those that the service has already are not sent again. The service checks each
// part's SHA-256 and MD5; its ETags are compared with the file's.

import { createHash } from "node:crypto";
import { readFull } from "../files.ts";
import { bareEtag, element, type ListedPart, listedParts, listedUploads } from "./answers.ts";
import { type Bucket, S3Refusal } from "./bucket.ts";

/** S3 takes parts of 5 MiB and more. */
const PART_BYTES = 8 * 1024 ** 2;
/** S3 takes 10,000. */
const MAX_PARTS = 9000;
/** Parts under way at once; each is in memory. */
const PARTS_AT_ONCE = 3;
const SHA256_HEADER = "x-amz-meta-sha256";

/** A file, its size and checksum as they were recorded. */
export interface UploadFile {
  readonly path: string;
  readonly key: string;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** For tests, and for progress. */
export interface UploadOptions {
  readonly partBytes?: number;
  /** Called with what was sent, or found to be there. */
  readonly onBytes?: (bytes: number) => void;
}

/** A file that is not what was to be uploaded, or an object that is not the file. */
export class UploadMismatch extends Error {}

/**
 * Uploads a file unless the bucket has it under its key.
 * @returns how many bytes were sent.
 * @throws {UploadMismatch} when file and checksums differ; then the object is not made.
 * @throws {S3Refusal} as {@link Bucket.send}; the next call continues.
 */
export async function upload(
  bucket: Bucket,
  file: UploadFile,
  { partBytes = PART_BYTES, onBytes = () => {} }: UploadOptions = {},
): Promise<number> {
  const { key, bytes } = file;
  if (await isThere(bucket, file)) {
    onBytes(bytes);
    return 0;
  }
  const size = Math.max(partBytes, Math.ceil(bytes / MAX_PARTS));
  if (bytes <= size) {
    const body = await Deno.readFile(file.path);
    expectSame(file, body.length, createHash("sha256").update(body).digest("hex"));
    const headers = { ...checksum(body), [SHA256_HEADER]: file.sha256 };
    const response = await bucket.send(key, { method: "PUT", body, headers });
    await response.body?.cancel();
    expectEtag(response, md5(body).toString("hex"), key);
    onBytes(bytes);
    return bytes;
  }
  return await uploadParts(bucket, file, size, onBytes);
}

async function isThere(bucket: Bucket, { key, bytes, sha256 }: UploadFile): Promise<boolean> {
  const response = await bucket.find(key, { method: "HEAD" });
  await response?.body?.cancel();
  return response !== null && Number(response.headers.get("content-length")) === bytes &&
    response.headers.get(SHA256_HEADER) === sha256;
}

async function uploadParts(
  bucket: Bucket,
  file: UploadFile,
  size: number,
  onBytes: (bytes: number) => void,
): Promise<number> {
  const { key } = file;
  const begun = await findUpload(bucket, file);
  const id = begun?.id ?? await beginUpload(bucket, file);
  const query = { uploadId: id };
  const digests: Buffer[] = [];
  const sending = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const expectNoFailure = () => {
    if (failures.length > 0) throw failures[0];
  };
  let sent = 0;
  try {
    const whole = createHash("sha256");
    let total = 0;
    for await (const body of parts(file.path, size)) {
      whole.update(body);
      total += body.length;
      const digest = md5(body);
      const number = digests.push(digest);
      const etag = digest.toString("hex");
      const there = begun?.parts.some((part) =>
        part.number === number && part.etag === etag && part.bytes === body.length
      );
      if (there) {
        onBytes(body.length);
        continue;
      }
      if (sending.size >= PARTS_AT_ONCE) await Promise.race(sending);
      expectNoFailure();
      const part = bucket.send(key, {
        ...{ method: "PUT", body, headers: checksum(body, digest) },
        query: { ...query, partNumber: String(number) },
      }).then(async (response) => {
        await response.body?.cancel();
        expectEtag(response, etag, `part ${number} of ${key}`);
        sent += body.length;
        onBytes(body.length);
      }).catch((error) => void failures.push(error)).finally(() => sending.delete(part));
      sending.add(part);
    }
    await Promise.all(sending);
    expectNoFailure();
    expectSame(file, total, whole.digest("hex"));
    await completeUpload(bucket, key, query, digests);
    return sent;
  } catch (error) {
    await Promise.all(sending);
    if (error instanceof UploadMismatch) {
      await bucket.send(key, { method: "DELETE", query }).catch(() => {});
    }
    throw error;
  }
}

async function beginUpload(bucket: Bucket, { key, sha256 }: UploadFile): Promise<string> {
  const headers = { [SHA256_HEADER]: sha256 };
  const xml = await bucket.xml(key, { method: "POST", query: { uploads: "" }, headers });
  const id = element(xml, "UploadId");
  if (id === null) throw new S3Refusal(`S3 answers without an UploadId for ${key}`, 200, "");
  return id;
}

async function completeUpload(
  bucket: Bucket,
  key: string,
  query: Record<string, string>,
  digests: readonly Buffer[],
): Promise<void> {
  const list = digests.map((digest, i) =>
    `<Part><PartNumber>${i + 1}</PartNumber><ETag>"${digest.toString("hex")}"</ETag></Part>`
  );
  const xml = `<CompleteMultipartUpload>${list.join("")}</CompleteMultipartUpload>`;
  const body = new TextEncoder().encode(xml);
  const etag = bareEtag(element(await bucket.xml(key, { method: "POST", query, body }), "ETag"));
  const expected = `${md5(Buffer.concat(digests)).toString("hex")}-${digests.length}`;
  if (etag === null || !etag.includes("-") || etag === expected) return;
  throw new UploadMismatch(
    `S3 has another checksum of ${key} (${etag}) than the file (${expected})`,
  );
}

/** The upload of the key that a killed process left, with the parts that the service has of it. */
async function findUpload(
  bucket: Bucket,
  { key }: UploadFile,
): Promise<{ readonly id: string; readonly parts: readonly ListedPart[] } | null> {
  const full = bucket.fullKey(key);
  try {
    const xml = await bucket.xml(null, { query: { uploads: "", prefix: full } });
    const [id] = listedUploads(xml, full);
    if (id === undefined) return null;
    const parts: ListedPart[] = [];
    for (let marker = "0";;) {
      const query = { uploadId: id, "part-number-marker": marker };
      const page = await bucket.xml(key, { query });
      parts.push(...listedParts(page));
      const next = element(page, "NextPartNumberMarker");
      if (element(page, "IsTruncated") !== "true" || next === null || next === marker) break;
      marker = next;
    }
    return { id, parts };
  } catch (error) {
    // Not every service lists uploads; then the file is sent anew. Its answer to what it cannot do is not always 501.
    const cannot = error instanceof S3Refusal && [404, 405, 501].includes(error.status);
    if (cannot && error.code !== "NoSuchBucket") return null;
    throw error;
  }
}

async function* parts(path: string, size: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  using file = await Deno.open(path);
  for (;;) {
    const part = await readFull(file, new Uint8Array(size));
    if (part.length > 0) yield part;
    if (part.length < size) return;
  }
}

function md5(bytes: Uint8Array): Buffer {
  return createHash("md5").update(bytes).digest();
}

function checksum(body: Uint8Array, digest = md5(body)): Record<string, string> {
  return { "content-md5": digest.toString("base64") };
}

function expectSame({ path, bytes, sha256 }: UploadFile, total: number, digest: string): void {
  if (total === bytes && digest === sha256) return;
  throw new UploadMismatch(`${path} has another SHA-256 or size than was recorded`);
}

/** An object that a service encrypts with keys of its own has an ETag that is no MD5. */
function expectEtag(response: Response, expected: string, what: string): void {
  const encryption = response.headers.get("x-amz-server-side-encryption");
  const etag = bareEtag(response.headers.get("etag"));
  if (etag === expected || (encryption !== null && encryption !== "AES256")) return;
  throw new UploadMismatch(
    `S3 has another checksum of ${what} (${etag}) than the file (${expected})`,
  );
}
