// Waiting for what other programs do.

const POLL_MILLISECONDS = 20;
/** A wait that ends in time costs none of it; six busy loops beside the tests make each take four times as long. */
const DEFAULT_LIMIT_MILLISECONDS = 60_000;

/** Waits until a program's `/healthz` at `url` finds nothing wrong. @throws {Error} as {@link until} does. */
export async function untilWell(url: string): Promise<void> {
  await until(async () => {
    const response = await fetch(`${url}/healthz`);
    await response.body?.cancel();
    return response.ok;
  });
}

/**
 * Waits until `holds` gives true, asking again and again.
 *
 * @param state what to tell when it never does, e.g. the other program's log.
 * @throws {Error} with `state()` when the limit passes.
 */
export async function until(
  holds: () => boolean | Promise<boolean>,
  state: () => string = () => "",
  limitMilliseconds: number = DEFAULT_LIMIT_MILLISECONDS,
): Promise<void> {
  const end = performance.now() + limitMilliseconds;
  while (!await holds()) {
    if (performance.now() > end) {
      throw new Error(`Not within ${limitMilliseconds} ms: ${holds}\n${state()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
  }
}
