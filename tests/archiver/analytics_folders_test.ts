/** Reports' folders: whole or not at all, whenever the process ends. */
import assert from "node:assert/strict";
import {
  beginReport,
  dropReport,
  pruneReports,
  publishReport,
  readyReport,
  tidyReports,
} from "../../archiver/analytics/folders.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const DAY = 86_400_000;
const NAME = "2026-11-22";
const RUN = { name: NAME, finishedAt: 1_795_392_000_000_000 };
const READY = `.${NAME}.${RUN.finishedAt}.ready`;

async function names(path: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name).sort();
}

/** Writes the report `text` up to its publishing. */
async function begin(dir: TempDir, text: string, name = NAME): Promise<void> {
  const part = await beginReport(dir.path, name);
  assert.deepEqual(await names(part), []);
  await Deno.writeTextFile(`${part}/index.html`, text);
}

/** Puts the report that was begun in its place. */
async function publish(dir: TempDir): Promise<void> {
  const place = await readyReport(dir.path, RUN);
  assert.deepEqual((await names(dir.path)).filter((name) => name.endsWith(".part")), []);
  await publishReport(dir.path, RUN);
  assert.equal(place, await Deno.realPath(dir.join(NAME)));
}

const read = (dir: TempDir, name = NAME) => Deno.readTextFile(dir.join(name, "index.html"));

Deno.test("a report takes the place of an older one, and leaves nothing beside it", async () => {
  await using dir = await tempDir();
  await begin(dir, "old");
  assert.deepEqual(await names(dir.path), [`.${NAME}.part`]);
  await publish(dir);
  await Deno.writeTextFile(dir.join(NAME, "only-in-the-old-one.csv"), "");
  await begin(dir, "new");
  assert.equal(await read(dir), "old");
  await publish(dir);
  assert.equal(await read(dir), "new");
  assert.deepEqual(await names(dir.join(NAME)), ["index.html"]);
  assert.deepEqual(await names(dir.path), [NAME]);
});

Deno.test("a process that ends at any step leaves the old report or, once its rows are kept, the new one", async () => {
  const steps: Record<string, { before: string[]; after: string; isKept?: boolean }> = {
    "while the new one is written": { before: [NAME, `.${NAME}.part`], after: "old" },
    "before its rows are kept": { before: [NAME, READY], after: "old" },
    "when its rows are kept": { before: [NAME, READY], after: "new", isKept: true },
    "between the two renames": { before: [`.${NAME}.old`, READY], after: "new", isKept: true },
    "amid tidying up after that": { before: [READY], after: "new", isKept: true },
    "before the old one is removed": { before: [NAME, `.${NAME}.old`], after: "new", isKept: true },
  };
  for (const [step, { before, after, isKept }] of Object.entries(steps)) {
    await using dir = await tempDir();
    for (const name of before) {
      await Deno.mkdir(dir.join(name));
      const isNew = /\.(part|ready)$/.test(name) ||
        after === "new" && name === NAME && !before.includes(READY);
      await Deno.writeTextFile(dir.join(name, "index.html"), isNew ? "new" : "old");
    }
    const others = [{ ...RUN, finishedAt: RUN.finishedAt - 1 }, { ...RUN, name: "2026-11-21" }];
    await tidyReports(dir.path, DAY, isKept ? [...others, RUN] : others);
    assert.deepEqual(await names(dir.path), [NAME], step);
    assert.equal(await read(dir), after, step);
  }
});

Deno.test("tidying and pruning touch nothing but reports of this length", async () => {
  await using dir = await tempDir();
  const others = [
    ".2026-11-16_7d.part",
    ".2026-11-16_7d.1.ready",
    ".git.old",
    "2026-11-01_7d",
    "chart",
    "run.ts",
    "2026",
  ];
  for (const name of others) await Deno.mkdir(dir.join(name));
  const days = ["2026-11-20", "2026-11-21", "2026-11-22"];
  for (const name of days) await Deno.mkdir(dir.join(name));
  await tidyReports(dir.path, DAY, []);
  assert.equal(await pruneReports(dir.path, DAY, 2), 1);
  assert.deepEqual(await names(dir.path), [...others, ...days.slice(1)].sort());
  assert.equal(await pruneReports(dir.path, DAY, 2), 0);
  assert.equal(await pruneReports(dir.join("nowhere"), DAY, 2), 0);
  await tidyReports(dir.join("nowhere"), DAY, []);
});

Deno.test("a report that fails is dropped, and the old one stays", async () => {
  await using dir = await tempDir();
  await begin(dir, "old");
  await publish(dir);
  await begin(dir, "half");
  await dropReport(dir.path, NAME);
  await dropReport(dir.path, NAME);
  assert.equal(await read(dir), "old");
  assert.deepEqual(await names(dir.path), [NAME]);
});
