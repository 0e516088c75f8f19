// A process that dials simulated peers and shakes hands, and tells what that costs beside the curve operations that it
// cannot do without: what `handshakes.ts` measures. `handshake_process.ts FILE` reads addresses, `node id@host:port` a
// line, and prints one line of JSON, {@link HandshakeCosts}.

import { cpuUsage } from "node:process";
import { dialNoise } from "../../collector/noise/connection.ts";
import { systemClock } from "../../shared/clock.ts";
import { ecdh, generatePrivateKey, Point, publicKeyOf } from "../../shared/secp256k1.ts";

/** CPU of this process, µs, round by round. */
export interface HandshakeCosts {
  /** A whole handshake: TCP, three acts, hanging up. */
  readonly handshake: readonly number[];
  /** The four curve operations of one, done in the same round. */
  readonly curve: readonly number[];
}

const ROUNDS = 12;
const HANDSHAKES_A_ROUND = 200;
/** Handshakes under way at once: as many as a collector has unless its config says otherwise. */
const PARALLEL = 64;
/** Rounds for the compiler, which works beside the first ones. */
const WARM_UP_ROUNDS = 5;

const privateKey = generatePrivateKey();
const peers = (await Deno.readTextFile(Deno.args[0])).trim().split("\n").map((line) => {
  const [, id, hostname, port] = line.match(/^(\w+)@(.+):(\d+)$/)!;
  return { remotePublicKey: Uint8Array.fromHex(id), hostname, port: Number(port) };
});

async function shakeHands(): Promise<void> {
  let left = HANDSHAKES_A_ROUND;
  await Promise.all(Array.from({ length: PARALLEL }, async () => {
    while (left > 0) {
      const { remotePublicKey, hostname, port } = peers[left-- % peers.length];
      const conn = await Deno.connect({ hostname, port });
      const connection = await dialNoise(conn, { privateKey, remotePublicKey, clock: systemClock });
      connection.close();
    }
  }));
}

/** BOLT 8's initiator: the public key of its ephemeral one, then es, ee and se with the other side's two keys. */
function curveOperations(): void {
  for (let i = 0; i < HANDSHAKES_A_ROUND; i++) {
    const ephemeralKey = generatePrivateKey();
    const { remotePublicKey } = peers[i % peers.length];
    publicKeyOf(ephemeralKey);
    ecdh(ephemeralKey, Point.read(remotePublicKey)!);
    const point = Point.read(remotePublicKey)!;
    ecdh(ephemeralKey, point);
    ecdh(privateKey, point);
  }
}

async function cost(work: () => void | Promise<void>): Promise<number> {
  const before = cpuUsage();
  await work();
  const { user, system } = cpuUsage(before);
  return (user + system) / HANDSHAKES_A_ROUND;
}

const costs = { handshake: [] as number[], curve: [] as number[] } satisfies HandshakeCosts;
for (let i = 0; i < WARM_UP_ROUNDS + ROUNDS; i++) {
  const handshake = await cost(shakeHands), curve = await cost(curveOperations);
  if (i < WARM_UP_ROUNDS) continue;
  costs.handshake.push(handshake);
  costs.curve.push(curve);
}
console.log(JSON.stringify(costs));
