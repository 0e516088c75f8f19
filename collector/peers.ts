/**
 * The peers that this collector can choose from.
 *
 * @module
 */
import { UserError } from "../shared/errors.ts";
import { logger } from "../shared/log.ts";
import { faultLines, type PeerAddress, readPeerFile } from "./peer/peer_file.ts";

const log = logger("collector", "peer");

/**
 * Reads a peer file, says what in it cannot be used, and gives the rest.
 *
 * @param ownNodeId is left out: a node does not dial itself.
 * @throws {UserError} when nothing is left, or as `readPeerFile` does.
 */
export async function choosablePeers(path: string, ownNodeId: string): Promise<PeerAddress[]> {
  const { peers, faults } = await readPeerFile(path);
  for (const line of faultLines(faults)) {
    log.warning("Peer file {path}: {fault}", { path, fault: line.trim() });
  }
  const clear = peers.filter(({ host }) => !host.endsWith(".onion"));
  if (clear.length < peers.length) {
    log.warning("Peer file {path}: {count} Tor addresses are left out: they cannot be dialled", {
      path,
      count: peers.length - clear.length,
    });
  }
  const others = clear.filter(({ nodeId }) => nodeId !== ownNodeId);
  if (others.length === 0) {
    throw new UserError(`Cannot use peer file ${path}: it names no peer that can be dialled`);
  }
  return others;
}
