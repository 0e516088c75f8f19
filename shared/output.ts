// The two streams that a command writes to, as its progress sees them.

/** Where text goes. */
export interface Output {
  readonly isTerminal: boolean;
  readonly write: (text: string) => void;
}

/** Standard output. */
export function standardOutput(): Output {
  return outputTo(Deno.stdout);
}

/** Standard error, for all that is not the command's result. */
export function standardError(): Output {
  return outputTo(Deno.stderr);
}

function outputTo(stream: typeof Deno.stdout | typeof Deno.stderr): Output {
  const encoder = new TextEncoder();
  return {
    isTerminal: stream.isTerminal(),
    write: (text) => void stream.writeSync(encoder.encode(text)),
  };
}
