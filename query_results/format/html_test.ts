import fc from "fast-check";
import assert from "node:assert/strict";
import { escapeText, Html, markup } from "./html.ts";

Deno.test("a template escapes what it is given, but not its own kind", () => {
  const inner = markup`<b>${"<i>"}</b>`;
  assert.equal(
    markup`<p title="${`"quoted"`}">${inner}${["a", "&"]}${7}</p>`.text,
    '<p title="&quot;quoted&quot;"><b>&lt;i&gt;</b>a\n&amp;7</p>',
  );
  assert.equal(markup`${new Html("<br>")}`.text, "<br>");
});

Deno.test("no text can leave an element or an attribute", () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(..."<>&\"'ax;=/") }), (text) => {
    const escaped = escapeText(text);
    assert.doesNotMatch(escaped, /[<>"']/);
    const back = escaped.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"')
      .replaceAll("&#39;", "'").replaceAll("&amp;", "&");
    assert.equal(back, text);
  }));
});
