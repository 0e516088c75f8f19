/** The live page in a real browser, beside a real archiver that is killed and started again; and its feed alone. */
import assert from "node:assert/strict";
import { Counters } from "../../archiver/status/counters.ts";
import { Feed } from "../../archiver/api/page/feed.ts";
import { Recent } from "../../archiver/api/page/recent.ts";
import { Days } from "../../archiver/days/days.ts";
import { ArchiverConfigSchema } from "../../archiver/config.ts";
import { encodeBatch } from "../../shared/batch/codec.ts";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { parseConfig } from "../../shared/config.ts";
import { Browser, hasChromium } from "../support/browser.ts";
import { openArchive } from "../support/fixtures/archive.ts";
import { BatchMaker } from "../support/fixtures/batch_maker.ts";
import { sessionFigures } from "../support/fixtures/session_figures.ts";
import { unsignedUpdate } from "../support/fixtures/unsigned_gossip.ts";
import { freePort } from "../support/servers/free_port.ts";
import { startArchiver, tokenHeader } from "../support/servers/programs.ts";
import { tempDir } from "../support/temp_dir.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { until } from "../support/until.ts";

if (!hasChromium) console.error("live_page_test: no /usr/bin/chromium, so the page is not opened");

const US = 1_000_000;

/** A feed of an empty archive. */
async function openFeed(path: string, maxViewers: number, clock: Clock) {
  const store = await openArchive(path);
  const config = parseConfig("", ArchiverConfigSchema, "none");
  const days = new Days({ ...config.days, memoryLimitBytes: 2 ** 28 }, { store, clock });
  const intake = { batches: 0, bytes: 0, receipts: 0, setAside: new Map() };
  const feed = new Feed({ maxViewers, sets: [], version: "1" }, {
    recent: new Recent(),
    sources: {
      ...{ store, days, jetStream: null, heartbeats: { last: new Map() } },
      intake: { status: () => ({ ...intake, lastSetAside: null, failure: null }) },
      analytics: { status: () => ({ halted: null, sets: [] }) },
      counters: new Counters(0),
      watch: { problems: () => [] },
      now: () => clock.now(),
    },
    problems: () => ["<b>one</b>"],
    clock,
  });
  return {
    feed,
    async [Symbol.asyncDispose]() {
      await feed[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

Deno.test("viewers get the same frames; too many are refused, slow ones dropped, all ended at last", async () => {
  await using dir = await tempDir();
  const clock = new ManualClock();
  await using opened = await openFeed(dir.join("a.duckdb"), 2, clock);
  const { feed } = opened;
  const slow = feed.open()!;
  const viewer = feed.open()!.pipeThrough(new TextDecoderStream()).getReader();
  assert.equal(feed.open(), null);
  assert.equal(feed.refused, 1);
  const frames: string[] = [];
  const read = async () => {
    await clock.advance(1000);
    const { value, done } = await viewer.read();
    if (value !== undefined) frames.push(value);
    return done;
  };
  while (!frames.some((frame) => frame.includes('"survey":{'))) assert.ok(!await read());
  assert.equal(frames[0], "retry: 1000\n\n");
  const first = JSON.parse(frames[1].slice("data: ".length));
  assert.deepEqual(first.problems, ["<b>one</b>"]);
  assert.equal(first.rates.from, Math.floor(first.at / US) - 299);
  while (feed.dropped === 0) assert.ok(!await read());
  assert.equal(feed.viewers, 1);
  await assert.rejects(async () => {
    for await (const _ of slow);
  }, /too slow/);
  await feed[Symbol.asyncDispose]();
  while (!await read());
  assert.equal(feed.open(), null);
});

Deno.test({
  name:
    "the live page draws, updates, survives an archiver's restart and says when the feed is gone",
  ignore: !hasChromium,
  async fn() {
    await using dir = await tempDir();
    const port = freePort();
    const url = `http://127.0.0.1:${port}`;
    const start = async () => {
      const archiver = await startArchiver({ dir: dir.path, port });
      await until(
        async () => await archiver.get("/status") !== null,
        () => archiver.process.lines.slice(-9).join("\n"),
      );
      return archiver;
    };
    const archiver = await start();
    const began = systemClock.now();
    const maker = new BatchMaker("alpha", began);
    const [first, second] = [maker.session(1, began), maker.session(2, began)];
    const post = async (from = maker) => {
      const [headers, body] = [await tokenHeader(dir.path), encodeBatch(from.close())];
      const response = await fetch(`${url}/batches`, { method: "POST", body, headers });
      assert.equal((await response.json()).status, "committed");
    };
    await using browser = await Browser.start();
    const page = await browser.open(`${url}/`);
    const text = (selector: string) => `document.querySelector('${selector}').textContent`;
    // Nothing has come yet: it says what to do, and shows no empty charts.
    await page.until("document.body.hasAttribute('data-nothing')");
    assert.ok(
      await page.evaluate("document.querySelector('#fleet-table .empty').checkVisibility()"),
    );
    assert.ok(!await page.evaluate("document.getElementById('rates').checkVisibility()"));

    const scid = 863_846n << 40n | 913n << 16n | 104n;
    const update = { scid, direction: 1, timestamp: Math.floor(began / US) } as const;
    const message = maker.message(unsignedUpdate(update));
    maker.event({ kind: "clock_sample", at: began, offset: 1500, uncertainty: 500 });
    maker.receipt(systemClock.now(), message, first);
    await post();
    await page.until(`${text("#spreads-table")}.includes('863846x913x104/1')`);
    await page.until(`${text("#rates-table tbody")}.startsWith('alpha')`);
    await page.until(`${text("#fleet-table")}.includes('1.5 ± 0.5 ms')`);
    await page.until("document.querySelectorAll('.live-chart canvas').length === 3");
    assert.ok(
      await page.evaluate(`(() => {
      const canvas = document.querySelector('#spreads canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return data.some((value) => value !== 0);
    })()`),
      "nothing is drawn",
    );

    // A second peer delivers the message; the first leaves with a hostile last word.
    maker.receipt(systemClock.now(), message, second);
    maker.event({
      ...{ kind: "session_closed", session: first, at: systemClock.now(), by: "peer" },
      ...{ reason: "<img src=x onerror=alert(1)>\u202e", ...sessionFigures() },
    });
    await post();
    await page.until(`${text("#spreads-table td:nth-child(3)")} === '2'`);
    await page.until(`${text("#ends-table")}.includes('<img src=x onerror=alert(1)>')`);
    assert.ok(!await page.evaluate("document.body.textContent.includes('\\u202e')"));
    assert.equal(await page.evaluate("document.querySelectorAll('img').length"), 0);
    assert.equal(await page.evaluate("document.getElementById('state').dataset.state"), "live");
    assert.deepEqual(page.console, []);

    const where = await fetch(`${url}/where?name=863846x913x104`);
    assert.match(await where.text(), /<p class="answer">Your update of .* reached half of 2 peers/);
    const nobody = await fetch(`${url}/where?name=863846x913x105&json`);
    assert.equal(nobody.status, 404);
    assert.equal((await nobody.text()).split("\n").length, 2);

    // A peer that two collectors hold counts once.
    const other = new BatchMaker("alpha10", began);
    other.session(1, began);
    await post(other);
    const third = new BatchMaker("alpha2", began);
    third.session(3, began);
    await post(third);
    await page.until(`${text("[data-tile=peers]")} === '3'`);
    const order =
      "[...document.querySelectorAll('#fleet-table td:first-child')].map((cell) => cell.innerText)";
    assert.deepEqual(await page.evaluate(order), ["alpha", "alpha2", "alpha10"]);

    // By keyboard: the choice of colours, and the cursor of a chart.
    await page.evaluate("document.querySelector('[data-by=collector]').click()");
    await page.until(`${text("#rates .u-legend")}.includes('alpha')`);
    const key = { type: "keyDown", key: "ArrowLeft", code: "ArrowLeft" };
    await page.evaluate("document.getElementById('peers').focus()");
    const last = await page.evaluate<string>(text("#peers .u-value"));
    await page.send("Input.dispatchKeyEvent", key);
    await page.send("Input.dispatchKeyEvent", key);
    await page.until(`${text("#peers .u-value")} !== '${last}'`);

    // As narrow as 400 px, nothing but tables scrolls sideways.
    const size = { width: 400, height: 800, deviceScaleFactor: 1, mobile: true };
    await page.send("Emulation.setDeviceMetricsOverride", size);
    await page.until("document.documentElement.scrollWidth <= 400");

    // Each control and table region has a name, each chart says what it shows.
    const { nodes } = await page.send("Accessibility.getFullAXTree");
    const named = (nodes as { role?: { value: string }; name?: { value: string } }[])
      .filter(({ role }) => ["button", "image", "link", "region"].includes(role?.value ?? ""));
    assert.ok(named.length > 10);
    for (const { role, name } of named) assert.ok(name?.value, `a ${role?.value} has no name`);

    await page.evaluate("globalThis.marker = 1");
    await archiver.process.kill();
    await page.until("document.getElementById('state').dataset.state === 'gone'");
    assert.match(
      await page.evaluate(text("#state")),
      /^The feed has been gone since \d\d:\d\d:\d\d UTC/,
    );
    await using _again = await start();
    await page.until("document.getElementById('state').dataset.state === 'live'");
    assert.equal(await page.evaluate("globalThis.marker"), 1, "it came back by itself");
    // The types of messages sent before the restart are read back.
    maker.receipt(systemClock.now(), message, second, 1);
    await post();
    await page.until(`${text("#fleet-table td:nth-child(6)")} === '3'`);
    const foreign = await fetch(`${url}/live`, { headers: { "sec-fetch-site": "cross-site" } });
    assert.equal(foreign.status, 403);
    assert.match(await foreign.text(), /own page/);

    // A page that is one too many says so, shows no figures, and is fed once there is room.
    const stop = new AbortController();
    const signal = stop.signal;
    const others = await Promise.all(
      Array.from({ length: 15 }, () => fetch(`${url}/live`, { signal })),
    );
    assert.ok(others.every(({ status }) => status === 200));
    const refused = await browser.open(`${url}/`);
    await refused.until(`${text("#state")}.includes(': 16 (api.viewers)')`);
    assert.ok(!await refused.evaluate("document.getElementById('fleet').checkVisibility()"));
    stop.abort();
    await refused.until("document.getElementById('fleet').checkVisibility()");
  },
});
