// The transport over real sockets on loopback.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { SendingCipher } from "../../collector/noise/cipher.ts";
import {
  acceptNoise,
  dialNoise,
  HANDSHAKE_TIMEOUT_MS,
  type NoiseConnection,
} from "../../collector/noise/connection.ts";
import { initiate, respond } from "../../collector/noise/handshake.ts";
import { systemClock } from "../../shared/clock.ts";
import { generatePrivateKey, publicKeyOf } from "../../shared/secp256k1.ts";
import { ManualClock } from "../support/manual_clock.ts";

const OURS = generatePrivateKey();
const THEIRS = generatePrivateKey();
const dialOptions = { privateKey: OURS, remotePublicKey: publicKeyOf(THEIRS), clock: systemClock };
const acceptOptions = { privateKey: THEIRS, clock: systemClock };

/** Both ends of a connection on loopback. */
async function socketPair(): Promise<[Deno.Conn, Deno.Conn]> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  return await Promise.all([Deno.connect({ hostname: "127.0.0.1", port }), listener.accept()]);
}

/** Both ends of an encrypted connection. */
async function noisePair(maxPendingBytes?: number): Promise<[NoiseConnection, NoiseConnection]> {
  const [a, b] = await socketPair();
  return await Promise.all([
    dialNoise(a, { ...dialOptions, maxPendingBytes }),
    acceptNoise(b, acceptOptions),
  ]);
}

/** Lets deadlines pass until `handshake` has ended; a new act begins a new one. */
async function passDeadlines(clock: ManualClock, handshake: Promise<void>): Promise<void> {
  let ended = false;
  const end = handshake.finally(() => ended = true);
  while (!ended) await clock.advance(HANDSHAKE_TIMEOUT_MS);
  await end;
}

async function readExactly(conn: Deno.Conn, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await conn.read(bytes.subarray(at));
    assert.notEqual(count, null, `the stream ended after ${at} of ${length} bytes`);
    at += count!;
  }
  return bytes;
}

