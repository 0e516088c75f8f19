// The file of users: one line each, NAME:VERIFIER, readable by its owner alone.

import { dirname, join } from "node:path";
import { errorText, UserError } from "../../shared/errors.ts";
import { makeVerifier, readVerifier } from "./scram.ts";

/** Rights of group and others. */
const SHARED_MODE = 0o077;
const USER_NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,62}$/;
const MAX_USERS = 1000;

/** Where the file is: `postgres.users_file`, or beside the archive. */
export function usersFile(archive: string, usersFile: string | null | undefined): string {
  return usersFile ?? join(dirname(archive), "postgres-users");
}

/** Verifiers by name. @throws {UserError} when the file is malformed, or others can read it. An absent one has no users. */
export async function readUsers(path: string): Promise<Map<string, string>> {
  let text: string;
  try {
    const { mode } = await Deno.stat(path);
    if (mode !== null && (mode & SHARED_MODE) !== 0) {
      throw new UserError(
        `Cannot use ${path} (postgres.users_file): others can read it; run chmod 600 ${path}`,
      );
    }
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Map();
    if (error instanceof UserError) throw error;
    throw new UserError(`Cannot read ${path} (postgres.users_file): ${errorText(error)}`, {
      cause: error,
    });
  }
  const users = new Map<string, string>();
  for (const [i, line] of text.split("\n").entries()) {
    if (line === "") continue;
    const [name, verifier = ""] = line.split(/:(.*)/s);
    if (!USER_NAME.test(name) || readVerifier(verifier) === null) {
      throw new UserError(
        `Cannot use ${path}, line ${
          i + 1
        }: it should be NAME:SCRAM-SHA-256$…, as deno task archive user writes it`,
      );
    }
    users.set(name, verifier);
  }
  return users;
}

/** Adds a user, or gives one a new password. @throws {UserError} as {@link readUsers}, or when the name is no name. */
export async function addUser(path: string, name: string, password: string): Promise<void> {
  if (!USER_NAME.test(name)) {
    throw new UserError(
      `Cannot add user "${name}": a name has letters, digits, _ . and -, at most 63`,
    );
  }
  const users = await readUsers(path);
  if (users.size >= MAX_USERS && !users.has(name)) {
    throw new UserError(`Cannot add user ${name}: there are ${MAX_USERS} already`);
  }
  users.set(name, makeVerifier(password));
  await writeUsers(path, users);
}

/** Removes a user. @throws {UserError} as {@link readUsers}, or when there is none of that name. */
export async function removeUser(path: string, name: string): Promise<void> {
  const users = await readUsers(path);
  if (!users.delete(name)) {
    throw new UserError(`Cannot remove user ${name}: ${path} has none of that name`);
  }
  await writeUsers(path, users);
}

async function writeUsers(path: string, users: ReadonlyMap<string, string>): Promise<void> {
  const lines = [...users].map(([name, verifier]) => `${name}:${verifier}\n`);
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeTextFile(`${path}.partial`, lines.join(""), { mode: 0o600 });
    await Deno.rename(`${path}.partial`, path);
  } catch (error) {
    throw new UserError(`Cannot write ${path} (postgres.users_file): ${errorText(error)}`, {
      cause: error,
    });
  }
}
