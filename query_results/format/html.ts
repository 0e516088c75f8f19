/**
 * HTML by template: whatever is put into it is escaped, unless it is HTML itself.
 *
 * @module
 */

/** Finished HTML. */
export class Html {
  /** The markup. */
  readonly text: string;

  /** Takes markup that needs no more escaping. */
  constructor(text: string) {
    this.text = text;
  }
}

/** What a template takes. */
export type HtmlPart = Html | string | number | readonly HtmlPart[];

/** Text for an element's content or a quoted attribute, of HTML or XML. */
export function escapeText(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

/**
 * Tag of templates; quote attributes with `"`. A list's parts go on lines of their own. (It is not called `html`:
 * `deno fmt` would lay out the templates anew.)
 */
export function markup(strings: TemplateStringsArray, ...parts: HtmlPart[]): Html {
  return new Html(strings.reduce((text, next, i) => text + render(parts[i - 1]) + next));
}

function render(part: HtmlPart): string {
  if (part instanceof Html) return part.text;
  if (typeof part === "string") return escapeText(part);
  if (typeof part === "number") return String(part);
  return part.map(render).join("\n");
}
