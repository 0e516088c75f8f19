// The archiver's HTTP API, meant for loopback. It answers in JSON, except for metrics. What changes or copies the archive
// takes a token; see `access.ts`.

import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import * as v from "valibot";
import { firstLine, Refusal } from "../../shared/errors.ts";
import { MAX_BATCH_BYTES } from "../../shared/batch/codec.ts";
import { logger } from "../../shared/log.ts";
import type { ClockReply } from "../../shared/nats/message.ts";
import { dayStart } from "../../shared/time.ts";
import type { Analytics } from "../analytics/analytics.ts";
import { endedRunStatus } from "../analytics/status.ts";
import type { QuerySet } from "../analytics/config.ts";
import type { Days, RolloverRequest } from "../days/days.ts";
import type { RolloverLine } from "../days/rollover.ts";
import type { Intake } from "../intake/intake.ts";
import type { PostgresSource } from "../postgres/counters.ts";
import type { Snapshots } from "../snapshots/snapshots.ts";
import { requireHost, requireToken } from "./access.ts";
import { describeMessage, describePeers, MESSAGE_NAME } from "./debug.ts";
import { healthProblems } from "../status/health.ts";
import { createMetrics } from "./metrics.ts";
import type { Feed } from "./page/feed.ts";
import { addPage } from "./page/page.ts";
import { collectStatus, type StatusSources } from "../status/status.ts";
import { whereHandler } from "./where.ts";

const RETRY_SECONDS = "1";
/** Body of a request other than a batch. */
const MAX_REQUEST_BYTES = 4096;

const log = logger("archiver", "api");

export interface ApiDependencies extends StatusSources {
  readonly store:
    & StatusSources["store"]
    & Parameters<typeof describeMessage>[0]
    & Parameters<typeof whereHandler>[0];
  readonly intake: Pick<Intake, "status" | "submit">;
  readonly days: StatusSources["days"] & Pick<Days, "run">;
  readonly analytics: StatusSources["analytics"] & Pick<Analytics, "runNow">;
  readonly snapshots: Pick<Snapshots, "take">;
  readonly feed: Pick<Feed, "open" | "maxViewers" | "viewers" | "refused" | "dropped">;
  readonly postgres?: PostgresSource | null;
  /** Whose reports are served. */
  readonly sets: readonly QuerySet[];
  readonly token: string;
  /** Host names under which it is served, beside localhost and IP addresses. */
  readonly names: readonly string[];
}

/**
 * The routes; POST takes the token, and is refused to web pages:
 *
 * - `GET /`: the live page, see `page/page.ts`; `GET /live`: its feed, 503 in one line beyond its viewers;
 *   `GET /reports/:set/:window/:file`: of scheduled reports;
 * - `GET /healthz`: 200, or 503 with the problems;
 * - `GET /status`: see {@link Status};
 * - `GET /metrics`: for Prometheus;
 * - `GET /clock`: {@link ClockReply}, for collectors on this host;
 * - `GET /where?name=`: where a channel's or node's latest message is, as a page, or with `&json` as JSON;
 * - `GET /debug/messages/:id` by message_id or SHA-256 in hex, `GET /debug/peers`;
 * - `POST /batches`, the body one batch: after its commit 200 `{status: "committed" | "duplicate", resend}`; 422
 *   `{status: "dead_letter", reason}` when it is not a batch; 413 when it is too long; 503 `{status: "busy"}` when it was
 *   not taken;
 * - `POST /rollover` with `{day, drop, apply}`: 200 and one {@link RolloverAnswer} per line as days are done;
 *   400 `{error}` for a bad request; 409 `{error}` while days already roll over;
 * - `POST /analytics/:set`, optionally with `?day=YYYY-MM-DD`: 200 `EndedRunStatus` after the run; 409 `{error}`
 *   when it cannot run now;
 * - `POST /snapshots`: 201 {@link SnapshotFile} once the copy is made; 409 `{error}` when none can be made now.
 */
