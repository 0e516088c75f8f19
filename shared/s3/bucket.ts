// A bucket of an S3 service: requests over fetch, signed (AWS Signature 4) and retried, with one line for what goes wrong.

import { AwsClient } from "aws4fetch";
import { createHash } from "node:crypto";
import { systemClock } from "../clock.ts";
import { firstLine, UserError } from "../errors.ts";
import { printable } from "../text.ts";
import { element } from "./answers.ts";
import type { BucketPlace, S3Config, S3Keys } from "./access.ts";

/** Answers that may be others a second later. */
const PASSING = [429, 500, 502, 503, 504];
/** Some 3 s in all. */
const RETRIES = 4;
const RETRY_MS = 200;
/** For one request with its answer; a part has at most {@link PART_BYTES}, unless the file is huge. */
const REQUEST_MS = 300_000;
/** Longest XML that is read. */
const MAX_XML_BYTES = 16 * 1024 ** 2;
/** What versitygw says of an access key that it has not. */
const UNKNOWN_KEY = "XAdminUserNotFound";
const EMPTY_SHA256 = createHash("sha256").digest("hex");

/** An answer that is no success, with the service's own code, such as `NoSuchKey`. */
export class S3Refusal extends UserError {
  readonly status: number;
  readonly code: string;

  constructor(message: string, status: number, code: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Where a bucket is, and what ends its requests. */
export interface BucketOptions extends BucketPlace {
  readonly config: S3Config;
  /** Null: unsigned, as the public may read. */
  readonly keys: S3Keys | null;
  /** Of a folder on a web server, its address. */
  readonly shown?: string;
  readonly signal?: AbortSignal;
}

/** A request to a bucket. */
export interface S3Request {
  readonly method?: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** Query, such as `uploadId`. */
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
}

/** A bucket. Keys are below its prefix. */
export class Bucket {
  readonly #client: AwsClient | null;
  readonly #base: string;

  constructor(private readonly options: BucketOptions) {
    const { config, keys, bucket } = options;
    this.#client = keys && new AwsClient({ ...keys, service: "s3", region: config.region });
    this.#base = bucket === "" ? config.endpoint : `${config.endpoint}/${bucket}`;
  }

  /** As people name it: `s3://bucket/prefix`. */
  get shown(): string {
    const { bucket, prefix, shown } = this.options;
    return shown?.replace(/\/+$/, "") ?? `s3://${bucket}${prefix && `/${prefix}`}`;
  }

  /** A key as the service has it. */
  fullKey(key: string): string {
    const { prefix } = this.options;
    return prefix === "" ? key : `${prefix}/${key}`;
  }

  /**
   * Sends a request; `key` null asks the bucket itself.
   * @returns the answer, a success; its body must be read or cancelled.
   * @throws {S3Refusal} in one line.
   * @throws {UserError} when the service cannot be reached.
   */
  async send(key: string | null, request: S3Request = {}): Promise<Response> {
    const { signal } = this.options;
    signal?.throwIfAborted();
    const url = new URL(key === null ? this.#base : `${this.#base}/${this.fullKey(key)}`);
    for (const [name, value] of Object.entries(request.query ?? {})) {
      url.searchParams.set(name, value);
    }
    const { method = "GET", body } = request;
    const hash = body === undefined
      ? EMPTY_SHA256
      : createHash("sha256").update(body).digest("hex");
    const init = {
      ...{ method, body, redirect: "error" as const },
      headers: { ...request.headers, "x-amz-content-sha256": hash },
    };
    for (let attempt = 0;; attempt++) {
      const outcome = await this.#attempt(url, init);
      if (outcome instanceof Response && outcome.ok) return outcome;
      signal?.throwIfAborted();
      const isPassing = !(outcome instanceof Response) || PASSING.includes(outcome.status);
      if (isPassing && attempt < RETRIES) {
        if (outcome instanceof Response) await outcome.body?.cancel();
        await systemClock.sleep(RETRY_MS * 2 ** attempt, signal);
        continue;
      }
      if (outcome instanceof Response) {
        throw await this.#refusal(outcome, `${method} ${key ?? ""}`.trim());
      }
      const { endpoint } = this.options.config;
      throw new UserError(`Cannot reach ${endpoint}: ${reason(outcome)}`, { cause: outcome });
    }
  }

  /** @returns the answer, or why there is none. */
  async #attempt(url: URL, init: RequestInit): Promise<unknown> {
    const limit = AbortSignal.timeout(REQUEST_MS);
    const { signal } = this.options;
    const both = signal === undefined ? limit : AbortSignal.any([signal, limit]);
    try {
      const request = await this.#client?.sign(url, init) ?? new Request(url, init);
      return await fetch(request, { signal: both });
    } catch (error) {
      return error;
    }
  }

  /** {@link send}; null when there is no such key. */
  async find(key: string, request: S3Request = {}): Promise<Response | null> {
    try {
      return await this.send(key, request);
    } catch (error) {
      // An answer to HEAD has no code.
      const isMissing = error instanceof S3Refusal && error.status === 404 &&
        ["NoSuchKey", ""].includes(error.code);
      if (isMissing) return null;
      throw error;
    }
  }

  /** The text of an object of at most `maxBytes`; null when there is none. */
  async text(key: string, maxBytes: number): Promise<string | null> {
    const response = await this.find(key);
    if (response === null) return null;
    return await limitedText(response, maxBytes, key);
  }

  /** {@link send}, and its answer's XML. */
  async xml(key: string | null, request: S3Request): Promise<string> {
    const text = await limitedText(await this.send(key, request), MAX_XML_BYTES, key ?? "");
    // CompleteMultipartUpload may fail after it said 200.
    if (!text.includes("<Error>")) return text;
    throw this.#refused(
      200,
      element(text, "Code") ?? "",
      element(text, "Message") ?? "",
      key ?? "",
    );
  }

  async #refusal(response: Response, what: string): Promise<S3Refusal> {
    const text = await limitedText(response, MAX_XML_BYTES, what).catch(() => "");
    // HEAD has no body.
    const code = element(text, "Code") ?? (response.status === 403 ? "AccessDenied" : "");
    const { config } = this.options;
    const { status } = response;
    if (code === "RequestTimeTooSkewed" || code === "RequestExpired") {
      const theirs = Date.parse(response.headers.get("date") ?? "");
      const apart = Number.isNaN(theirs)
        ? ""
        : ` by ${Math.round(Math.abs(Date.now() - theirs) / 1000)} s`;
      const line =
        `${config.endpoint} refuses the request: its clock and this host's differ${apart}; ` +
        "set the one that is wrong";
      return new S3Refusal(line, status, code);
    }
    return this.#refused(status, code, element(text, "Message") ?? response.statusText, what);
  }

  #refused(status: number, code: string, message: string, what: string): S3Refusal {
    const { config: { endpoint }, bucket, keys } = this.options;
    const line = code === "NoSuchBucket"
      ? `${endpoint} has no bucket ${bucket}; create it, or correct its name`
      : status === 401 || status === 403 || code === UNKNOWN_KEY
      ? `${endpoint} refuses ${keys === null ? "access without keys" : "the keys"} ` +
        `(${printable(code)}) for ${printable(what)} in ${bucket}; check access_key_file, ` +
        "secret_key_file and what they may do"
      : `${endpoint} answers ${status} ${printable(code)} to ${printable(what)}: ${
        printable(message)
      }`;
    return new S3Refusal(line, status, code);
  }
}

function reason(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return printable(firstLine(cause).replace(/^error sending request .*?\): /, ""), 200);
}

async function limitedText(response: Response, maxBytes: number, what: string): Promise<string> {
  const decoder = new TextDecoder();
  let [text, bytes] = ["", 0];
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      throw new UserError(
        `${printable(what)} has more than ${maxBytes} bytes; it is not what it should be`,
      );
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
