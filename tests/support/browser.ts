// A real browser whose pages a test drives and watches: Chromium over its DevTools protocol.

import { type Process, startProcess } from "./servers/process.ts";
import { type TempDir, tempDir } from "./temp_dir.ts";
import { until } from "./until.ts";

/** Whether there is a browser; tests that need one say so and are skipped without. */
export const hasChromium: boolean = await Deno.stat("/usr/bin/chromium").then(
  () => true,
  () => false,
);

/** An open page. */
export interface Page {
  /** What its console and its errors said so far. */
  readonly console: readonly string[];
  /** The value of an expression, awaited. @throws {Error} when it throws. */
  evaluate<T>(expression: string): Promise<T>;
  /** Waits until an expression holds. @throws {Error} with the page's text when it does not within a minute. */
  until(expression: string): Promise<void>;
  /** A command of the protocol, e.g. `Emulation.setDeviceMetricsOverride`. */
  send(method: string, params?: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** Writes a PNG of the whole page. */
  screenshot(path: string): Promise<void>;
}

/** A browser; disposing ends it. */
export class Browser implements AsyncDisposable {
  readonly #answers = new Map<number, PromiseWithResolvers<Record<string, unknown>>>();
  readonly #events: ((method: string, params: Record<string, unknown>, session: string) => void)[] =
    [];
  #next = 1;

  private constructor(
    private readonly process: Process,
    private readonly profile: TempDir,
    private readonly socket: WebSocket,
  ) {
    socket.onmessage = ({ data }) => {
      const { id, result, error, method, params, sessionId } = JSON.parse(data);
      if (id === undefined) return this.#events.forEach((hear) => hear(method, params, sessionId));
      const answer = this.#answers.get(id)!;
      this.#answers.delete(id);
      if (error) answer.reject(new Error(error.message));
      else answer.resolve(result);
    };
  }

  /** Starts Chromium without a window. */
  static async start(): Promise<Browser> {
    const profile = await tempDir();
    const process = startProcess("chromium", [
      ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
      ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
      ...[`--user-data-dir=${profile.path}`, "--remote-debugging-port=0", "about:blank"],
    ]);
    const line = await process.waitForLine(/DevTools listening on/);
    const socket = new WebSocket(line.match(/ws:\S+/)![0]);
    await new Promise((resolve, reject) => [socket.onopen, socket.onerror] = [resolve, reject]);
    return new Browser(process, profile, socket);
  }

  /** Opens a page. */
  async open(url: string): Promise<Page> {
    const { targetId } = await this.#send("Target.createTarget", { url: "about:blank" });
    const attached = await this.#send("Target.attachToTarget", { targetId, flatten: true });
    const session = String(attached.sessionId);
    const lines: string[] = [];
    this.#events.push((method, params, from) => {
      if (from !== session) return;
      if (method === "Log.entryAdded" || method === "Runtime.exceptionThrown") {
        lines.push(JSON.stringify(params));
      }
    });
    const send: Page["send"] = (method, params = {}) => this.#send(method, params, session);
    for (const domain of ["Log", "Runtime", "Page"]) await send(`${domain}.enable`);
    await send("Page.navigate", { url });
    const evaluate = async <T>(expression: string): Promise<T> => {
      const options = { expression, awaitPromise: true, returnByValue: true };
      const { result, exceptionDetails } = await send("Runtime.evaluate", options);
      if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
      return (result as { value: T }).value;
    };
    return {
      console: lines,
      evaluate,
      async until(expression) {
        let text = "";
        await until(async () => {
          text = await evaluate<string>("document.body?.innerText ?? ''");
          return await evaluate<boolean>(`Boolean(${expression})`);
        }, () => `${expression}\n${text}\n${lines.join("\n")}`);
      },
      send,
      async screenshot(path) {
        const options = { captureBeyondViewport: true };
        const { data } = await send("Page.captureScreenshot", options);
        await Deno.writeFile(path, Uint8Array.fromBase64(String(data)));
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.socket.onclose = resolve);
    await this.process.kill();
    await closed;
    await this.profile[Symbol.asyncDispose]();
  }

  #send(
    method: string,
    params: Record<string, unknown>,
    sessionId?: string,
  ): Promise<Record<string, unknown>> {
    const id = this.#next++;
    const answer = Promise.withResolvers<Record<string, unknown>>();
    this.#answers.set(id, answer);
    this.socket.send(JSON.stringify({ id, method, params, sessionId }));
    return answer.promise;
  }
}
