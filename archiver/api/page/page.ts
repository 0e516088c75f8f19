// The live page at `/` and all that it loads, its feed, and the files of scheduled reports. Nothing is built: scripts and
// styles are served as they lie here, uPlot's as its package has them.

import type { Hono } from "hono";
import { createHash } from "node:crypto";
import { join } from "node:path";
import uplotScript from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import uplotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import { paletteCss } from "../../../query_results/chart/palette.ts";
import reportStyle from "../../../query_results/report/style.css" with { type: "text" };
import type { QuerySet } from "../../analytics/config.ts";
import { isWindowName } from "../../analytics/schedule.ts";
import type { Feed } from "./feed.ts";
import chart from "./web/chart.js" with { type: "text" };
import counts from "./web/counts.js" with { type: "text" };
import figures from "./web/figures.js" with { type: "text" };
import icon from "./web/icon.svg" with { type: "text" };
import index from "./web/index.html" with { type: "text" };
import liveStyle from "./web/live.css" with { type: "text" };
import live from "./web/live.js" with { type: "text" };
import table from "./web/table.js" with { type: "text" };

const SCRIPT = "text/javascript; charset=utf-8";
const STYLE = "text/css; charset=utf-8";
const FILES: Readonly<Record<string, readonly [type: string, text: string]>> = {
  "live.js": [SCRIPT, live],
  "figures.js": [SCRIPT, figures],
  "counts.js": [SCRIPT, counts],
  "chart.js": [SCRIPT, chart],
  "table.js": [SCRIPT, table],
  "uplot.js": [SCRIPT, uplotScript],
  "uplot.css": [STYLE, uplotStyle],
  "live.css": [STYLE, paletteCss() + reportStyle + liveStyle],
  "icon.svg": ["image/svg+xml", icon],
};

/** Of the page's files: a page of an earlier version loads itself anew. */
export const PAGE_VERSION: string = createHash("sha256")
  .update(JSON.stringify([index, FILES])).digest("hex").slice(0, 12);

/** Own files alone, whatever text a peer sent. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
  "img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/** A report has its own, too, which allows as little. */
const REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const REPORT_FILE = /^[A-Za-z0-9_-]{1,100}\.(html|svg|csv)$/;
const REPORT_TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  svg: "image/svg+xml",
  csv: "text/csv; charset=utf-8",
};

const headers = (type: string, policy = POLICY) => ({
  "content-type": type,
  "content-security-policy": policy,
  "cache-control": "no-cache",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
});

/** Adds the page's routes. @param sets whose reports are served. */
export function addPage(
  app: Hono,
  feed: Pick<Feed, "open" | "maxViewers" | "viewers">,
  sets: readonly QuerySet[],
): void {
  if (feed.maxViewers === 0) {
    app.get(
      "/",
      (c) => c.text("The live page is off; api.viewers in the config turns it on.\n", 404),
    );
    return;
  }
  const html = index.replace("{version}", PAGE_VERSION);
  app.get("/", (c) => c.body(html, 200, headers("text/html; charset=utf-8")));
  app.get("/page/:file", (c) => {
    const file = FILES[c.req.param("file")];
    return file === undefined ? c.notFound() : c.body(file[1], 200, headers(file[0]));
  });
  app.get("/live", (c) => {
    // Pages elsewhere cannot read it, but could use up its viewers.
    if (!["same-origin", "none"].includes(c.req.header("sec-fetch-site") ?? "none")) {
      return c.text("this feed is for the archiver's own page\n", 403);
    }
    const stream = feed.open();
    if (stream === null) {
      const isFull = feed.viewers >= feed.maxViewers;
      const full = `as many as may watch at a time do already: ${feed.maxViewers} (api.viewers)`;
      return c.text(isFull ? `${full}\n` : "it is stopping\n", 503);
    }
    return c.body(stream, 200, { ...headers("text/event-stream"), "cache-control": "no-store" });
  });
  app.get("/reports/:set/:window/:file", async (c) => {
    const { set: name, window, file } = c.req.param();
    const set = sets.find((set) => set.name === name);
    if (!set || !isWindowName(window, set.window) || !REPORT_FILE.test(file)) return c.notFound();
    try {
      const { readable } = await Deno.open(join(set.folder, window, file));
      return c.body(readable, 200, headers(REPORT_TYPES[file.split(".")[1]], REPORT_POLICY));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return c.notFound();
      throw error;
    }
  });
}
