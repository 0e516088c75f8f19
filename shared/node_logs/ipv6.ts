/** The 16 bytes of an IPv6 address as Go prints it (RFC 5952); null when it is none. */
export function ipv6Bytes(text: string): Uint8Array | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [head, tail] = halves.map((half) => half === "" ? [] : half.split(":"));
  const left = 8 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? left !== 0 : left < 1) return null;
  const groups = [...head, ...Array(left).fill("0"), ...tail ?? []];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/.test(group))) return null;
  return Uint8Array.fromHex(groups.map((group) => group.padStart(4, "0")).join(""));
}
