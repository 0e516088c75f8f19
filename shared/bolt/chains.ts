// The Bitcoin networks that Lightning runs on.

/** The networks by name. */
export const NETWORKS = ["bitcoin", "testnet", "signet", "regtest"] as const;

/** One of {@link NETWORKS}. */
export type Network = typeof NETWORKS[number];

const CHAIN_HASHES: Record<Network, Uint8Array> = {
  bitcoin: Uint8Array.fromHex("6fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000"),
  testnet: Uint8Array.fromHex("43497fd7f826957108f4a30fd9cec3aeba79972084e90ead01ea330900000000"),
  signet: Uint8Array.fromHex("f61eee3b63a380a477a063af32b2bbc97c9ff9f01f2c4225e973988108000000"),
  regtest: Uint8Array.fromHex("06226e46111a0b59caaf126043eb5bbf28c34f3a5e332a1fc7b2b73cf188910f"),
};

/** `chain_hash` of a network: the hash of its genesis block in wire order, not the reversed order that is displayed. */
export function chainHash(network: Network): Uint8Array {
  return CHAIN_HASHES[network].slice();
}
