/**
 * Bytes, compared.
 *
 * @module
 */

/** Whether two byte strings of one length are the same. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < b.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
