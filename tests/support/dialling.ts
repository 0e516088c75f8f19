/**
 * Address books and ways to connect for tests: loopback and nothing else.
 *
 * @module
 */
import { AddressBook } from "../../collector/addresses/address_book.ts";
import { DialRules } from "../../collector/addresses/dial_rules.ts";
import { HOST_KINDS } from "../../collector/addresses/endpoint.ts";
import type { NodeAddress } from "../../collector/addresses/node_address.ts";
import { dnsResolver } from "../../collector/addresses/resolver.ts";
import type { Ways } from "../../collector/peer/dialer.ts";
import { seededRandom } from "../../shared/random.ts";

const LOOPBACK = ["127.0.0.0/8"];

/** Straight to loopback. */
export const loopbackWays: Ways = {
  rules: new DialRules({ allow: LOOPBACK, opened: LOOPBACK }),
  kinds: new Set(HOST_KINDS),
  resolver: dnsResolver(),
};

/** A book of these addresses alone. */
export function loopbackBook(addresses: readonly NodeAddress[]): AddressBook {
  const { rules, kinds } = loopbackWays;
  const book = new AddressBook({ rules, kinds, torShare: 0 }, seededRandom(1));
  for (const { nodeId, end } of addresses) book.learn(nodeId, end, "file", 0);
  return book;
}
