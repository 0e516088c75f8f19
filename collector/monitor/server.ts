/**
 * Metrics and health over HTTP, on loopback.
 *
 * @module
 */
import type { Clock } from "../../shared/clock.ts";
import { errorText, UserError } from "../../shared/errors.ts";
import type { Health } from "./health.ts";
import type { Metrics } from "./metrics.ts";

/** Where it listens. */
export interface Listen {
  /** An address of loopback. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

/** What it answers from. */
export interface ServerDependencies {
  /** Behind `/metrics`. */
  readonly metrics: Metrics;
  /** Behind `/healthz`. */
  readonly health: Pick<Health, "problems">;
  /** How old metrics are. */
  readonly clock: Clock;
}

/** A running server; disposing stops it. */
export interface MonitorServer extends AsyncDisposable {
  /** Such as `http://127.0.0.1:8471`. */
  readonly url: string;
}

/** Metrics are read no more often: whoever asks more gets the same again. */
const KEEP_MICROSECONDS = 1_000_000;

/**
 * Serves `GET /metrics` and `GET /healthz`, which is 200 with `{ok: true, problems: []}`, or 503 with what is wrong. No
 * body is read, and nothing else is answered.
 *
 * @throws {UserError} when it cannot listen there.
 */
export function serveMonitor(listen: Listen, dependencies: ServerDependencies): MonitorServer {
  const { metrics, health, clock } = dependencies;
  let text: Promise<string> | undefined, readAt = 0;
  const currentText = () => {
    const now = clock.now();
    if (text === undefined || now - readAt >= KEEP_MICROSECONDS) {
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
        return Response.json({ error: "there are /metrics and /healthz" }, { status: 404 });
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