/** All bytes until the other side closes. A reset counts as an end: it left bytes of ours unread. */
async function readToEnd(conn: Deno.Conn): Promise<Uint8Array> {
  const all: number[] = [];
  const chunk = new Uint8Array(4096);
  try {
    for (let count; (count = await conn.read(chunk)) !== null;) {
      all.push(...chunk.subarray(0, count));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  return new Uint8Array(all);
}

/** The next `count` messages. */
async function receive(connection: NoiseConnection, count: number): Promise<Uint8Array[]> {
  const messages: Uint8Array[] = [];
  while (messages.length < count) {
    const batch = await connection.readBatch();
    assert.notEqual(batch, null, `the stream ended after ${messages.length} of ${count} messages`);
    messages.push(...batch!.messages.map((message) => message.slice()));
  }
  return messages;
}

/** A dialled connection whose other end is ours to misuse: its socket, and the cipher it would send with. */
async function dialledByHand() {
  const [ours, theirs] = await socketPair();
  const dialled = dialNoise(ours, dialOptions);
  const own = { privateKey: THEIRS, ephemeralKey: generatePrivateKey() };
  const response = respond(own, await readExactly(theirs, 50));
  await theirs.write(response.actTwo);
  const keys = response.finish(await readExactly(theirs, 66));
  const cipher = new SendingCipher(keys.sendingKey, keys.chainingKey);
  const frame = (message: Uint8Array) => {
    const bytes = new Uint8Array(message.length + 34);
    cipher.seal(message, bytes, 0);
    return bytes;
  };
  return { connection: await dialled, socket: theirs, frame };
}

function concat(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

Deno.test("thousands of messages are echoed in order over key rotations both ways", async () => {
  const [a, b] = await noisePair();
  assert.deepEqual(a.remotePublicKey, publicKeyOf(THEIRS));
  assert.deepEqual(b.remotePublicKey, publicKeyOf(OURS));
  const messages = Array.from({ length: 3000 }, (_, i) => new Uint8Array((i * 37) % 800).fill(i));
  messages[1234] = new Uint8Array(65535).fill(3);

  const echo = (async () => {
    for (let batch; (batch = await b.readBatch()) !== null;) await b.send(...batch.messages);
  })();
  const echoed = receive(a, messages.length);
  // Some alone, some together, none awaited before the next.
  const sent: Promise<void>[] = [];
  for (let at = 0, n = 1; at < messages.length; at += n, n = n % 90 + 1) {
    sent.push(a.send(...messages.slice(at, at + n)));
  }
  await Promise.all(sent);
  assert.deepEqual(await echoed, messages);
  a.close();
  await echo;

  const framed = messages.reduce((sum, message) => sum + message.length + 34, 0);
  assert.equal(a.bytesOut(), 50 + 66 + framed);
  assert.equal(a.bytesIn(), 50 + framed);
  assert.equal(b.bytesIn(), a.bytesOut());
  assert.equal(b.bytesOut(), a.bytesIn());
  b.close();
});

Deno.test("messages in one segment with act three are not lost and carry that read's time", async () => {
  const [ours, theirs] = await socketPair();
  const clock = new ManualClock(12345);
  const accepted = acceptNoise(ours, { ...acceptOptions, clock });
  const initiation = initiate({
    privateKey: OURS,
    ephemeralKey: generatePrivateKey(),
    remotePublicKey: publicKeyOf(THEIRS),
  });
  await theirs.write(initiation.actOne);
  const { actThree, keys } = initiation.finish(await readExactly(theirs, 50));
  const cipher = new SendingCipher(keys.sendingKey, keys.chainingKey);
  const [one, two, three] = [1, 2, 3].map((byte) => new Uint8Array(40).fill(byte));
  const frames = [one, two, three].map((message) => {
    const frame = new Uint8Array(74);
    cipher.seal(message, frame, 0);
    return frame;
  });
  await theirs.write(concat(actThree, frames[0], frames[1], frames[2].subarray(0, 30)));
  const connection = await accepted;
  assert.deepEqual(await connection.readBatch(), { messages: [one, two], receivedAt: 12345 });
  await theirs.write(frames[2].subarray(30));
  assert.deepEqual(await receive(connection, 1), [three]);
  assert.equal(connection.bytesIn(), 50 + 66 + 3 * 74);
  theirs.close();
  assert.equal(await connection.readBatch(), null);
  connection.close();
});

Deno.test("what follows act two in its segment is read as a frame", async () => {
  const [ours, theirs] = await socketPair();
  const dialled = dialNoise(ours, dialOptions);
  const own = { privateKey: THEIRS, ephemeralKey: generatePrivateKey() };
  const { actTwo } = respond(own, await readExactly(theirs, 50));
  await theirs.write(concat(actTwo, new Uint8Array(18)));
  const connection = await dialled;
  await assert.rejects(connection.readBatch(), { code: "bad_mac" });
  theirs.close();
});

Deno.test("a peer that never answers is given up at the deadline", async () => {
  const [ours, theirs] = await socketPair();
  const clock = new ManualClock();
  const dialled = dialNoise(ours, { ...dialOptions, clock });
  const refused = assert.rejects(dialled, { code: "timeout" });
  assert.equal((await readExactly(theirs, 50)).length, 50);
  await theirs.write(new Uint8Array(49)); // a byte short: only the deadline can end it
  await passDeadlines(clock, refused);
  assert.equal((await readToEnd(theirs)).length, 0);
  theirs.close();
});

Deno.test("a dialler that sends nothing, or half an act, is given up at the deadline", async () => {
  for (const sent of [0, 25]) {
    const [ours, theirs] = await socketPair();
    const clock = new ManualClock();
    const accepted = acceptNoise(ours, { ...acceptOptions, clock });
    const refused = assert.rejects(accepted, { code: "timeout", message: /^act one/ });
    await theirs.write(new Uint8Array(sent));
    await passDeadlines(clock, refused);
    assert.equal((await readToEnd(theirs)).length, 0);
    theirs.close();
  }
});

Deno.test("the machine's clock ends a handshake too", async () => {
  const [ours, theirs] = await socketPair();
  const dialled = dialNoise(ours, { ...dialOptions, handshakeTimeoutMs: 20 });
  await assert.rejects(dialled, { code: "timeout" });
  theirs.close();
});

Deno.test("a bad act one is dropped without a byte in answer", async () => {
  const { actOne } = initiate({
    privateKey: OURS,
    ephemeralKey: generatePrivateKey(),
    remotePublicKey: publicKeyOf(THEIRS),
  });
  const version = actOne.slice(), key = actOne.slice(), mac = actOne.slice();
  version[0] = 1;
  key[1] = 4;
  mac[49] ^= 1;
  const http = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n");
  for (
    const [code, bytes] of [
      ["bad_version", version],
      ["bad_key", key],
      ["bad_mac", mac],
      ["bad_version", concat(http, http)],
    ] as const
  ) {
    const [ours, theirs] = await socketPair();
    const refused = assert.rejects(acceptNoise(ours, acceptOptions), { code });
    await theirs.write(bytes);
    await refused;
    assert.equal((await readToEnd(theirs)).length, 0);
    theirs.close();
  }
});

Deno.test("a bad act two is dropped with nothing written after act one", async () => {
  for (const [at, code] of [[0, "bad_version"], [1, "bad_key"], [49, "bad_mac"]] as const) {
    const [ours, theirs] = await socketPair();
    const refused = assert.rejects(dialNoise(ours, dialOptions), { code });
    const own = { privateKey: THEIRS, ephemeralKey: generatePrivateKey() };
    const { actTwo } = respond(own, await readExactly(theirs, 50));
    actTwo[at] ^= 4;
    await theirs.write(actTwo);
    await refused;
    assert.equal((await readToEnd(theirs)).length, 0);
    theirs.close();
  }
});

Deno.test("a peer with another static key than expected refuses us, and we see it close", async () => {
  const [ours, theirs] = await socketPair();
  const accepted = acceptNoise(theirs, { ...acceptOptions, privateKey: generatePrivateKey() });
  await Promise.all([
    assert.rejects(accepted, { code: "bad_mac" }),
    assert.rejects(dialNoise(ours, dialOptions), { code: "unanswered" }),
  ]);
});

Deno.test("a remote key that is no point writes nothing", async () => {
  const [ours, theirs] = await socketPair();
  const bad = { ...dialOptions, remotePublicKey: new Uint8Array(33) };
  await assert.rejects(dialNoise(ours, bad), { code: "bad_key" });
  assert.equal((await readToEnd(theirs)).length, 0);
  theirs.close();
});

Deno.test("a signal ends a handshake with its reason, before it and in the middle", async () => {
  for (const before of [true, false]) {
    const [ours, theirs] = await socketPair();
    const controller = new AbortController();
    const reason = new Error("stopping");
    if (before) controller.abort(reason);
    const refused = assert.rejects(
      dialNoise(ours, { ...dialOptions, signal: controller.signal }),
      (error) => error === reason,
    );
    if (!before) {
      await readExactly(theirs, 50);
      controller.abort(reason);
    }
    await refused;
    assert.equal((await readToEnd(theirs)).length, 0);
    theirs.close();
  }
});

Deno.test("a signal that aborts after the handshake leaves the connection alone", async () => {
  const [ours, theirs] = await socketPair();
  const controller = new AbortController();
  const [a, b] = await Promise.all([
    dialNoise(ours, { ...dialOptions, signal: controller.signal }),
    acceptNoise(theirs, acceptOptions),
  ]);
  controller.abort();
  await a.send(new Uint8Array([1, 2]));
  assert.deepEqual(await receive(b, 1), [new Uint8Array([1, 2])]);
  a.close();
  b.close();
});

Deno.test("garbage after whole messages: the messages, then the fault, then a closed connection", async () => {
  const { connection, socket, frame } = await dialledByHand();
  const message = new Uint8Array(100).fill(5);
  await socket.write(concat(frame(message), frame(message), new Uint8Array(70_000).fill(6)));
  assert.deepEqual(await receive(connection, 2), [message, message]);
  await assert.rejects(connection.readBatch(), { code: "bad_mac" });
  assert.equal(await connection.readBatch(), null);
  await assert.rejects(connection.send(message), { code: "closed" });
  assert.equal((await readToEnd(socket)).length, 0);
  socket.close();
});

Deno.test("an end inside a frame is a fault, after the messages before it", async () => {
  for (const left of [1, 17, 18, 60]) {
    const { connection, socket, frame } = await dialledByHand();
    const message = new Uint8Array(50);
    await socket.write(concat(frame(message), frame(message).subarray(0, left)));
    socket.close();
    assert.deepEqual(await receive(connection, 1), [message]);
    await assert.rejects(connection.readBatch(), { code: "truncated" });
    connection.close();
  }
});

Deno.test("a reset is a network fault with its cause, in the handshake and after it", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const isReset = (error: Error & { code?: string }) => {
    assert.equal(error.code, "network");
    assert.ok(error.cause instanceof Deno.errors.ConnectionReset);
    return true;
  };
  const initiation = initiate({
    privateKey: OURS,
    ephemeralKey: generatePrivateKey(),
    remotePublicKey: publicKeyOf(THEIRS),
  });
  for (const finished of [false, true]) {
    const theirs = connect({ host: "127.0.0.1", port }); // Deno's own sockets cannot reset
    const accepted = acceptNoise(await listener.accept(), acceptOptions);
    accepted.catch(() => {}); // looked at below
    theirs.write(initiation.actOne);
    const actTwo = await new Promise<Uint8Array>((resolve) => theirs.once("data", resolve));
    if (finished) {
      theirs.write(initiation.finish(actTwo).actThree);
      await accepted;
    }
    theirs.resetAndDestroy();
    if (finished) await assert.rejects((await accepted).readBatch(), isReset);
    else await assert.rejects(accepted, isReset);
  }
});

Deno.test("sending to a peer that is gone is a network fault, and the connection closes", async () => {
  const { connection, socket } = await dialledByHand();
  await connection.send(new Uint8Array(100));
  socket.close();
  const send = async () => {
    for (;;) await connection.send(new Uint8Array(100));
  };
  await assert.rejects(send(), { code: "network" });
  assert.equal(await connection.readBatch(), null);
});

Deno.test("a message that is too long is refused and the connection goes on", async () => {
  const [a, b] = await noisePair();
  const short = new Uint8Array(3), long = new Uint8Array(65536);
  await assert.rejects(a.send(short, long), { code: "oversized" });
  await a.send(short);
  assert.deepEqual(await receive(b, 1), [short]);
  a.close();
  b.close();
});

Deno.test("a peer that does not read fills the backlog, and the connection closes", async () => {
  const { connection, socket } = await dialledByHand();
  const message = new Uint8Array(65535);
  const outcomes: Promise<string>[] = [];
  let last = "";
  while (last !== "backlog") {
    const sent = connection.send(message).then(() => "sent", (error) => error.code as string);
    outcomes.push(sent);
    const tick = new Promise<string>((resolve) => setTimeout(() => resolve("waits"), 0));
    last = await Promise.race([sent, tick]);
    await tick;
  }
  const codes = await Promise.all(outcomes);
  const waiting = codes.filter((code) => code === "closed").length;
  assert.ok(waiting > 0 && waiting <= 4 * 1024 * 1024 / 65535, `${waiting} waited`);
  assert.equal(codes.filter((code) => code === "sent").length, codes.length - waiting - 1);
  assert.equal(await connection.readBatch(), null);
  socket.close();
});

Deno.test("more than the backlog in one send is refused", async () => {
  const [a, b] = await noisePair(1000);
  await a.send(new Uint8Array(900));
  await assert.rejects(a.send(new Uint8Array(500), new Uint8Array(500)), { code: "backlog" });
  assert.equal((await receive(b, 1)).length, 1);
  b.close();
});

Deno.test("closing ends a waiting read with null; closing twice is harmless", async () => {
  const [a, b] = await noisePair();
  const read = a.readBatch();
  a.close();
  a.close();
  assert.equal(await read, null);
  assert.equal(await a.readBatch(), null);
  await assert.rejects(a.send(new Uint8Array(2)), { code: "closed" });
  assert.equal(await b.readBatch(), null);
  b.close();
});
