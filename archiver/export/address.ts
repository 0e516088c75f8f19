// Where a PostgreSQL server is: `postgres://user[:password]@host[:port]/database[?sslmode=…]`. A password in it is
// printed nowhere.

import { UserError } from "../../shared/errors.ts";
import { printable } from "../../shared/text.ts";

const DEFAULT_PORT = 5432;
const SSL_MODES: readonly SslMode[] = ["disable", "prefer", "require", "verify-ca", "verify-full"];
const LOOPBACK = /^(127\.[\d.]+|::1|localhost)$/;
const WISH = "it should be postgres://user@host:port/database, with ?sslmode=… behind it or not";

/** How much TLS there is: libpq's `sslmode`. `verify-ca` looks at the name, too, as `verify-full` does. */
export type SslMode = "disable" | "prefer" | "require" | "verify-ca" | "verify-full";

export interface PostgresAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | null;
  readonly database: string;
  /** `prefer` where the URL does not say, but on this host `disable`. */
  readonly sslMode: SslMode;
  /** The URL again, without the password: for people. */
  readonly shown: string;
}

/**
 * Reads such a URL.
 * @throws {UserError} when it is none; the error repeats none of it, for there may be a password in it.
 */
export function parsePostgresUrl(text: string): PostgresAddress {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol)) {
    throw new UserError(`Cannot read --to: ${WISH}`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const user = decoded(url.username);
  const database = decoded(url.pathname.slice(1));
  if (host === "" || user === "" || database === "") {
    const missing = host === "" ? "host" : user === "" ? "user" : "database";
    throw new UserError(`Cannot read --to: no ${missing} is in it; ${WISH}`);
  }
  const port = url.port === "" ? DEFAULT_PORT : Number(url.port);
  const sslMode = readSslMode(url.searchParams, host);
  const shown = `postgres://${printable(url.username)}@${url.hostname}:${port}/` +
    printable(url.pathname.slice(1));
  const password = url.password === "" ? null : decoded(url.password);
  return { host, port, user, password, database, sslMode, shown };
}

function readSslMode(parameters: URLSearchParams, host: string): SslMode {
  let mode: SslMode = LOOPBACK.test(host) ? "disable" : "prefer";
  for (const [name, value] of parameters) {
    const known = SSL_MODES.find((known) => known === value);
    if (name !== "sslmode") {
      throw new UserError(
        `Cannot read --to: it has a parameter "${printable(name, 40)}"; only sslmode is known`,
      );
    }
    if (known === undefined) {
      throw new UserError(
        `Cannot read --to: sslmode is "${printable(value, 40)}"; it should be one of ` +
          SSL_MODES.join(", "),
      );
    }
    mode = known;
  }
  return mode;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new UserError("Cannot read --to: a % in it is not followed by two hex digits (%25 is %)");
  }
}
