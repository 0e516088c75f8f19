/** A copy with room for at least `least` integers, and for twice as many as before: growing costs nothing in the long run. */
export function grown(array: Int32Array, least: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(Math.max(2 * array.length, least));
  larger.set(array);
  return larger;
}
