// `deno task archive user`: who may log in to the Postgres endpoint.

import { randomBytes } from "node:crypto";
import { type Subcommand, subcommand } from "../../shared/cli.ts";
import { UserError } from "../../shared/errors.ts";
import { bothNeeds, expectPermitted } from "../../shared/sandbox.ts";
import { addUser, readUsers, removeUser, usersFile } from "../postgres/users.ts";
import { CONFIG_FLAG, readArchiverConfig } from "./flags.ts";

const PASSWORD_BYTES = 18;
const MAX_PASSWORD_BYTES = 1024;

export const userCommand: Subcommand = subcommand({
  name: "deno task archive user",
  summary:
    "Add, remove or list the users of the Postgres endpoint. A password is read from standard input if\n" +
    "--stdin is given; otherwise one is made and printed once. A running archiver sees changes at once.",
  flags: {
    config: CONFIG_FLAG,
    add: { value: "NAME", help: "add this user, or give it a new password" },
    remove: { value: "NAME", help: "remove this user; sessions that are open stay" },
    stdin: { type: "boolean", help: "read the password from standard input" },
  },
  examples: [
    "deno task archive user --add grafana",
    "deno task archive user --add me --stdin < password.txt",
    "deno task archive user",
  ],
}, async ({ config: path, add, remove, stdin }) => {
  const { archive, postgres } = await readArchiverConfig(path);
  const file = usersFile(archive, postgres?.users_file);
  expectPermitted(bothNeeds("postgres.users_file", file), "archiver");
  if (remove !== undefined) await removeUser(file, remove);
  else if (add !== undefined) {
    const password = stdin
      ? await readPassword()
      : randomBytes(PASSWORD_BYTES).toString("base64url");
    await addUser(file, add, password);
    if (!stdin) console.log(password);
  } else for (const name of (await readUsers(file)).keys()) console.log(name);
});

async function readPassword(): Promise<string> {
  const bytes = new Uint8Array(await new Response(Deno.stdin.readable).arrayBuffer());
  const password =
    new TextDecoder().decode(bytes.subarray(0, MAX_PASSWORD_BYTES + 1)).split(/\r?\n/)[0];
  if (password !== "" && password.length <= MAX_PASSWORD_BYTES) return password;
  throw new UserError(
    `Cannot use the password on standard input: it should be one line of 1 to ${MAX_PASSWORD_BYTES} characters`,
  );
}
