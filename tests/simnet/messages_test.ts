import assert from "node:assert/strict";
import { gossipFacts } from "../../shared/bolt/facts.ts";
import { decodeMessage } from "../../shared/bolt/message.ts";
import { signedPart } from "../../shared/bolt/signed.ts";
import { verifyGossip } from "../../shared/secp256k1.ts";
import { MessageFactory } from "./messages.ts";
import { originCounts, type PlannedMessage, traffic } from "./traffic.ts";
import { Universe } from "./universe.ts";

const OPTIONS = { seed: "messages", peers: 5, seconds: 60 };
const STARTED_AT = 1_758_900_000;

function makeAll(sign: boolean, seed = "messages"): { planned: PlannedMessage; raw: Uint8Array }[] {
  const universe = new Universe(seed, originCounts(OPTIONS));
  const factory = new MessageFactory({ universe, startedAt: STARTED_AT, sign });
  return Array.from(
    traffic({ ...OPTIONS, seed }),
    (planned) => ({ raw: factory.make(planned), planned: { ...planned } }),
  );
}

Deno.test("each message is what its plan says, distinct, and signed by its nodes and channels", () => {
  const universe = new Universe("messages", originCounts(OPTIONS));
  const types = new Set<number>();
  const distinct = new Set<string>();
  for (const { planned, raw } of makeAll(true)) {
    types.add(planned.type);
    distinct.add(raw.toHex());
    const facts = gossipFacts(raw);
    assert.equal(facts.type, planned.type);
    assert.equal(facts.size, planned.size);
    if (planned.type === 257) assert.equal(facts.nodeId, universe.node(planned.origin).id);
    else assert.equal(facts.scid, universe.channel(planned.origin).scid);
    if (planned.type === 258) assert.equal(facts.direction, planned.direction);
    const { digestInput, signatures, signers } = signedPart(raw)!;
    const keys = planned.type === 258
      ? [universe.channel(planned.origin).nodes[planned.direction].id]
      : signers;
    signatures.forEach((signature, i) => {
      assert.ok(
        verifyGossip(signature, digestInput, Uint8Array.fromHex(keys[i])),
        `${planned.type} by ${keys[i]}`,
      );
    });
  }
  assert.equal(types.size, 3);
  assert.equal(distinct.size, makeAll(true).length);
});

Deno.test("an origin's own timestamps grow and follow the run's time; some messages are only re-signed", () => {
  const last = new Map<string, number>();
  const inner = new Set<string>();
  let dated = 0;
  for (const { planned, raw } of makeAll(false)) {
    if (planned.type === 256) continue;
    const { ownTimestamp, innerId } = gossipFacts(raw);
    const key = `${planned.type} ${planned.origin} ${planned.direction}`;
    assert.ok(ownTimestamp! > (last.get(key) ?? 0));
    assert.ok(ownTimestamp! >= STARTED_AT + Math.floor(planned.createdAt / 1e6));
    last.set(key, ownTimestamp!);
    inner.add(innerId!.toHex());
    dated++;
  }
  assert.ok(inner.size < dated && inner.size > dated / 2, `${inner.size} contents of ${dated}`);
});

Deno.test("equal seeds make equal bytes, signed or not, and a seed's bytes are its own", () => {
  const bytes = (sign: boolean, seed?: string) => makeAll(sign, seed).map(({ raw }) => raw.toHex());
  assert.deepEqual(bytes(true), bytes(true));
  assert.deepEqual(bytes(false), bytes(false));
  assert.notDeepEqual(bytes(true), bytes(false));
  assert.notDeepEqual(bytes(true), bytes(true, "another"));
});

Deno.test("unsigned messages differ from signed ones in their signatures only", () => {
  const signed = makeAll(true);
  makeAll(false).forEach(({ raw }, i) => {
    const { digestInput } = signedPart(raw)!;
    assert.deepEqual(digestInput, signedPart(signed[i].raw)!.digestInput);
    assert.notDeepEqual(raw, signed[i].raw);
    assert.ok(decodeMessage(raw).known);
  });
});
