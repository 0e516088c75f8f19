// Where a bucket is and who may use it: the keys of a config file, an address such as s3://bucket/prefix, and the secrets
// that files hold. Nothing here prints a secret, and no error holds one.

import * as v from "valibot";
import { text } from "../config.ts";
import { errorText, UserError } from "../errors.ts";
import { printable } from "../text.ts";

const MAX_KEY_FILE_BYTES = 4096;
const path = text(/^[^\0]{1,4096}$/, "the path of a file");

/** An S3 service and its keys, for a schema of the program's own. Without key files it is read as the public may. */
export const s3Entries = {
  endpoint: text(/^https?:\/\/[^\s/@?#]+$/, "a URL without a path, such as https://s3.example.org"),
  region: v.optional(text(/^[A-Za-z0-9-]{1,64}$/, "a region such as eu-central-1"), "us-east-1"),
  access_key_file: v.optional(path),
  secret_key_file: v.optional(path),
} as const;

const s3Schema = v.strictObject(s3Entries);

/** An S3 service as a config names it. */
export type S3Config = Readonly<v.InferOutput<typeof s3Schema>>;

/** What a bucket may be called. */
export const BUCKET: RegExp = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** What may stand before all keys: `a/b`, or nothing. */
export const PREFIX: RegExp = /^(?:[A-Za-z0-9_=-][A-Za-z0-9._=-]*(?:\/|$))*(?<!\/)$/;

/** A place in a bucket. */
export interface BucketPlace {
  readonly bucket: string;
  readonly prefix: string;
}

/** Reads `s3://bucket/prefix`. @throws {UserError} naming the flag when it is none. */
export function parseS3Url(flag: string, url: string): BucketPlace {
  const [, bucket = "", rest = ""] = url.match(/^s3:\/\/([^/]*)\/?(.*)$/) ?? [];
  const prefix = rest.replace(/\/+$/, "");
  if (BUCKET.test(bucket) && PREFIX.test(prefix)) return { bucket, prefix };
  throw new UserError(
    `${flag} is "${printable(url)}"; it should be s3://BUCKET or s3://BUCKET/PREFIX`,
  );
}

/** Secrets: never logged. */
export interface S3Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Reads the key files; null when none are named. @throws {UserError} when one is missing, unreadable or no key. */
export async function readS3Keys(config: S3Config): Promise<S3Keys | null> {
  const { access_key_file: access, secret_key_file: secret } = config;
  if (access === undefined && secret === undefined) return null;
  return {
    accessKeyId: await readKey("access_key_file", access),
    secretAccessKey: await readKey("secret_key_file", secret),
  };
}

async function readKey(name: string, path: string | undefined): Promise<string> {
  if (path === undefined) throw new UserError(`${name} is missing; S3 needs both key files`);
  let key: string;
  try {
    const { size } = await Deno.stat(path);
    if (size > MAX_KEY_FILE_BYTES) throw new Error(`${size} bytes are too many`);
    key = (await Deno.readTextFile(path)).trim();
  } catch (error) {
    throw new UserError(`Cannot read ${name} ${path}: ${errorText(error)}`, { cause: error });
  }
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw new UserError(`Cannot use ${name}: ${path} should hold one line, the key`);
}
