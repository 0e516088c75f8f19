// `deno task archive lake`: published days into a DuckLake.

import { resolve } from "node:path";
import {
  type LakeSettings,
  readLakeSettings,
  shownCatalog,
} from "../../query_results/archive/lake.ts";
import { folderReader } from "../../query_results/archive/published.ts";
import { stopSignal, type Subcommand, subcommand } from "../../shared/cli.ts";
import { UserError } from "../../shared/errors.ts";
import { parseS3Url, readS3Keys } from "../../shared/s3/access.ts";
import { Bucket } from "../../shared/s3/bucket.ts";
import { expectPermitted, readNeeds, s3Needs } from "../../shared/sandbox.ts";
import { syncLake } from "../lake/sync.ts";

export const lakeCommand: Subcommand = subcommand({
  name: "deno task archive lake",
  summary:
    "Register published days in a DuckLake, without copying them. Run it again to add new days, and to\n" +
    "replace and drop days that were published anew or withdrawn. Several archives may share a lake.",
  details:
    "DuckDB opens catalogue and files by itself, outside Deno's sandbox. It needs its extensions ducklake,\n" +
    "for PostgreSQL postgres_scanner, for S3 httpfs: out of a folder, or installed over the internet.",
  flags: {
    data: { value: "URL|FOLDER", help: "the days: s3://BUCKET/PREFIX, or a folder of them" },
    catalog: { value: "FILE|URL", help: "the catalogue: a file, or postgres://user@host/database" },
    lake: {
      value: "FILE",
      help: "a YAML file with catalog, password_file, extensions and s3 instead",
    },
    extensions: { value: "FOLDER", help: "with --catalog: DuckDB's extensions" },
  },
  examples: [
    "deno task archive lake --catalog archive/lake.ducklake --data archive/fetched",
    "deno task archive lake --lake archive/lake.yaml --data s3://gossip/vps1",
    "deno task query --archive ducklake:archive/lake.yaml --out query_results/runs/lake",
  ],
}, async ({ data, catalog, lake, extensions }) => {
  if (data === undefined || (catalog === undefined) === (lake === undefined)) {
    throw new UserError(
      "deno task archive lake: --data and either --catalog or --lake are required. See deno task archive lake --help",
    );
  }
  if (lake !== undefined) expectPermitted(readNeeds({ "--lake": lake }), "archiver");
  const settings = lake === undefined
    ? { catalog: catalog!, extensions }
    : await readLakeSettings(lake);
  const signal = stopSignal();
  if (!data.startsWith("s3://")) expectPermitted(readNeeds({ "--data": data }), "archiver");
  const source = data.startsWith("s3://")
    ? await inBucket(data, settings, signal)
    : folderReader(resolve(data));
  const counts = { registered: 0, replaced: 0, dropped: 0 };
  const { archive, snapshot } = await syncLake(settings, source, {
    signal,
    onLine({ action, day, files }) {
      counts[action]++;
      console.log(`${action.padEnd(12)}${day}  ${files} files`);
    },
  });
  const done = Object.entries(counts).map(([action, count]) => `${action}=${count}`).join(" ");
  const where = `catalog=${shownCatalog(settings)} snapshot=${snapshot}`;
  console.log(`lake: ${done} archive=${archive} ${where}`);
});

async function inBucket(
  url: string,
  { s3 }: LakeSettings,
  signal: AbortSignal,
): Promise<Bucket> {
  if (s3 === undefined) {
    throw new UserError(
      "deno task archive lake: --data is in S3; name its service under s3: in the file of --lake",
    );
  }
  expectPermitted(s3Needs("s3", s3), "archiver");
  const keys = await readS3Keys(s3);
  return new Bucket({ ...parseS3Url("--data", url), config: s3, keys, signal });
}
