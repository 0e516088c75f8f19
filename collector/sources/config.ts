// The key `sources` of a collector's config: other nodes' logs to read.

import * as v from "valibot";
import { COLLECTOR_NAME, SOURCE_KINDS, type SourceKind } from "../../shared/batch/batch.ts";
import { oneOf, text } from "../../shared/config.ts";

export interface SourceConfig {
  readonly name: string;
  readonly kind: SourceKind;
  readonly path: string;
  /** Of LND's times, an IANA name. */
  readonly zone: string;
  /** The node's own. */
  readonly node_id?: string;
}

/** Each has files and a place of its own. */
const MAX_SOURCES = 16;

function isZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) !== null;
  } catch {
    return false;
  }
}

const source = v.strictObject({
  name: text(COLLECTOR_NAME, "1 to 63 lower-case letters, digits and dashes"),
  kind: oneOf(SOURCE_KINDS),
  path: text(/^[^\0]{1,4096}$/, "the path of a file or FIFO"),
  node_id: v.optional(text(/^0[23][0-9a-f]{64}$/, "a node id: 66 lower-case hex digits")),
  zone: v.optional(
    v.pipe(v.string(), v.check(isZone, "should be a time zone such as UTC or Europe/Berlin")),
    Intl.DateTimeFormat().resolvedOptions().timeZone,
  ),
});

/** The list; empty by default. */
export const sourceList: v.GenericSchema<unknown, readonly SourceConfig[]> = v.optional(
  v.pipe(
    v.array(source, "should be a list of sources, each with name, kind and path"),
    v.maxLength(MAX_SOURCES, `should have at most ${MAX_SOURCES} sources`),
    v.check(
      (list) => new Set(list.map(({ name }) => name)).size === list.length,
      "should give each source a name of its own",
    ),
  ),
  [],
) as v.GenericSchema<unknown, readonly SourceConfig[]>;
