import assert from "node:assert/strict";
import { type ConnectCode, ConnectFault } from "../dial/connect.ts";
import { type Socks5Code, Socks5Fault } from "../dial/socks5.ts";
import { type NoiseCode, NoiseFault } from "../noise/fault.ts";
import { CAUSES } from "./backoff.ts";
import { DialTally, outcomeBeforeInit, outcomeOfDial } from "./dial_outcomes.ts";
import { DialFault } from "./dialer.ts";

const connect = (code: ConnectCode, cause?: unknown) =>
  outcomeOfDial(new DialFault("unreachable", "", { cause: new ConnectFault(code, "", { cause }) }));
const proxied = (code: Socks5Code) => connect("unreachable", new Socks5Fault(code, ""));
const handshake = (code: NoiseCode) =>
  outcomeOfDial(new DialFault("handshake", "", { cause: new NoiseFault(code, "") }));

Deno.test("a dial that gave no connection tells whether that was refused, late, or our own doing", () => {
  assert.equal(connect("unreachable", new Deno.errors.ConnectionRefused()), "refused");
  assert.equal(connect("unreachable", new Deno.errors.TimedOut()), "timed_out");
  assert.equal(connect("unreachable", new Error("No route to host")), "unreachable");
  assert.equal(connect("timeout"), "timed_out");
  assert.deepEqual(
    (["no_address", "dns_failed", "dns_not_permitted"] as const).map((code) => connect(code)),
    ["dns", "dns", "dns"],
  );
  assert.deepEqual((["proxy", "no_proxy"] as const).map((code) => connect(code)), [
    "proxy",
    "proxy",
  ]);
  assert.equal(connect("not_permitted"), "not_allowed");
});

Deno.test("what a proxy says of its target is the target's", () => {
  assert.equal(proxied("connection_refused"), "refused");
  assert.equal(proxied("ttl_expired"), "timed_out");
  assert.equal(proxied("onion_unreachable"), "unreachable");
});

Deno.test("a handshake fails for the key, or for silence", () => {
  assert.equal(handshake("bad_mac"), "wrong_key");
  assert.equal(handshake("bad_key"), "wrong_key");
  assert.equal(handshake("truncated"), "handshake");
  assert.equal(handshake("unanswered"), "handshake");
  assert.equal(handshake("timeout"), "handshake");
});

Deno.test("an end before init is full slots, silence, the wrong init, or a breach of the transport", () => {
  const known = { full: "closed_before_init", handshake: "no_init", incompatible: "incompatible" };
  for (const cause of CAUSES) {
    const expected = new Map(Object.entries(known)).get(cause) ?? "protocol_error";
    assert.equal(outcomeBeforeInit(cause), expected, cause);
  }
});

Deno.test("a tally tells each pair of outcome and address once, then begins anew", () => {
  const tally = new DialTally(100);
  assert.equal(tally.take(150), null);
  tally.add("refused", "onion");
  tally.add("connected", "ipv4");
  tally.add("refused", "ipv4");
  tally.add("refused", "onion");
  assert.deepEqual(tally.take(200), {
    kind: "dial_outcomes",
    since: 150,
    at: 200,
    dials: [
      { outcome: "connected", address: "ipv4", count: 1 },
      { outcome: "refused", address: "ipv4", count: 1 },
      { outcome: "refused", address: "onion", count: 2 },
    ],
  });
  assert.equal(tally.take(250), null);
});
