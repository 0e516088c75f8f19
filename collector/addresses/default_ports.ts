/**
 * The ports that nodes listen at unless they say otherwise.
 *
 * @module
 */
import type { Network } from "../../shared/bolt/chains.ts";

/** TCP ports by network: BOLT 1, "Connection Handling and Multiplexing"; that of regtest is Core Lightning's. */
export const DEFAULT_PORTS: Record<Network, number> = {
  bitcoin: 9735,
  testnet: 19735,
  signet: 39735,
  regtest: 19846,
};
