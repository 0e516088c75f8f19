// Metrics and health: checked every few seconds, served over HTTP on loopback.

import type { Clock } from "../../shared/clock.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import type { Metrics } from "../../shared/metrics.ts";
import { createMetrics, type Parts, type RunFacts } from "./metrics.ts";
import { logger } from "../../shared/log.ts";

export interface Listen {
  /** An address of loopback. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

/** Metrics are computed no more often. */
const KEEP_US = 1_000_000;

/**
 * Serves `GET /metrics` and `GET /healthz`: 200 with `{ok: true, problems: []}`, or 503 with the problems. Reads no
 * body.
 * @throws {UserError} when it cannot listen there.
 */
function serveMonitor(
  { host, port }: Listen,
  metrics: Metrics,
  findProblems: () => readonly string[],
  clock: Clock,
) {
  let text: Promise<string> | undefined, readAt = 0;
  const currentText = () => {
    const now = clock.now();
    if (text === undefined || now - readAt >= KEEP_US) {
      readAt = now;
      text = metrics.text();
    }
    return text;
  };
  const answer = async ({ method, url }: Request): Promise<Response> => {
    if (method !== "GET") {
      return Response.json({ error: "only GET" }, { status: 405, headers: { allow: "GET" } });
    }
    switch (new URL(url).pathname) {
      case "/metrics":
        return new Response(await currentText(), {
          headers: { "content-type": metrics.contentType },
        });
      case "/healthz": {
        const problems = findProblems();
        const ok = problems.length === 0;
        return Response.json({ ok, problems }, { status: ok ? 200 : 503 });
      }
      default:
        return Response.json({ error: "only /metrics and /healthz exist" }, { status: 404 });
    }
  };
  try {
    const server = Deno.serve({ hostname: host, port, onListen: () => {} }, answer);
    const { hostname, port: chosen } = server.addr;
    const name = hostname.includes(":") ? `[${hostname}]` : hostname;
    return { url: `http://${name}:${chosen}`, [Symbol.asyncDispose]: () => server.shutdown() };
  } catch (error) {
    throw new UserError(`Cannot serve metrics on ${host}:${port}: ${errorText(error)}`, {
      cause: error,
    });
  }
}

const log = logger("collector", "monitor");

/**
 * Serves metrics and health until disposed.
 * @param problems what health says.
 * @throws {UserError} when it cannot listen there.
 */
export function serve(
  parts: Parts,
  run: RunFacts,
  problems: () => readonly string[],
  listen: Listen,
  clock: Clock,
): AsyncDisposable {
  const metrics = createMetrics(parts, run, () => problems().length);
  const server = serveMonitor(listen, metrics, problems, clock);
  log.info("Serving metrics at {url}/metrics and health at {url}/healthz", { url: server.url });
  return server;
}
