// Where finished days are published: keys of the config file.

import * as v from "valibot";
import { text } from "../../shared/config.ts";
import { BUCKET, PREFIX, s3Entries } from "../../shared/s3/access.ts";

const schema = v.strictObject({
  ...s3Entries,
  bucket: text(BUCKET, "the name of a bucket"),
  prefix: v.optional(text(PREFIX, "empty, or folders such as gossip/vps1"), ""),
  /** What the archive is called where others see its days. */
  name: v.optional(text(/^[A-Za-z0-9_-]{1,64}$/, "letters, digits, _ and -"), "archive"),
  /** A YAML file that names a lake, to which new days are added. */
  lake: v.optional(v.nullable(text(/^[^\0]{1,4096}$/, "the path of a file")), null),
  before_drop: v.optional(v.boolean("should be true or false"), true),
}, "should be a group of keys with endpoint and bucket, or be left out");

/** Where and under which name finished days are published. */
export type PublishConfig = v.InferOutput<typeof schema>;

/** The keys of `days.publish`. */
export const publishSchema: v.GenericSchema<unknown, PublishConfig> = schema;