export function createApi(dependencies: ApiDependencies): Hono {
  const { store, intake, days, analytics, snapshots } = dependencies;
  const metrics = createMetrics(dependencies);
  const app = new Hono();
  app.use(requireHost(dependencies.names));
  app.post("*", refuseBrowsers, requireToken(dependencies.token));

  addPage(app, dependencies.feed, dependencies.sets);
  app.get("/healthz", (c) => {
    const problems = healthProblems(dependencies);
    return c.json({ ok: problems.length === 0, problems }, problems.length === 0 ? 200 : 503);
  });
  app.get("/status", async (c) => c.json(await collectStatus(dependencies)));
  app.get("/metrics", async (c) => {
    return c.body(await metrics.text(), 200, { "content-type": metrics.contentType });
  });
  app.get("/clock", (c) => {
    const reply: ClockReply = { at: dependencies.now() };
    return c.json(reply);
  });
  app.get("/where", whereHandler(store, dependencies.now));
  app.get("/debug/peers", async (c) => c.json(await describePeers(store) as object));
  app.get("/debug/messages/:id", async (c) => {
    const id = c.req.param("id");
    if (!MESSAGE_NAME.test(id)) {
      return c.json({ error: "name a message by its message_id or its SHA-256 in hex" }, 400);
    }
    const message = await describeMessage(store, id);
    return message === null
      ? c.json({ error: "the archive has no such message" }, 404)
      : c.json(message as object);
  });

  const limit = bodyLimit({
    maxSize: MAX_BATCH_BYTES,
    onError: (c) => c.json({ error: `a batch should have at most ${MAX_BATCH_BYTES} bytes` }, 413),
  });
  app.post("/batches", limit, async (c) => {
    const bytes = new Uint8Array(await c.req.arrayBuffer());
    const outcome = await intake.submit(bytes, "http");
    if (outcome.status === "busy") return c.json(outcome, 503, { "retry-after": RETRY_SECONDS });
    return c.json(outcome, outcome.status === "dead_letter" ? 422 : 200);
  });

  app.post("/rollover", bodyLimit({ maxSize: MAX_REQUEST_BYTES }), async (c) => {
    const request = parseRolloverRequest(await c.req.text());
    if (typeof request === "string") return c.json({ error: request }, 400);
    if (days.progress().isRunning) {
      return c.json({ error: "a rollover is already running" }, 409);
    }
    return c.body(rolloverStream(days, request), 200, { "content-type": "application/x-ndjson" });
  });

  app.post("/analytics/:set", async (c) => {
    const run = await analytics.runNow(c.req.param("set"), c.req.query("day"));
    return c.json(endedRunStatus(run));
  });
  app.post("/snapshots", async (c) => c.json(await snapshots.take(), 201));

  app.notFound((c) => c.json({ error: "there is no such page" }, 404));
  app.onError((error, c) => {
    if (error instanceof Refusal) return c.json({ error: error.message }, 409);
    const { method, routePath: path } = c.req;
    log.warning("{method} {path}: {error}", { method, path, error: firstLine(error) });
    return c.json({ error: firstLine(error) }, 503);
  });
  return app;
}

/** A web page open on this host could post here, too; only browsers send an Origin. */
async function refuseBrowsers(c: Context, next: () => Promise<void>): Promise<Response | void> {
  if (c.req.header("origin") !== undefined) {
    return c.json({ error: "web pages may not call this" }, 403);
  }
  await next();
}

/** One line of the answer: what was done, and at last how it ended. */
export type RolloverAnswer =
  | RolloverLine
  | { readonly done: true }
  | { readonly error: string };

const DAY = "day should be a date such as 2025-09-26";
const RequestSchema: v.GenericSchema<unknown, RolloverRequest> = v.strictObject({
  day: v.optional(
    v.nullable(v.pipe(v.string(), v.check((day) => !Number.isNaN(dayStart(day)), DAY))),
    null,
  ),
  drop: v.optional(v.nullable(v.picklist(["hot", "files", "published"])), null),
  apply: v.optional(v.boolean(), false),
});

/** Reads the body of a request; a string says what is wrong with it. */
function parseRolloverRequest(body: string): RolloverRequest | string {
  let value: unknown;
  try {
    value = body === "" ? {} : JSON.parse(body);
  } catch {
    return "the body should be JSON";
  }
  const result = v.safeParse(RequestSchema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  return `${v.getDotPath(issue) ?? "the body"}: ${issue.message}`;
}

/** Runs a pass and streams one {@link RolloverAnswer} per line. */
function rolloverStream(
  days: Pick<Days, "run">,
  request: RolloverRequest,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let isRead = true;
  return new ReadableStream({
    async start(controller) {
      const send = (answer: RolloverAnswer) => {
        if (isRead) controller.enqueue(encoder.encode(JSON.stringify(answer) + "\n"));
      };
      try {
        await days.run(request, send);
        send({ done: true });
      } catch (error) {
        send({ error: firstLine(error) });
      }
      if (isRead) controller.close();
    },
    cancel() {
      // The pass continues: the client may just have been cut off.
      isRead = false;
    },
  });
}
