/**
 * How addresses are refused.
 *
 * @module
 */
import { Fault } from "../../shared/errors.ts";

/**
 * - `no_port`: no port, and no default for it;
 * - `bad_port`: no number from 1 to 65535;
 * - `bad_host`: neither an IPv4 address, an IPv6 address in brackets, a DNS name nor an onion name;
 * - `tor_v2`: an onion service of version 2, which Tor has dropped;
 * - `bad_onion`: an onion name that is too short, or whose checksum or version is wrong;
 * - `bad_cidr`: no network in CIDR notation;
 * - `bad_node_id`: no compressed public key in hex;
 * - `no_at`: no `@` between node id and host.
 */
export type AddressCode =
  | "no_port"
  | "bad_port"
  | "bad_host"
  | "tor_v2"
  | "bad_onion"
  | "bad_cidr"
  | "bad_node_id"
  | "no_at";

/** The only thing that the address parsers throw, whatever the text is. Its message is fit for a log line. */
export class AddressFault extends Fault<AddressCode> {
  /** Tells it apart in logs. */
  override readonly name = "AddressFault";
}
