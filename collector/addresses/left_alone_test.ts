import assert from "node:assert/strict";
import { parseEndpoint } from "./endpoint.ts";
import { leftAloneLines } from "./left_alone.ts";
import type { AddressRecord, NodeRecord } from "./node_table.ts";

const NOW = 1_758_844_000_000_000;
const MINUTE = 60_000_000;
const ID = "02".padEnd(66, "a");

function lines(address: Partial<AddressRecord>, node: Partial<NodeRecord> = {}): string[] {
  const end = parseEndpoint("192.0.2.7:9735");
  const record: NodeRecord = {
    nodeId: ID,
    announcedAt: null,
    notBefore: 0,
    addresses: [{
      end,
      sources: ["file"],
      firstSeen: 0,
      lastTried: null,
      lastWorked: null,
      failures: 0,
      lastFailure: null,
      notBefore: 0,
      ...address,
    }],
    ...node,
  };
  const others = [{ nodeId: ID, end: parseEndpoint("192.0.2.8:9735") }];
  return leftAloneLines([{ nodeId: ID, end }, ...others], [record], () => null, NOW)
    .map((line) => line.replace(`${ID}@192.0.2.7:9735: `, ""));
}

Deno.test("a peer that was never reached is named with the reason, one that is not tried yet is not", () => {
  assert.deepEqual(lines({}), []);
  assert.deepEqual(lines({ lastFailure: "refused" }), ["never reached: refused"]);
  assert.deepEqual(lines({ lastFailure: "refused", lastWorked: 5 }), []);
});

Deno.test("a peer that is left alone for long is named with the time and the reason", () => {
  const worked = { lastWorked: 5, lastFailure: "its init is wrong" };
  assert.deepEqual(lines({ ...worked, notBefore: NOW + 9 * MINUTE }), []);
  assert.deepEqual(lines({ ...worked, notBefore: NOW + 10 * MINUTE }), [
    "left alone for 10 minutes: its init is wrong",
  ]);
  assert.deepEqual(lines(worked, { notBefore: NOW + 359 * MINUTE }), [
    "left alone for 6 hours: its init is wrong",
  ]);
  assert.deepEqual(lines({ lastFailure: "no", notBefore: Infinity }), [
    "never reached, left alone for this run: no",
  ]);
  assert.deepEqual(lines({ lastWorked: 5, notBefore: NOW + 60 * MINUTE }), [
    "left alone for 60 minutes: the reason was not kept",
  ]);
});

Deno.test("a peer that the config forbids is named with the rule, known or not", () => {
  const peer = { nodeId: ID, end: parseEndpoint("10.0.0.1:9735") };
  assert.deepEqual(leftAloneLines([peer], [], () => "it is private", NOW), [
    `${ID}@10.0.0.1:9735: never dialled: it is private`,
  ]);
});
