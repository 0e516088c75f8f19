// "Where is my update?" of the live archive: what `deno task where` answers, without a copy.

import type { Context } from "hono";
import { DEFINITIONS } from "../../query_results/catalog/catalog.ts";
import { answerFor } from "../../query_results/where/look.ts";
import { FORMS } from "../../query_results/where/name.ts";
import { UserError } from "../../shared/errors.ts";
import type { Store } from "../store/store.ts";

/** An answer takes about two seconds on a full-size day. */
const TIMEOUT_MS = 30_000;
const MAX_NAME = 128;

/** Answers `?name=` with a page, or with `&json` as JSON, one question at a time: commits come first. */
export function whereHandler(
  store: Pick<Store, "beside">,
  now: () => number,
): (c: Context) => Promise<Response> {
  let isBusy = false;
  return async (c) => {
    const name = (c.req.query("name") ?? "").trim();
    if (name === "" || name.length > MAX_NAME) return c.text(`name is ${FORMS}\n`, 400);
    if (isBusy) return c.text("another question is being answered; ask again\n", 503);
    isBusy = true;
    try {
      const answer = await store.beside(async (connection) => {
        const timer = setTimeout(() => connection.interrupt(), TIMEOUT_MS);
        try {
          // Macros and tables of this connection alone.
          await connection.run(DEFINITIONS);
          await connection.run("BEGIN");
          return await answerFor(connection, name);
        } finally {
          clearTimeout(timer);
        }
      });
      if (c.req.query("json") !== undefined) return c.json(answer as object);
      // Charts take memory and half a second to load.
      const { answerPage } = await import("../../query_results/where/page.ts");
      return c.html(await answerPage(answer, now()));
    } catch (error) {
      if (error instanceof UserError) return c.text(`${error.message}\n`, 404);
      throw error;
    } finally {
      isBusy = false;
    }
  };
}
