import { Fault } from "../../shared/errors.ts";

export type AddressCode =
  | "no_port" // and no default for it
  | "bad_port" // not a number from 1 to 65535
  | "bad_host" // not an IPv4 address, an IPv6 address in brackets, a DNS name or an onion name
  | "tor_v2" // an onion service of version 2, which Tor has dropped
  | "bad_onion" // an onion name that is too short, or whose checksum or version is wrong
  | "bad_cidr" // not a network in CIDR notation
  | "bad_node_id" // not a compressed public key in hex
  | "no_at"; // between node id and host

/** All that the address parsers throw; its message is fit for a log line. */
export class AddressFault extends Fault<AddressCode> {
  override readonly name = "AddressFault";
}
