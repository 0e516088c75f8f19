import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeEvents, MAX_EVENT_TEXT } from "./events.ts";
import { BatchFault } from "./fault.ts";

const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

const OPENED = {
  kind: "session_opened",
  session: 1,
  node_id: `02${"ab".repeat(32)}`,
  address: "127.0.0.1:9735",
  dialled_at: 1,
  handshake_at: 2,
  filter_at: 3,
  filter_first: 4,
  features: "20000000aa82",
};

Deno.test("any bytes and any JSON give events or a fault", () => {
  const input = fc.oneof(
    fc.uint8Array({ maxLength: 100, size: "max" }),
    fc.json().map((text) => new TextEncoder().encode(text)),
    fc.record({
      kind: fc.constantFrom("run_ended", "session_closed", "dial_outcomes"),
      at: fc.double(),
    })
      .map((event) => bytesOf([event])),
  );
  fc.assert(fc.property(input, (bytes) => {
    try {
      decodeEvents(bytes);
    } catch (error) {
      if (!(error instanceof BatchFault)) throw error;
    }
  }));
});

Deno.test("an event with a missing, unknown, long or impossible field is refused with its path", () => {
  assert.deepEqual(decodeEvents(bytesOf([OPENED])), [OPENED]);
  const cases: [string, Record<string, unknown>][] = [
    ["0.features", { features: "2" }],
    ["0.features", { features: "AA" }],
    ["0.node_id", { node_id: "04".repeat(33) }],
    ["0.address", { address: "x".repeat(MAX_EVENT_TEXT + 1) }],
    ["0.session", { session: 2 ** 32 }],
    ["0.filter_at", { filter_at: 1.5 }],
    ["0.dialled_at", { dialled_at: -1 }],
    ["0.handshake_at", { handshake_at: undefined }],
    ["0.more", { more: 1 }],
    ["0.kind", { kind: "session_reopened" }],
  ];
  for (const [path, change] of cases) {
    assert.throws(
      () => decodeEvents(bytesOf([{ ...OPENED, ...change }])),
      (error) => error instanceof BatchFault && error.message.startsWith(`events: ${path}:`),
      path,
    );
  }
});

Deno.test("the end of a session told by an early collector has null for what that did not count", () => {
  const told = { receipts: 3, bytes_in: 4, bytes_out: 5, first_gossip_at: 6, last_gossip_at: null };
  const closed = { kind: "session_closed", session: 1, at: 7, by: "us", reason: "stop", ...told };
  const untold = {
    messages_in: null,
    messages_out: null,
    gossip_out: null,
    pings_sent: null,
    pings_answered: null,
    rtt_min: null,
    rtt_median: null,
    rtt_max: null,
    pings_received: null,
    pongs_sent: null,
  };
  assert.deepEqual(decodeEvents(bytesOf([closed])), [{ ...closed, ...untold }]);
});

Deno.test("an outcome or address that is none, and more of them than there are, are refused", () => {
  const event = (dials: unknown) => bytesOf([{ kind: "dial_outcomes", since: 1, at: 2, dials }]);
  const dial = { outcome: "refused", address: "onion", count: 1 };
  assert.equal(decodeEvents(event([dial, dial])).length, 1);
  const refused = [
    [{ ...dial, outcome: "lost" }],
    [{ ...dial, address: "tor" }],
    [{ ...dial, count: -1 }],
    Array(57).fill(dial),
  ];
  for (const dials of refused) assert.throws(() => decodeEvents(event(dials)), BatchFault);
});
