import assert from "node:assert/strict";
import fc from "fast-check";
import { seededRandom } from "../../shared/random.ts";
import { type Endpoint, parseEndpoint } from "../addresses/endpoint.ts";
import { isolation, socks5, Socks5Fault } from "./socks5.ts";

const ONION = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";
const CREDENTIALS = { username: "u1", password: "p2" };

/** Talks to a proxy that sends `answer` whatever it is told. */
function talk(target: Endpoint, answer: Uint8Array): { written: string[]; left: Uint8Array } {
  const written: string[] = [];
  const steps = socks5(target, CREDENTIALS);
  let at = 0;
  for (let step = steps.next(); !step.done;) {
    const { write, read } = step.value;
    if (write.length > 0) written.push(write.toHex());
    if (at + read > answer.length) throw new Socks5Fault("truncated", "no more bytes");
    step = steps.next(answer.subarray(at, at + read));
    at += read;
  }
  return { written, left: answer.subarray(at) };
}

const METHOD = "0502";
const LOGGED_IN = METHOD + "0100";

Deno.test("the bytes of each step are those of RFC 1928 and RFC 1929", () => {
  const onion = new TextEncoder().encode(ONION).toHex();
  const requests = [
    ["192.0.2.7:9735", "05010001c00002072607"],
    ["[2001:db8::7]:1", "0501000420010db80000000000000000000000070001"],
    [`${ONION}:9735`, `050100033e${onion}2607`],
  ];
  for (const [target, request] of requests) {
    const answer = Uint8Array.fromHex(`${LOGGED_IN}05000001000000000000`);
    const { written } = talk(parseEndpoint(target), answer);
    assert.deepEqual(written, ["050102", "0102753102" + "7032", request]);
  }
});

Deno.test("not a byte behind the reply is read, whatever address the proxy dialled from", () => {
  const bound = [
    "01 7f000001 1234",
    `04 ${"00".repeat(16)} 1234`,
    "03 03 616263 1234",
    "03 00 1234",
  ];
  for (const address of bound) {
    const answer = Uint8Array.fromHex(`${LOGGED_IN}050000${address.replaceAll(" ", "")}aabbcc`);
    assert.equal(talk(parseEndpoint("192.0.2.7:9735"), answer).left.toHex(), "aabbcc");
  }
});

Deno.test("every refusal of a proxy has its own code", () => {
  const refusals = [
    ["05ff", "no_method"],
    ["0500", "malformed"],
    ["0402", "malformed"],
    ["4854", "malformed"],
    [`${METHOD}0101`, "bad_credentials"],
    [`${METHOD}0500`, "malformed"],
    [`${LOGGED_IN}05010001`, "general_failure"],
    [`${LOGGED_IN}05020001`, "not_allowed"],
    [`${LOGGED_IN}05030001`, "network_unreachable"],
    [`${LOGGED_IN}05040001`, "host_unreachable"],
    [`${LOGGED_IN}05050001`, "connection_refused"],
    [`${LOGGED_IN}05060001`, "ttl_expired"],
    [`${LOGGED_IN}05070001`, "command_unsupported"],
    [`${LOGGED_IN}05080001`, "address_unsupported"],
    [`${LOGGED_IN}05f00001`, "onion_unreachable"],
    [`${LOGGED_IN}05f70001`, "onion_unreachable"],
    [`${LOGGED_IN}05090001`, "unknown_reply"],
    [`${LOGGED_IN}04000001`, "malformed"],
    [`${LOGGED_IN}05000002`, "malformed"],
    [`${LOGGED_IN}0500000100`, "truncated"],
  ];
  for (const [answer, code] of refusals) {
    const tried = () => talk(parseEndpoint(`${ONION}:9735`), Uint8Array.fromHex(answer));
    assert.throws(tried, { name: "Socks5Fault", code }, answer);
  }
});

Deno.test("a proxy is never given a name to resolve", () => {
  assert.throws(() => talk(parseEndpoint("node.example.com:1"), new Uint8Array(99)), {
    code: "unresolved",
  });
});

Deno.test("every stream has its own credentials", () => {
  const random = seededRandom(1);
  const all = Array.from({ length: 1000 }, () => isolation(random));
  for (const which of ["username", "password"] as const) {
    assert.equal(new Set(all.map((credentials) => credentials[which])).size, 1000);
    assert.ok(all.every((credentials) => /^[0-9a-f]{26,32}$/.test(credentials[which])));
  }
});

Deno.test("any bytes of a proxy begin a stream or are refused, within the longest reply", () => {
  const part = fc.constantFrom("05", "02", "01", "00", "03", "04", "ff", "0502", "0100", "050000");
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc.array(part, { maxLength: 20 }).map((parts) => Uint8Array.fromHex(parts.join(""))),
    fc.uint8Array({ maxLength: 300 })
      .map((rest) => Uint8Array.of(...Uint8Array.fromHex(`${LOGGED_IN}050000`), ...rest)),
  );
  fc.assert(fc.property(bytes, (bytes) => {
    try {
      const { left } = talk(parseEndpoint(`${ONION}:9735`), bytes);
      assert.ok(bytes.length - left.length <= 4 + 4 + 1 + 255 + 2);
    } catch (error) {
      if (!(error instanceof Socks5Fault)) throw error;
    }
  }));
});
