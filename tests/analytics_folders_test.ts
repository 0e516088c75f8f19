/** Reports' folders: whole or not at all, whenever the process ends. */
import assert from "node:assert/strict";
import {
  beginReport,
  dropReport,
  pruneReports,
  publishReport,
  tidyReports,
} from "../archiver/analytics/folders.ts";
import { type TempDir, tempDir } from "./support/temp_dir.ts";

const DAY = 86_400_000;
const NAME = "2026-11-22";

async function names(path: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name).sort();
}

/** Writes the report `text` up to its publishing. */
async function begin(dir: TempDir, text: string, name = NAME): Promise<void> {
  const part = await beginReport(dir.path, name);
  assert.deepEqual(await names(part), []);
  await Deno.writeTextFile(`${part}/index.html`, text);
}

const read = (dir: TempDir, name = NAME) => Deno.readTextFile(dir.join(name, "index.html"));

Deno.test("a report takes the place of an older one, and leaves nothing beside it", async () => {
  await using dir = await tempDir();
  await begin(dir, "old");
  assert.deepEqual(await names(dir.path), [`.${NAME}.part`]);
  assert.equal(await publishReport(dir.path, NAME), await Deno.realPath(dir.join(NAME)));
  await Deno.writeTextFile(dir.join(NAME, "only-in-the-old-one.csv"), "");
  await begin(dir, "new");
  assert.equal(await read(dir), "old");
  await publishReport(dir.path, NAME);
  assert.equal(await read(dir), "new");
  assert.deepEqual(await names(dir.join(NAME)), ["index.html"]);
  assert.deepEqual(await names(dir.path), [NAME]);
});

Deno.test("a process that ends at any step leaves the old report or the new one", async () => {
  const steps: Record<string, { before: string[]; after: string }> = {
    "while the new one is written": { before: [NAME, `.${NAME}.part`], after: "old" },
    "between the two renames": { before: [`.${NAME}.old`, `.${NAME}.part`], after: "old" },
    "before the old one is removed": { before: [NAME, `.${NAME}.old`], after: "new" },
  };
  for (const [step, { before, after }] of Object.entries(steps)) {
    await using dir = await tempDir();
    for (const name of before) {
      await Deno.mkdir(dir.join(name));
      const isNew = name.endsWith(".part") || (after === "new" && name === NAME);
      await Deno.writeTextFile(dir.join(name, "index.html"), isNew ? "new" : "old");
    }
    await tidyReports(dir.path, DAY);
    assert.deepEqual(await names(dir.path), [NAME], step);
    assert.equal(await read(dir), after, step);
  }
});

Deno.test("tidying and pruning touch nothing but reports of this length", async () => {
  await using dir = await tempDir();
  const others = [".2026-11-16_7d.part", ".git.old", "2026-11-01_7d", "chart", "run.ts", "2026"];
  for (const name of others) await Deno.mkdir(dir.join(name));
  const days = ["2026-11-20", "2026-11-21", "2026-11-22"];
  for (const name of days) await Deno.mkdir(dir.join(name));
  await tidyReports(dir.path, DAY);
  assert.equal(await pruneReports(dir.path, DAY, 2), 1);
  assert.deepEqual(await names(dir.path), [...others, ...days.slice(1)].sort());
  assert.equal(await pruneReports(dir.path, DAY, 2), 0);
  assert.equal(await pruneReports(dir.join("nowhere"), DAY, 2), 0);
  await tidyReports(dir.join("nowhere"), DAY);
});

Deno.test("a report that fails is dropped, and the old one stays", async () => {
  await using dir = await tempDir();
  await begin(dir, "old");
  await publishReport(dir.path, NAME);
  await begin(dir, "half");
  await dropReport(dir.path, NAME);
  await dropReport(dir.path, NAME);
  assert.equal(await read(dir), "old");
  assert.deepEqual(await names(dir.path), [NAME]);
});
