// The config of the Postgres endpoint: group `postgres` of the archiver's config file.

import * as v from "valibot";
import { duration, integer, size, text } from "../../shared/config.ts";
import { DAY_MS } from "../../shared/time.ts";

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const path = text(/^[^\0]{1,4096}$/, "the path of a file");

const schema = v.optional(v.strictObject({
  listen: v.optional(
    v.pipe(
      text(
        /^([0-9.]{7,15}|\[[0-9A-Fa-f:.]{2,45}\]|localhost):\d{1,5}$/,
        "ADDRESS:PORT, such as 127.0.0.1:5433",
      ),
      v.transform((listen) => {
        const at = listen.lastIndexOf(":");
        return {
          host: listen.slice(0, at).replace(/^\[|\]$/g, ""),
          port: Number(listen.slice(at + 1)),
        };
      }),
      v.check(({ port }) => port <= 65_535, "should have a port up to 65535"),
    ),
    "127.0.0.1:5433",
  ),
  users_file: v.optional(v.nullable(path), null),
  tls: v.optional(v.strictObject({
    cert_file: path,
    key_file: path,
    required: v.optional(v.boolean("should be true or false"), false),
  }, "should be a group with cert_file and key_file")),
  max_connections: v.optional(integer(1, 1000), 32),
  max_statements: v.optional(integer(1, 64), 2),
  max_rows: v.optional(v.nullable(integer(1, 1_000_000_000_000)), null),
  statement_timeout: v.optional(duration(100, DAY_MS), "5m"),
  idle_timeout: v.optional(duration(1000, 30 * DAY_MS), "30m"),
  memory: v.optional(size(64 * MIB, 1024 * GIB), "1GiB"),
}, "should be a group of keys"));

/** The endpoint's config, checked. Times in ms, sizes in bytes. */
export type PostgresConfig = NonNullable<v.InferOutput<typeof schema>>;

export const PostgresConfigSchema: v.GenericSchema<unknown, PostgresConfig | undefined> = schema;
