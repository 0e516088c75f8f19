import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chainHash, type Network, NETWORKS } from "./chains.ts";

/** The genesis blocks differ only here: time, difficulty bits and nonce. */
const GENESIS: Record<Network, [time: number, bits: number, nonce: number]> = {
  bitcoin: [1231006505, 0x1d00ffff, 2083236893],
  testnet: [1296688602, 0x1d00ffff, 414098458],
  signet: [1598918400, 0x1e0377ae, 52613770],
  regtest: [1296688602, 0x207fffff, 2],
};

Deno.test("each chain hash is the double SHA-256 of its genesis block's header", () => {
  const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();
  for (const network of NETWORKS) {
    const header = new Uint8Array(80);
    const view = new DataView(header.buffer);
    view.setUint32(0, 1, true);
    header.set(
      Uint8Array.fromHex("3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a"),
      36,
    );
    GENESIS[network].forEach((value, i) => view.setUint32(68 + 4 * i, value, true));
    assert.deepEqual(chainHash(network), new Uint8Array(sha256(sha256(header))), network);
  }
});
