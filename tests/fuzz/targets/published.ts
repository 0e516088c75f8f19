// Indexes of published days, and what S3 services answer: any text is taken or refused, and no path leaves its folder.

import {
  dayIndexKey,
  indexText,
  makeDayIndex,
  makeRootIndex,
  parseDayIndex,
  parseRootIndex,
  tableKey,
} from "../../../query_results/archive/published.ts";
import { UserError } from "../../../shared/errors.ts";
import { element, listedParts, listedUploads } from "../../../shared/s3/answers.ts";
import { check, type Target, utf8 } from "../target.ts";

const DAY = "2025-09-26";
const archive = { name: "vps1", made_at_us: 1 };

function taken(parse: () => string): string {
  try {
    return parse();
  } catch (error) {
    if (error instanceof UserError && !error.message.includes("\n")) return "refused";
    throw error;
  }
}

/** Indexes of days and the list of days. */
export function indexTarget(): Target {
  const path = tableKey("receipts", DAY, "parquet", ".1");
  const file = { table: "receipts", part: 1, path, rows: 5, bytes: 9, sha256: "ab".repeat(32) };
  const day = makeDayIndex({ archive, day: DAY, schema_version: 1, files: [file] });
  const root = makeRootIndex({ archive, days: { [DAY]: "withdrawn" } });
  return {
    name: "published_index",
    corpus: [day, root].map((index) => utf8(indexText(index))),
    maxBytes: 2000,
    run(input) {
      const text = new TextDecoder().decode(input);
      const asDay = taken(() => {
        for (const { path } of parseDayIndex(text, DAY, dayIndexKey(DAY)).files) {
          check(!path.split("/").includes("..") && path.includes("/2025/09/26/"), `${path} leaves`);
        }
        return "ok";
      });
      const asRoot = taken(() =>
        `ok ${Object.keys(parseRootIndex(text, "index.json").days).length}`
      );
      return `${asDay} ${asRoot}`;
    },
  };
}

/** Answers in XML. */
export function s3AnswerTarget(): Target {
  const parts =
    "<ListPartsResult><IsTruncated>false</IsTruncated><Part><PartNumber>1</PartNumber>" +
    '<ETag>"5f363e0e58a95f06"</ETag><Size>8</Size></Part></ListPartsResult>';
  const uploads = "<Upload><Key>a/b</Key><UploadId>x&amp;y</UploadId></Upload>";
  return {
    name: "s3_answer",
    corpus: [parts, uploads].map(utf8),
    maxBytes: 1000,
    run(input) {
      const text = new TextDecoder().decode(input);
      const listed = listedParts(text);
      for (const { number, bytes } of listed) {
        check(number >= 1 && number <= 10_000 && bytes >= 0, "a part that cannot be");
      }
      const ids = listedUploads(text, "a/b");
      return `ok ${listed.length} ${ids.length} ${element(text, "IsTruncated") !== null}`;
    },
  };
}
