// The published test vectors of BOLT 1 and BOLT 7: one loop, and a file of them that it does not run fails.

import assert from "node:assert/strict";
import { bigSizeVectors, initVectors, tlvVectors } from "../support/fixtures/bolt01_vectors.ts";
import { queryVectors } from "../support/fixtures/bolt07_vectors.ts";
import type { VectorSuite } from "../support/fixtures/vector_suite.ts";

const folder = new URL("../vectors/", import.meta.url);

const SUITES: Record<string, VectorSuite> = {
  "bolt01_bigsize.json": bigSizeVectors,
  "bolt01_init.json": initVectors,
  "bolt01_tlv.json": tlvVectors,
  "bolt07_queries.json": queryVectors,
};

for (const [name, run] of Object.entries(SUITES)) {
  Deno.test(`the vectors of ${name} hold`, async () => {
    run(JSON.parse(await Deno.readTextFile(new URL(name, folder))));
  });
}

Deno.test("each vector file of BOLT 1 and BOLT 7 is run", async () => {
  const names: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    if (/^bolt0[17]_/.test(entry.name)) names.push(entry.name);
  }
  assert.deepEqual(names.sort(), Object.keys(SUITES).sort());
});
