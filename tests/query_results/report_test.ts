/** The report in a real browser, and what a hostile peer can do to it: nothing. */
import assert from "node:assert/strict";
import { allQueries } from "../../query_results/catalog/catalog.ts";
import { runQueries } from "../../query_results/run.ts";
import { startProcess } from "../support/servers/process.ts";
import { makeEmptyArchive, makeQueryArchive } from "../support/fixtures/query_archive.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const hasChromium = await Deno.stat("/usr/bin/chromium").then(() => true, () => false);
if (!hasChromium) {
  console.error(
    "query_report_test: no /usr/bin/chromium, so the report is not opened in a browser",
  );
}

/** Queries that are on the page even without rows. */
const SHOWN = allQueries().filter(({ onlyWithRows }) => !onlyWithRows);

async function report(dir: TempDir): Promise<string> {
  await makeQueryArchive(dir.join("gossip.duckdb"));
  const { report } = await runQueries({
    archive: dir.join("gossip.duckdb"),
    out: dir.join("out"),
    title: "Tests & <trials>",
    note: 'A "note"',
    reference: { scale: 60 },
  });
  return report;
}

/** A browser takes its time on a busy machine. */
const BROWSER_LIMIT_MILLISECONDS = 180_000;

/** What a real browser made of a page, and what it wrote to its console. */
async function open(path: string, dir: TempDir): Promise<{ dom: string; console: string[] }> {
  await using chromium = startProcess("chromium", [
    ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
    ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
    ...[`--user-data-dir=${dir.join("profile")}`, "--enable-logging=stderr", "--dump-dom"],
    `file://${path}`,
  ]);
  const status = await chromium.wait(BROWSER_LIMIT_MILLISECONDS);
  assert.ok(status.success, chromium.lines.slice(-20).join("\n"));
  return {
    dom: chromium.lines.join("\n"),
    console: chromium.lines.filter((line) => line.includes(":CONSOLE")),
  };
}

