import fc from "fast-check";
import { deepEqual, equal, throws } from "node:assert/strict";
import { UserError } from "../../shared/errors.ts";
import { allowedEnv, allowedNet } from "./reach.ts";

const SET = ["127.0.0.1:4222", "127.0.0.1:8470", "1.0.0.0/8"];
const opened = (more: { nats?: string[]; cidrs?: string[] }) =>
  allowedNet(SET, { nats: [], cidrs: [], ...more });
const added = (more: { nats?: string[]; cidrs?: string[] }) =>
  opened(more).filter((entry) => !SET.includes(entry));

Deno.test("without a wish the set stays as it is", () => {
  deepEqual(opened({}), SET);
});

Deno.test("the build's NATS servers take the place of the default one", () => {
  deepEqual(opened({ nats: ["100.64.0.7:4222", "Nats.tail.ts.net:04222", "[fd7a:0::7]:4222"] }), [
    "127.0.0.1:8470",
    "1.0.0.0/8",
    "100.64.0.7:4222",
    "nats.tail.ts.net:4222",
    "[fd7a::7]:4222",
  ]);
  equal(opened({ nats: ["127.0.0.1:4222"] }).filter((entry) => entry === SET[0]).length, 1);
});

Deno.test("networks are opened whole or for one port, and once", () => {
  deepEqual(
    added({
      cidrs: ["10.8.0.0/24", "10.8.0.0/24", "127.0.0.1:9050", "192.168.0.0/16:9735", "10.0.0.7"],
    }),
    ["10.8.0.0/24", "127.0.0.1/32:9050", "192.168.0.0/16:9735", "10.0.0.7/32"],
  );
});

Deno.test("IPv6 addresses are opened one by one, networks of them refused", () => {
  deepEqual(
    added({ cidrs: ["2001:db8::7", "2001:db8::8/128", "[2001:db8::9]:9735"] }),
    ["[2001:db8::7]", "[2001:db8::8]", "[2001:db8::9]:9735"],
  );
  for (const cidr of ["2000::/3", "[2001:db8::/32]:9735"]) {
    throws(() => opened({ cidrs: [cidr] }), /single IPv6 addresses only/);
  }
});

Deno.test("what is no endpoint or network is refused with what would be right", () => {
  const noEndpoint = ["", "nats", "nats:", "nats:0", "nats:65536", "1.2.3:4222", "fd7a::7:4222"]
    .concat("nats://a:4222", "a b:4222", "[nats]:4222", "*:4222", "a,b:1", "10.0.0.0/8:4222");
  for (const nats of noEndpoint) {
    throws(
      () => opened({ nats: [nats] }),
      (e) => e instanceof UserError && /host:port/.test(`${e}`),
    );
  }
  for (const cidr of ["", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/8:0", "name", "*", "[10.0.0"]) {
    throws(() => opened({ cidrs: [cidr] }), UserError, cidr);
  }
});

Deno.test("whatever is asked for, nothing but an exact entry of Deno's comes out", () => {
  const entry = /^((\d+\.){3}\d+(\/\d+)?|\[[\da-f:.]+\]|[\w.-]+)(:\d+)?$/;
  const host = fc.oneof(fc.string(), fc.ipV4(), fc.ipV4Extended(), fc.ipV6(), fc.domain());
  const text = fc.tuple(
    fc.constantFrom("", "["),
    host,
    fc.constantFrom("", "]"),
    fc.constantFrom("", "/8", "/32", "/128"),
    fc.constantFrom("", ":4222", ":0"),
  ).map((parts) => parts.join(""));
  fc.assert(
    fc.property(
      fc.array(text, { maxLength: 2 }),
      fc.array(text, { maxLength: 2 }),
      (nats, cidrs) => {
        try {
          for (const text of opened({ nats, cidrs })) equal(entry.test(text), true, text);
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
        }
      },
    ),
  );
});

Deno.test("variables are opened by name, each once", () => {
  deepEqual(allowedEnv([]), []);
  deepEqual(allowedEnv(["NATS_PASSWORD", "_t0", "NATS_PASSWORD"]), ["NATS_PASSWORD", "_t0"]);
});

Deno.test("what is no variable's name is refused, patterns of Deno's among it", () => {
  for (const name of ["", "*", "NATS_*", "0A", "A=B", "A B", "A,B", "--allow-all"]) {
    throws(() => allowedEnv([name]), UserError, name);
  }
});
