// A disk so small that a test can fill it.

import { tempDir } from "./temp_dir.ts";

/** A mounted tmpfs; disposing unmounts it. */
export interface SmallDisk extends AsyncDisposable {
  /** Where it is mounted, absolute. */
  readonly path: string;
  /** Takes all room that is left. */
  fill(): Promise<void>;
  /** Gives that room back. */
  free(): Promise<void>;
  /** Makes it as large as so many bytes. */
  resize(bytes: number): Promise<void>;
}

/** Whether this process may mount one: root may, unless its container says no. */
export async function canMount(): Promise<boolean> {
  if (Deno.uid() !== 0) return false;
  try {
    await using _disk = await smallDisk(65_536);
    return true;
  } catch {
    return false;
  }
}

/** Mounts a disk of so many bytes. @throws {Error} with the command's words when that is not allowed. */
export async function smallDisk(bytes: number): Promise<SmallDisk> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await tempDir());
  await command("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "gossip-test", path]);
  // Lazily: a killed process may not have let go of its files yet.
  stack.defer(() => command("umount", ["-l", path]));
  const owned = stack.move();
  const ballast = `${path}/ballast`;
  return {
    path,
    async fill() {
      using file = await Deno.open(ballast, { create: true, append: true });
      const page = new Uint8Array(4096);
      try {
        for (;;) await file.write(page);
      } catch {
        // It is full.
      }
    },
    free: () => Deno.remove(ballast),
    resize: (bytes) => command("mount", ["-o", `remount,size=${bytes}`, path]),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function command(name: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(name, { args }).output();
  if (!success) throw new Error(`${name}: ${new TextDecoder().decode(stderr)}`);
}