Deno.test("the report loads nothing, runs nothing, and escapes what peers say", async () => {
  await using dir = await tempDir();
  const page = await Deno.readTextFile(await report(dir));
  // The page is long: a failed match says what was looked for, not all of the page.
  const has = (pattern: RegExp) => pattern.test(page);
  assert.ok(has(/http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;;/));
  assert.ok(!has(/<script/i), "a script element");
  assert.ok(!has(/\son[a-z]+="/i), "an event handler");
  assert.ok(!has(/(src|href)="(?!#|[a-z_]+\.(csv|svg)")/), "a link to somewhere else");
  assert.ok(!has(/@import|url\((?!#)/), "a style that loads");
  // C's address and the reason its session ended for, as text; the override is shown, not obeyed.
  assert.ok(page.includes("&lt;script&gt;alert("));
  assert.ok(page.includes("\\u{202e}evil.example:9735"));
  assert.ok(!page.includes("\u202e"));
  assert.ok(page.includes("&lt;b&gt;reset&lt;/b&gt;"));
  assert.ok(page.includes("<h1>Tests &amp; &lt;trials&gt;</h1>"));
  const svg = await Deno.readTextFile(dir.join("out", "session_ends.svg"));
  assert.ok(svg.includes("&lt;b&gt;reset&lt;/b&gt;") && !svg.includes("<b>"));
  // The CSV is for programs: exactly what was archived.
  const csv = await Deno.readTextFile(dir.join("out", "sessions.csv"));
  assert.ok(csv.includes('"<script>alert(""x"")</script>\u202eevil.example:9735"'));
});

Deno.test("each chart carries its query's name, window, collectors and peers, on the page and alone", async () => {
  await using dir = await tempDir();
  const page = await Deno.readTextFile(await report(dir));
  const caption = [
    "query message_totals",
    "2025-01-01 00:07:30 to 2025-01-01 01:30:00 UTC (82.5 min)",
    "collectors alpha, beta, gamma · 5 peers connected and subscribed (at most 5 at once, 2.992 on average; 14.7 % of peer time in the first 10 min of a session)",
    "1 open gap of 2 batches, 1 receipt unresolved, 1 batch set aside unread",
    "WARNING: 3 clocks, 1 of them not measured: how far delays between collectors are off is unknown",
  ];
  const article = page.slice(page.indexOf('<article id="message_totals"'));
  const figcaption = article.slice(
    article.indexOf("<figcaption>"),
    article.indexOf("</figcaption>"),
  );
  // On the page what holds for all charts stands once, at its head.
  assert.equal(figcaption, `<figcaption>${caption[0]}`);
  const head = page.slice(page.indexOf('<dl class="frame">'), page.indexOf("</dl>"));
  for (const line of caption.slice(1).flatMap((line) => line.split(" · "))) {
    assert.ok(head.includes(`<dd>${line}</dd>`), line);
    assert.equal(page.split(line).length, 2, `once: ${line}`);
  }
  const svg = await Deno.readTextFile(dir.join("out", "message_totals.svg"));
  // Alone it has all of it, in lines no wider than the chart.
  const words = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((match) => match[1]).join(" ");
  for (const line of caption) assert.ok(words.includes(line), line);
});

Deno.test("main figures stand beside the published run's, rescaled to network time", async () => {
  await using dir = await tempDir();
  const page = await Deno.readTextFile(await report(dir));
  const row = (label: string) => {
    const start = page.indexOf(`<th scope="row">${label}</th>`);
    assert.notEqual(start, -1, label);
    return [...page.slice(start, page.indexOf("</tr>", start)).matchAll(/<td>(.*?)<\/td>/g)]
      .map((match) => match[1]);
  };
  // 11/3 s of this run are 220 s of network time; a message a minute becomes a sixtieth of one.
  assert.deepEqual(row("Delay to 50 % of a message&#39;s peers"), ["3.667 s", "220 s", "181.7 s"]);
  assert.deepEqual(row("Distinct messages per minute"), ["0.07273", "0.001212", "297.6"]);
  assert.deepEqual(row("Messages that are channel_update"), ["80 %", "", "60.35 %"]);
  assert.deepEqual(row("Peers connected and subscribed"), ["5", "", "978"]);
  assert.ok(page.includes("run of 2025-09-26, times ÷ 60"));
});

Deno.test({
  name: "a real browser shows the report without a word on its console",
  ignore: !hasChromium,
  async fn() {
    await using dir = await tempDir();
    const { dom, console } = await open(await report(dir), dir);
    assert.deepEqual(console, []);
    assert.ok(dom.includes("<h1>Tests &amp; &lt;trials&gt;</h1>"));
    assert.equal(dom.match(/<article /g)?.length, SHOWN.length);
    assert.equal(dom.match(/<svg [^>]*role="img"/g)?.length, SHOWN.length);
    assert.ok(!/<script/i.test(dom), "a script element");
    // That the browser would have complained: the same page with an image from elsewhere.
    const page = await Deno.readTextFile(dir.join("out", "index.html"));
    const loading = page.replace("<main>", '<main><img src="https://loads.invalid/x.png">');
    await Deno.writeTextFile(dir.join("out", "loading.html"), loading);
    const complaints = (await open(dir.join("out", "loading.html"), dir)).console;
    assert.ok(complaints.some((line) => line.includes("Content Security Policy")));
  },
});

Deno.test({
  name: "a real browser shows the report of an empty archive",
  ignore: !hasChromium,
  async fn() {
    await using dir = await tempDir();
    await makeEmptyArchive(dir.join("gossip.duckdb"));
    const { report } = await runQueries({
      archive: dir.join("gossip.duckdb"),
      out: dir.join("out"),
    });
    const { dom, console } = await open(report, dir);
    assert.deepEqual(console, []);
    assert.equal(dom.match(/>no data</g)?.length, SHOWN.length);
  },
});
