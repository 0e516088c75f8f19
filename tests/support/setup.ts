// What the tests need beside Deno: real servers and a real browser, from Debian's packages. `deno task test` runs
// this first; it is quick when all is there, installs what is missing when it may, and otherwise says what to type.

import { join } from "node:path";
import { runMain } from "../../shared/cli.ts";
import { UserError } from "../../shared/errors.ts";
import { startProcess } from "./servers/process.ts";

/** One Debian package and how to see that it is there. */
interface Need {
  /** The package's name. */
  readonly debian: string;
  /** Its program. */
  readonly program: string;
  /** Why the tests want it. */
  readonly purpose: string;
}

const NEEDS: readonly Need[] = [
  { debian: "nats-server", program: "nats-server", purpose: "the broker" },
  { debian: "openssl", program: "openssl", purpose: "certificates for TLS" },
  { debian: "chromium", program: "chromium", purpose: "the browser that opens reports" },
  { debian: "dnsmasq-base", program: "dnsmasq", purpose: "the DNS server" },
  { debian: "microsocks", program: "microsocks", purpose: "the SOCKS5 proxy" },
  { debian: "systemd", program: "systemd-analyze", purpose: "the check of units" },
  { debian: "bsdutils", program: "script", purpose: "terminals" },
  { debian: "postgresql", program: "postgres", purpose: "the PostgreSQL server" },
  { debian: "python3-psycopg", program: "psycopg/__init__.py", purpose: "a Postgres client" },
  { debian: "python3-psycopg2", program: "psycopg2/__init__.py", purpose: "SQLAlchemy's driver" },
  { debian: "python3-sqlalchemy", program: "sqlalchemy/__init__.py", purpose: "a Postgres client" },
];

/** Where Debian keeps programs that are not on every user's PATH, and Python's packages. */
const SYSTEM_FOLDERS = ["/usr/sbin", "/usr/bin", "/usr/lib/python3/dist-packages"];
/** Debian's PostgreSQL: one folder a major version, its programs in `bin`. */
const POSTGRES_FOLDER = "/usr/lib/postgresql";

/** A package list takes seconds, the packages about 150 MB; a dead mirror must not hold the tests for ever. */
const UPDATE_LIMIT_MILLISECONDS = 3 * 60_000;
const INSTALL_LIMIT_MILLISECONDS = 8 * 60_000;
const TERMINATE_GRACE_MILLISECONDS = 30_000;
/** Another apt-get may be at work; wait this long for its lock. */
const APT_LOCK_SECONDS = 120;

const command = {
  name: "deno run --quiet --no-prompt -P=setup tests/support/setup.ts",
  summary: "Installs the Debian packages that the tests need, where they are missing.",
  flags: {},
};

if (import.meta.main) await runMain(command, setUp);

async function setUp(): Promise<void> {
  const missing = await missingNeeds();
  if (missing.length === 0) return;
  const names = missing.map((need) => need.debian);
  const byHand = "sudo apt-get update && sudo apt-get install --no-install-recommends -y " +
    names.join(" ");
  if (Deno.uid() !== 0 || !await isThere("apt-get")) {
    const list = missing.map((need) => `  ${need.debian}: ${need.purpose}`).join("\n");
    throw new UserError(`The tests need what is not here:\n${list}\nInstall it: ${byHand}`);
  }
  console.error(`setup: installing ${names.join(", ")} (the tests' servers and browser) …`);
  const started = performance.now();
  await apt(["update"], UPDATE_LIMIT_MILLISECONDS, byHand);
  const install = ["install", "--no-install-recommends", "--yes", ...names];
  await apt(install, INSTALL_LIMIT_MILLISECONDS, byHand);
  const still = await missingNeeds();
  if (still.length > 0) {
    const programs = still.map((need) => need.program).join(", ");
    throw new UserError(`Cannot find ${programs} after a successful apt-get install`);
  }
  const seconds = Math.round((performance.now() - started) / 1000);
  console.error(`setup: installed ${names.join(", ")} in ${seconds} s`);
}

async function missingNeeds(): Promise<Need[]> {
  const there = await Promise.all(NEEDS.map((need) => isThere(need.program)));
  return NEEDS.filter((_, i) => !there[i]);
}

async function isThere(program: string): Promise<boolean> {
  const folders = [...(Deno.env.get("PATH") ?? "").split(":"), ...SYSTEM_FOLDERS];
  if (program === "postgres") folders.push(...await postgresFolders());
  for (const folder of folders) {
    const found = await Deno.stat(join(folder, program)).then((file) => file.isFile, () => false);
    if (found) return true;
  }
  return false;
}

async function postgresFolders(): Promise<string[]> {
  const found: string[] = [];
  try {
    for await (const version of Deno.readDir(POSTGRES_FOLDER)) {
      found.push(join(POSTGRES_FOLDER, version.name, "bin"));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found;
}

async function apt(args: readonly string[], limitMs: number, byHand: string): Promise<void> {
  const lock = ["-o", `DPkg::Lock::Timeout=${APT_LOCK_SECONDS}`];
  await using running = startProcess("apt-get", [...lock, ...args], {
    env: { DEBIAN_FRONTEND: "noninteractive" },
  });
  let why = "";
  const late = setTimeout(() => {
    why = `took longer than ${limitMs / 60_000} minutes`;
    running.signal("SIGTERM");
  }, limitMs);
  // apt-get ends by itself on SIGTERM, unless dpkg hangs; the grace is for that.
  const status = await running.wait(limitMs + TERMINATE_GRACE_MILLISECONDS)
    .finally(() => clearTimeout(late));
  if (status.success) return;
  why ||= `failed with exit code ${status.code}`;
  const last = running.lines.slice(-5).map((line) => `  ${line}`).join("\n");
  throw new UserError(`apt-get ${args[0]} ${why}:\n${last}\nTry it by hand: ${byHand}`);
}
