import { deepEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { UserError } from "../../shared/errors.ts";
import { parsePostgresUrl } from "./address.ts";

Deno.test("a URL says all that is needed to connect, and has defaults for the rest", () => {
  const address = parsePostgresUrl(
    "postgres://me:s%2F%25@db.example:5433/gos%20sip?sslmode=verify-full",
  );
  deepEqual(address, {
    host: "db.example",
    port: 5433,
    user: "me",
    password: "s/%",
    database: "gos sip",
    sslMode: "verify-full",
    shown: "postgres://me@db.example:5433/gos%20sip",
  });
  const { port, password } = parsePostgresUrl("postgresql://me@db.example/gossip");
  deepEqual([port, password], [5432, null]);
  equal(parsePostgresUrl("postgres://me@[::1]:1/gossip").host, "::1");
});

Deno.test("TLS is tried unless the server is on this host", () => {
  const mode = (host: string) => parsePostgresUrl(`postgres://me@${host}/gossip`).sslMode;
  deepEqual(["db.example", "10.0.0.1", "localhost", "127.0.0.1", "[::1]"].map(mode), [
    ...["prefer", "prefer"],
    ...["disable", "disable", "disable"],
  ]);
});

Deno.test("what is no such URL is refused with what is missing", () => {
  const cases: [string, RegExp][] = [
    ["", /should be postgres:\/\/user@host/],
    ["mysql://me@host/db", /should be postgres:\/\/user@host/],
    ["postgres://host/db", /no user/],
    ["postgres://me@/db", /no host|should be/],
    ["postgres://me@host", /no database/],
    ["postgres://me@host/db?sslmode=maybe", /sslmode is "maybe"; it should be one of disable/],
    ["postgres://me@host/db?options=-c", /"options"; only sslmode/],
    ["postgres://me@host/%zz", /two hex digits/],
  ];
  for (const [url, why] of cases) throws(() => parsePostgresUrl(url), why);
});

Deno.test("no password is in what is shown, nor in any refusal", () => {
  const url = fc.tuple(fc.stringMatching(/^[ -~]{1,20}$/), fc.webPath(), fc.boolean());
  fc.assert(fc.property(url, ([tail, path, good]) => {
    const password = "Tr0ub4dor";
    const text = `postgres://me:${password}@${good ? "host" : tail}/db${good ? "" : path}`;
    try {
      const address = parsePostgresUrl(text);
      if (good) equal(address.password, password);
      ok(!address.shown.includes(password));
    } catch (error) {
      ok(error instanceof UserError);
      ok(!error.message.includes(password), error.message);
    }
  }));
});
