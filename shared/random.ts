// Random numbers behind one interface, so that a seed replays a run.

/** A source of uniform random numbers. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
}

/** The system's cryptographic generator, 53 bits a number. */
export const systemRandom: Random = {
  next() {
    const [high, low] = crypto.getRandomValues(new Uint32Array(2));
    return ((high >>> 5) * 67108864 + (low >>> 6)) / 9007199254740992;
  },
};

/**
 * A fast seeded generator (sfc32, Chris Doty-Humphrey's Small Fast Counting RNG, PractRand). Not for keys.
 * @param seed any text or number; equal seeds give equal sequences.
 */
export function seededRandom(seed: string | number): Random {
  // The seed is spread over the state by FNV-1a, one lane a word; 15 rounds mix it, as PractRand does.
  const text = String(seed);
  const lane = (basis: number) => {
    let h = basis;
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
    return h;
  };
  let a = lane(0x811c9dc5), b = lane(0x9e3779b9), c = lane(0x85ebca6b), counter = 1;
  const next = () => {
    const t = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t | 0;
    return (t >>> 0) / 4294967296;
  };
  for (let i = 0; i < 15; i++) next();
  return { next };
}

/** An integer in [0, n). */
export function randomInteger(random: Random, n: number): number {
  return Math.floor(random.next() * n);
}

/** The items in a random order (Fisher–Yates), as a new array. */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const out = items.slice();
  for (let i = out.length - 1; i > 0; i--) {
    const j = randomInteger(random, i + 1);
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}
