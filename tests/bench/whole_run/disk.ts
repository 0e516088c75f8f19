// Room on the disk.

import { UserError } from "../../../shared/errors.ts";

const GIB = 1024 ** 3;

/** Checks that a folder's disk has room. @throws {UserError} when it has less than `bytes`. */
export async function demandRoom(folder: string, bytes: number): Promise<void> {
  const { stdout } = await new Deno.Command("df", { args: ["-Pk", folder] }).output();
  // `Filesystem 1024-blocks Used Available Capacity Mounted`
  const available = Number(new TextDecoder().decode(stdout).trim().split("\n")[1].split(/\s+/)[3]);
  if (available * 1024 >= bytes) return;
  const [wanted, found] = [bytes, available * 1024].map((n) => (n / GIB).toFixed(1));
  throw new UserError(
    `The whole run needs ${wanted} GiB on the disk of ${folder}, and ${found} GiB are free; ` +
      "make room, or name another folder in TMPDIR",
  );
}
