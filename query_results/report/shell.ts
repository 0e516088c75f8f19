// What every page here begins with: its policy, its style, light and dark, and no network.

import { html as markup, raw } from "hono/html";
import { createHash } from "node:crypto";
import { darkChartCss, paletteCss } from "../chart/palette.ts";
import style from "./style.css" with { type: "text" };
import type { Markup } from "./tables.ts";

export interface Shell {
  readonly title: string;
  /** What the body holds. */
  readonly body: Markup;
  /** More style rules. */
  readonly style?: string;
  /** The only script that may run, at the end of the body; none without it. */
  readonly script?: string;
}

/** The whole file. Nothing else may be loaded or run, whatever text a peer sent. */
export function htmlFile({ title, body, style: more = "", script }: Shell): string {
  const hash = script === undefined
    ? ""
    : ` script-src 'sha256-${createHash("sha256").update(script).digest("base64")}';`;
  const policy =
    `default-src 'none'; style-src 'unsafe-inline';${hash} base-uri 'none'; form-action 'none'`;
  return String(markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${raw(paletteCss() + style + darkChartCss() + more)}</style>
</head>
<body>
${body}
${script !== undefined && markup`<script>${raw(script)}</script>`}
</body>
</html>
`);
}
