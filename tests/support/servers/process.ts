// Child processes of a test: their lines, their signals, their end.

import { errorText, UserError } from "../../../shared/errors.ts";

/** Lines kept of one process; older ones go first. */
const MAX_LINES = 20_000;
/** How long {@link Process.waitForLine} and {@link Process.wait} wait unless told otherwise. */
const DEFAULT_WAIT_MILLISECONDS = 60_000;
/** What a process gets to end by itself after SIGTERM, before SIGKILL: on a busy machine a last commit takes long. */
const TERMINATE_MILLISECONDS = 60_000;

/** A running child process. Disposing kills it (SIGKILL) and waits for its end. */
export interface Process extends AsyncDisposable {
  /** Its process id. */
  readonly pid: number;
  /** What it wrote so far, standard output and standard error, line by line as they came. */
  readonly lines: readonly string[];
  /** Its exit, once it has one; null while it runs. */
  readonly status: Deno.CommandStatus | null;
  /**
   * The first line that matches, of those from index `from` on; already written ones count.
   *
   * @throws {Error} with the last lines when the process ends or the time passes without such a line.
   */
  waitForLine(
    pattern: RegExp,
    options?: { from?: number; timeoutMilliseconds?: number },
  ): Promise<string>;
  /**
   * Waits for its end by itself, all lines read.
   *
   * @throws {Error} with its last lines when it still runs after `timeoutMilliseconds`.
   */
  wait(timeoutMilliseconds?: number): Promise<Deno.CommandStatus>;
  /** Writes a line to its piped standard input. @throws {Error} when that is not piped or already closed. */
  writeLine(line: string): Promise<void>;
  /** Sends a signal; harmless after its end. */
  signal(signal: Deno.Signal): void;
  /** SIGKILL, then its end. */
  kill(): Promise<Deno.CommandStatus>;
  /** SIGTERM, and SIGKILL when that was not enough; then its end. */
  terminate(): Promise<Deno.CommandStatus>;
}

/** Where and how a process runs. */
export interface ProcessOptions {
  /** Working directory; the test's own when absent. */
  readonly cwd?: string | URL;
  /** Added to the test's own environment. */
  readonly env?: Record<string, string>;
  /** `piped` lets {@link Process.writeLine} write to it; nothing can be read from it otherwise. */
  readonly stdin?: "null" | "piped";
}

/** The project's root, the working directory of {@link startProgram}. */
const ROOT: URL = new URL("../../../", import.meta.url);

/**
 * Starts one of the project's programs in a Deno of its own.
 *
 * @param script path from the project's root, e.g. `archiver/main.ts`.
 * @param permissions flags of `deno run`, e.g. `["-P=archiver"]` or `["--allow-net=127.0.0.1"]`.
 */
export function startProgram(
  script: string,
  args: readonly string[],
  permissions: readonly string[],
  options: ProcessOptions = {},
): Process {
  const run = ["run", "--no-prompt", ...permissions, script, ...args];
  return startProcess("deno", run, { cwd: ROOT, ...options });
}

/** Those that run. */
const running = new Set<ChildProcess>();

/** Kills all that were started here and still run (SIGKILL): what waits for them fails, and cleans up after itself. */
export function killAll(): void {
  for (const process of running) process.signal("SIGKILL");
}

/** Starts a command. @throws {UserError} when it is not there or may not be run. */
export function startProcess(
  command: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Process {
  const child = spawn(command, args, options);
  return new ChildProcess(child, options.stdin === "piped" ? child.stdin.getWriter() : null);
}

function spawn(
  command: string,
  args: readonly string[],
  options: ProcessOptions,
): Deno.ChildProcess {
  try {
    return new Deno.Command(command, {
      stdin: "null",
      ...options,
      args: [...args],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    throw new UserError(`Cannot start ${command}: ${errorText(error)}`, { cause: error });
  }
}

class ChildProcess implements Process {
  readonly pid: number;
  readonly lines: string[] = [];
  status: Deno.CommandStatus | null = null;
  readonly #ended: Promise<Deno.CommandStatus>;
  /** How many lines left {@link lines} at its front, so that indices of waiters stay right. */
  #dropped = 0;
  readonly #listeners = new Set<() => void>();

  constructor(
    private readonly child: Deno.ChildProcess,
    private readonly stdin: WritableStreamDefaultWriter<Uint8Array> | null,
  ) {
    this.pid = child.pid;
    running.add(this);
    this.#ended = this.#follow();
  }

  async #follow(): Promise<Deno.CommandStatus> {
    const [status] = await Promise.all([
      this.child.status,
      this.#read(this.child.stdout),
      this.#read(this.child.stderr),
    ]);
    // Its end has broken the pipe: nothing is left to flush.
    await this.stdin?.abort().catch(() => {});
    this.status = status;
    running.delete(this);
    this.#tell();
    return status;
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      this.#add(lines);
    }
    if (rest !== "") this.#add([rest]);
  }

  #add(lines: string[]): void {
    for (const line of lines) this.lines.push(line);
    const excess = this.lines.length - MAX_LINES;
    if (excess > 0) {
      this.lines.splice(0, excess);
      this.#dropped += excess;
    }
    this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  waitForLine(
    pattern: RegExp,
    options: { from?: number; timeoutMilliseconds?: number } = {},
  ): Promise<string> {
    const { from = 0, timeoutMilliseconds = DEFAULT_WAIT_MILLISECONDS } = options;
    let next = from;
    return new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer);
        this.#listeners.delete(look);
      };
      const look = () => {
        for (let i = Math.max(0, next - this.#dropped); i < this.lines.length; i++) {
          if (!pattern.test(this.lines[i])) continue;
          stop();
          return resolve(this.lines[i]);
        }
        next = this.#dropped + this.lines.length;
        if (!this.status) return;
        stop();
        reject(this.#error(`it ended (exit code ${this.status.code}) without a line ${pattern}`));
      };
      const timer = setTimeout(() => {
        stop();
        reject(this.#error(`no line ${pattern} within ${timeoutMilliseconds} ms`));
      }, timeoutMilliseconds);
      this.#listeners.add(look);
      look();
    });
  }

  #error(what: string): Error {
    const last = this.lines.slice(-30).map((line) => `  ${line}`).join("\n");
    return new Error(`Process ${this.pid}: ${what}; its last lines:\n${last}`);
  }

  async wait(timeoutMilliseconds = DEFAULT_WAIT_MILLISECONDS): Promise<Deno.CommandStatus> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(this.#error(`it still runs after ${timeoutMilliseconds} ms`)),
        timeoutMilliseconds,
      );
    });
    try {
      return await Promise.race([this.#ended, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async writeLine(line: string): Promise<void> {
    if (!this.stdin) throw new Error(`Process ${this.pid}: its standard input is not piped`);
    await this.stdin.write(new TextEncoder().encode(`${line}\n`));
  }

  signal(signal: Deno.Signal): void {
    if (this.status) return;
    try {
      this.child.kill(signal);
    } catch (error) {
      // It may have ended a moment ago, its last lines still on their way.
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  kill(): Promise<Deno.CommandStatus> {
    this.signal("SIGKILL");
    return this.#ended;
  }

  async terminate(): Promise<Deno.CommandStatus> {
    this.signal("SIGTERM");
    const timer = setTimeout(() => this.signal("SIGKILL"), TERMINATE_MILLISECONDS);
    try {
      return await this.#ended;
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
