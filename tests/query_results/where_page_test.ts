/** The page of `deno task where` in a real browser: its replay by keyboard, and what a hostile alias can do to it: nothing. */
import assert from "node:assert/strict";
import { openArchive } from "../../query_results/archive/open.ts";
import { DEFINITIONS } from "../../query_results/catalog/catalog.ts";
import { answerFor } from "../../query_results/where/look.ts";
import { answerPage } from "../../query_results/where/page.ts";
import { Browser, hasChromium, type Page } from "../support/browser.ts";
import { openDays } from "../support/fixtures/day_archive.ts";
import { fillWhereArchive, HOSTILE_ALIAS, START } from "../support/fixtures/where_archive.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

if (!hasChromium) console.error("where_page_test: no /usr/bin/chromium, so the page is not opened");

async function page(dir: TempDir, name: string): Promise<string> {
  {
    await using archive = await openDays(dir);
    await fillWhereArchive(archive.store);
  }
  using reader = await openArchive(dir.join("a.duckdb"));
  await reader.connection.run(DEFINITIONS);
  return await answerPage(await answerFor(reader.connection, name), START);
}

Deno.test("the page runs one script, loads nothing, and shows a hostile alias as text", async () => {
  await using dir = await tempDir();
  const html = await page(dir, HOSTILE_ALIAS);
  assert.equal(html.match(/<script/g)?.length, 1);
  assert.match(
    html,
    /content="default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;; script-src &#39;sha256-/,
  );
  assert.doesNotMatch(html, /<img|\son[a-z]+="|(src|href)="(?!#)|@import|url\((?!#)/);
  assert.ok(html.includes("&lt;img src=x&gt;\\u{1b}[31m\\u{202e}\\u{a}"));
  // deno-lint-ignore no-control-regex -- that there is none is what is tested
  assert.doesNotMatch(html, /[\x1b\u202e]/);
  const marks = ["lnd", "cln", "ldk", "eclair", "other"].map((name) =>
    html.match(new RegExp(`\\.${name} \\{[^}]*--off: "(.)";\\s*--on: "(.)"`))?.slice(1) ?? []
  );
  assert.equal(new Set(marks.flat()).size, 10, "marks of its own, not just a colour");
});

/** Presses a key as a keyboard does. */
async function press(page: Page, key: string, code: number, text?: string): Promise<void> {
  const event = { key, code: key === " " ? "Space" : key, windowsVirtualKeyCode: code };
  await page.send("Input.dispatchKeyEvent", { type: "keyDown", text, ...event });
  await page.send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
}

Deno.test({
  name: "the replay plays, pauses and is scrubbed by keyboard alone; no other script runs",
  ignore: !hasChromium,
  async fn() {
    await using dir = await tempDir();
    const html = await page(dir, "ACINQ");
    const path = dir.join("where.html");
    await Deno.writeTextFile(path, html);
    await using browser = await Browser.start();
    const shown = await browser.open(`file://${path}`);
    await shown.until(
      "document.querySelector('#replay output')?.textContent.includes('of 10 peers')",
    );
    const said = () =>
      shown.evaluate<string>("document.querySelector('#replay output').textContent");
    const lit = () => shown.evaluate<number>("document.querySelectorAll('#replay i.on').length");
    // Ten peers, a second apart; all of it is shown at first.
    assert.deepEqual([await said(), await lit()], ["9.0 s: 10 of 10 peers", 10]);
    await shown.evaluate("document.querySelector('#replay input').focus()");
    await press(shown, "Home", 36);
    assert.deepEqual([await said(), await lit()], ["0.0 s: 1 of 10 peers", 1]);
    await press(shown, "End", 35);
    assert.equal(await lit(), 10);
    await press(shown, "PageDown", 34);
    const before = await lit();
    assert.ok(before < 10 && before > 1);
    await press(shown, "Home", 36);
    await shown.evaluate("document.querySelector('#replay button').focus()");
    await press(shown, " ", 32, " ");
    await shown.until("document.querySelectorAll('#replay i.on').length > 1");
    assert.equal(
      await shown.evaluate("document.querySelector('#replay button').textContent"),
      "Pause",
    );
    await press(shown, " ", 32, " ");
    const paused = await said();
    assert.equal(
      await shown.evaluate("document.querySelector('#replay button').textContent"),
      "Play",
    );
    await shown.evaluate("new Promise((done) => setTimeout(done, 100))");
    assert.equal(await said(), paused);
    assert.deepEqual(shown.console, []);
    assert.equal(await shown.evaluate("document.querySelectorAll('svg[role=img]').length"), 1);

    const evil = html.replace("<main>", "<main><script>document.title = 'owned'</script>");
    await Deno.writeTextFile(dir.join("evil.html"), evil);
    const other = await browser.open(`file://${dir.join("evil.html")}`);
    await other.until("document.querySelector('#replay output')?.textContent.includes('peers')");
    assert.notEqual(await other.evaluate("document.title"), "owned");
    assert.ok(other.console.some((line) => line.includes("Content Security Policy")));
  },
});
