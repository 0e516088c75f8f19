// The test vectors of BOLT 8, appendix A: strict loops over data. A key or an error that is not known here fails.

import assert from "node:assert/strict";
import * as v from "valibot";
import { ReceivingCipher, SendingCipher } from "../../collector/noise/cipher.ts";
import { type NoiseCode, NoiseFault } from "../../collector/noise/fault.ts";
import { FrameReader, ReadBuffer } from "../../collector/noise/frames.ts";
import { initiate, respond, type TransportKeys } from "../../collector/noise/handshake.ts";
import { publicKeyOf } from "../../shared/secp256k1.ts";
import handshakeFile from "../vectors/bolt08_handshake.json" with { type: "json" };
import messagesFile from "../vectors/bolt08_messages.json" with { type: "json" };

const hex = v.pipe(
  v.string(),
  v.regex(/^([0-9a-f]{2})+$/),
  v.transform((digits) => Uint8Array.fromHex(digits)),
);
const Step = v.union([
  v.strictObject({ input: hex }),
  v.strictObject({ output: hex }),
  v.strictObject({ keys: v.strictObject({ sk: hex, rk: hex }) }),
  v.strictObject({ error: v.string() }),
]);
const Shared = {
  name: v.string(),
  "ls.priv": hex,
  "ls.pub": hex,
  "e.priv": hex,
  "e.pub": hex,
  steps: v.array(Step),
};
const Handshakes = v.strictObject({
  source: v.string(),
  tests: v.array(v.variant("role", [
    v.strictObject({ role: v.literal("initiator"), "rs.pub": hex, ...Shared }),
    v.strictObject({ role: v.literal("responder"), ...Shared }),
  ])),
});
const Messages = v.strictObject({
  source: v.string(),
  message: hex,
  ck: hex,
  sk: hex,
  rk: hex,
  outputs: v.record(v.pipe(v.string(), v.digits()), hex),
});

/** Our names for the appendix's errors, less the act in front. */
const CODES: Record<string, NoiseCode> = {
  "READ_FAILED": "truncated",
  "BAD_VERSION": "bad_version",
  "BAD_VERSION 1": "bad_version",
  "BAD_PUBKEY": "bad_key",
  "BAD_TAG": "bad_mac",
  "BAD_CIPHERTEXT": "bad_mac",
};

/** One side of a handshake as a machine that is fed and asked in turn. */
interface Machine {
  feed(act: Uint8Array): void;
  output(): Uint8Array;
  keys(): TransportKeys;
}

type Test = v.InferOutput<typeof Handshakes>["tests"][number];

function initiator(test: Test & { role: "initiator" }): Machine {
  const initiation = initiate({
    privateKey: test["ls.priv"],
    ephemeralKey: test["e.priv"],
    remotePublicKey: test["rs.pub"],
  });
  let finished: ReturnType<typeof initiation.finish> | undefined;
  return {
    feed: (act) => finished = initiation.finish(act),
    output: () => finished?.actThree ?? initiation.actOne,
    keys: () => finished!.keys,
  };
}

function responder(test: Test & { role: "responder" }): Machine {
  let response: ReturnType<typeof respond> | undefined;
  let keys: TransportKeys | undefined;
  return {
    feed(act) {
      if (response) keys = response.finish(act);
      else response = respond({ privateKey: test["ls.priv"], ephemeralKey: test["e.priv"] }, act);
    },
    output: () => response!.actTwo,
    keys: () => keys!,
  };
}

function refusalOf(work: () => void): NoiseFault | null {
  try {
    work();
    return null;
  } catch (error) {
    if (error instanceof NoiseFault) return error;
    throw error;
  }
}

const handshakes = v.parse(Handshakes, handshakeFile);

Deno.test("appendix A has 5 initiator and 10 responder tests", () => {
  const roles = handshakes.tests.map((test) => test.role);
  assert.equal(roles.filter((role) => role === "initiator").length, 5);
  assert.equal(roles.filter((role) => role === "responder").length, 10);
});

for (const test of handshakes.tests) {
  Deno.test(`BOLT 8 appendix A, ${test.role}: ${test.name}`, () => {
    assert.deepEqual(publicKeyOf(test["ls.priv"]), test["ls.pub"]);
    assert.deepEqual(publicKeyOf(test["e.priv"]), test["e.pub"]);
    const machine = test.role === "initiator" ? initiator(test) : responder(test);
    let refused: NoiseCode | undefined;
    for (const step of test.steps) {
      if ("input" in step) {
        refused = refusalOf(() => machine.feed(step.input))?.code;
      } else if ("error" in step) {
        const code = CODES[step.error.replace(/^ACT[123]_/, "")];
        assert.ok(code, `unknown error ${step.error}`);
        assert.equal(refused, code);
        refused = undefined;
      } else {
        assert.equal(refused, undefined);
        if ("output" in step) {
          assert.equal(machine.output().toHex(), step.output.toHex());
        } else {
          assert.equal(machine.keys().sendingKey.toHex(), step.keys.sk.toHex());
          assert.equal(machine.keys().receivingKey.toHex(), step.keys.rk.toHex());
        }
      }
    }
    assert.equal(refused, undefined, "a refusal that the appendix does not name");
  });
}

Deno.test("BOLT 8 appendix A, messages: each named output, and all 1002 read back over two rotations", () => {
  const { message, ck, sk, rk, outputs } = v.parse(Messages, messagesFile);
  assert.deepEqual(Object.keys(outputs), ["0", "1", "500", "501", "1000", "1001"]);
  const sending = new SendingCipher(sk, ck);
  const buffer = new ReadBuffer();
  const reader = new FrameReader(new ReceivingCipher(sk, ck), buffer);
  const wrongKey = new ReceivingCipher(rk, ck);
  for (let i = 0; i <= 1001; i++) {
    const frame = new Uint8Array(18 + message.length + 16);
    assert.equal(sending.seal(message, frame, 0), frame.length);
    if (String(i) in outputs) assert.equal(frame.toHex(), outputs[i].toHex(), `output ${i}`);
    assert.throws(() => wrongKey.openLength(frame.slice(), 0), { code: "bad_mac" });
    buffer.room().set(frame);
    buffer.filled(frame.length);
    assert.deepEqual(reader.messages(), [message]);
  }
});
