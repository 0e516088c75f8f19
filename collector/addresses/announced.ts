/**
 * The addresses in a node_announcement as endpoints.
 *
 * @module
 */
import { type Address, ADDRESS_TYPES } from "../../shared/bolt/address.ts";
import { checkPort, type Endpoint, endpoint, ipEndpoint } from "./endpoint.ts";
import { AddressFault } from "./fault.ts";
import { onionName } from "./onion.ts";

/**
 * The endpoint of one address of a node_announcement.
 *
 * @throws {AddressFault} `bad_port`, `tor_v2`, `bad_onion`, or `bad_host` for a name that is no DNS name.
 */
export function announcedEndpoint({ type, host, port }: Address): Endpoint {
  // BOLT 7: a port of 0 is not to be used; decoding keeps it all the same.
  checkPort(port);
  switch (type) {
    case ADDRESS_TYPES.ipv4:
    case ADDRESS_TYPES.ipv6:
      return ipEndpoint(host, port);
    case ADDRESS_TYPES.torV2:
      throw new AddressFault("tor_v2", "a version 2 onion service; Tor has dropped them");
    case ADDRESS_TYPES.torV3:
      return { kind: "onion", host: onionName(host), port };
    case ADDRESS_TYPES.dns:
      return namedEndpoint(new TextDecoder().decode(host), port);
  }
}

/** A DNS name's endpoint; an address or an onion name in its place would be another type's. */
function namedEndpoint(name: string, port: number): Endpoint {
  const named = endpoint(name, port);
  if (named.kind === "dns") return named;
  throw new AddressFault("bad_host", `a DNS name should be one, not of kind ${named.kind}`);
}
