/** Deno asking for a permission. */
export const PROMPT: RegExp = /Deno requests|Allow\? \[/;

/** A command on a terminal of its own (`script`, of util-linux). Disposing presses Ctrl-C and waits for its end. */
export class Terminal implements AsyncDisposable {
  output = "";
  readonly #child: Deno.ChildProcess;
  readonly #keyboard: WritableStreamDefaultWriter<Uint8Array>;
  readonly #seen = new Set<() => void>();
  readonly #ended: Promise<number>;

  constructor(commandLine: string, options: { cwd: string; env?: Record<string, string> }) {
    this.#child = new Deno.Command("script", {
      args: ["--quiet", "--flush", "--return", "--command", commandLine, "/dev/null"],
      cwd: options.cwd,
      env: { TERM: "xterm", NO_COLOR: "1", ...options.env },
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#keyboard = this.#child.stdin.getWriter();
    this.#ended = this.#read();
  }

  async #read(): Promise<number> {
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      this.output += text;
      for (const look of this.#seen) look();
      // Nobody sits here to answer.
      if (PROMPT.test(this.output)) await this.#interrupt();
    }
    for (const look of this.#seen) look();
    await this.#keyboard.close().catch(() => {});
    return (await this.#child.status).code;
  }

  /** Waits until the output matches, or the command ends. */
  async waitFor(pattern: RegExp): Promise<void> {
    const found = Promise.withResolvers<void>();
    const look = () => pattern.test(this.output) && found.resolve();
    this.#seen.add(look);
    look();
    await Promise.race([found.promise, this.#ended]);
    this.#seen.delete(look);
  }

  /** Its exit code, once it has ended by itself. */
  wait(): Promise<number> {
    return this.#ended;
  }

  async #interrupt(): Promise<void> {
    await this.#keyboard.write(new Uint8Array([3])).catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#interrupt();
    await this.#ended;
  }
}
