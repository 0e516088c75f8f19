import { html as markup } from "hono/html";
import type { Markup } from "./tables.ts";

/** What a report opens with: the answers that matter most. */
export interface Opening {
  /** Shown large, with the words under them. */
  readonly figures: readonly (readonly [text: string, words: string])[];
  readonly sentences: readonly string[];
  /** How far to trust them; empty without figures. */
  readonly limits: string;
}

/** The opening as a section. */
export function openingSection({ figures, sentences, limits }: Opening): Markup {
  const large = figures.map(([text, words]) =>
    markup`<li><strong>${text}</strong> <span>${words}</span></li>`
  );
  return markup`<section id="savings" aria-labelledby="savings-h">
<h2 id="savings-h">What set reconciliation would save</h2>
${large.length > 0 && markup`<ul class="large">${large}</ul>`}
${sentences.map((sentence) => markup`<p>${sentence}</p>`)}
${limits !== "" && markup`<p class="rest">${limits}</p>`}
</section>`;
}
