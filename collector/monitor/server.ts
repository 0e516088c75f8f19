/**
 * Metrics and health: checked every few seconds, served over HTTP on loopback.
 *
 * @module
 */
import type { Clock } from "../../shared/clock.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import { Health } from "./health.ts";
import { createMetrics, type Metrics, type Parts, type RunFacts } from "./metrics.ts";
import { logger } from "../../shared/log.ts";
import { pause } from "../../shared/waiting.ts";

export interface Listen {
  /** An address of loopback. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

export interface ServerDependencies {
  readonly metrics: Metrics;
  readonly health: Pick<Health, "problems">;
  readonly clock: Clock;
}

export interface MonitorServer extends AsyncDisposable {
  /** Such as `http://127.0.0.1:8471`. */
  readonly url: string;
}

/** Metrics are computed no more often. */
const KEEP_US = 1_000_000;

/**
 * Serves `GET /metrics` and `GET /healthz`: 200 with `{ok: true, problems: []}`, or 503 with the problems. Reads no
 * body.
 * @throws {UserError} when it cannot listen there.
 */
export function serveMonitor(listen: Listen, dependencies: ServerDependencies): MonitorServer {
  const { metrics, health, clock } = dependencies;
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
        const { problems } = health;
        const ok = problems.length === 0;
        return Response.json({ ok, problems }, { status: ok ? 200 : 503 });
      }
      default:
        return Response.json({ error: "only /metrics and /healthz exist" }, { status: 404 });
    }
  };
  const { host, port } = listen;
  try {
    const server = Deno.serve({ hostname: host, port, onListen: () => {} }, answer);
    const { hostname, port: chosen } = server.addr;
    const name = hostname.includes(":") ? `[${hostname}]` : hostname;
    return {
      url: `http://${name}:${chosen}`,
      [Symbol.asyncDispose]: () => server.shutdown(),
    };
  } catch (error) {
    const reason = error instanceof Deno.errors.NotCapable
      ? "the sandbox opens 127.0.0.1:8471 alone; for another address build a binary that has it (deno task " +
        "compile --allow-cidr ADDRESS:PORT)"
      : errorText(error);
    throw new UserError(`Cannot serve metrics on ${host}:${port}: ${reason}`, { cause: error });
  }
}

const LOOK_MS = 5000;

const log = logger("collector", "monitor");

/** Serves metrics and health until disposed. @throws {UserError} when it cannot listen there. */
export function watch(parts: Parts, run: RunFacts, listen: Listen, clock: Clock): AsyncDisposable {
  const health = new Health(clock.now());
  const metrics = createMetrics(parts, run, () => health.problems.length);
  const server = serveMonitor(listen, { metrics, health, clock });
  log.info("Serving metrics at {url}/metrics and health at {url}/healthz", { url: server.url });
  const stop = new AbortController();
  const looking = look(health, parts, run, clock, stop.signal);
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all([server[Symbol.asyncDispose](), looking]);
    },
  };
}

async function look(
  health: Health,
  { manager, spool, journal, delivery }: Parts,
  { spoolMaxBytes }: RunFacts,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    health.look({
      peers: manager.counts.connected,
      spoolBytes: spool.bytes,
      spoolMaxBytes,
      dropped: spool.counters.dropped,
      spoolTrouble: spool.trouble,
      isJournalFailing: journal.isFailing,
      uplinkTrouble: delivery.status.trouble,
    }, clock.now());
    await pause(clock, LOOK_MS, signal);
  }
}
