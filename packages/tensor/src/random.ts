/** A source of uniform random numbers that a seed determines completely. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A whole number in [0, bound), for bounds up to 2³² (each value is 1/bound likely to within 2⁻³²). */
  below(bound: number): number;
}

/** The generator sfc32 (PractRand's small fast counter), seeded by splitmix32 and warmed up. The same seed gives the same numbers on every machine; of a seed, the low 32 bits count. */
export function seededRandom(seed: number): Random {
  let mix = seed | 0;
  const word = (): number => {
    mix = (mix + 0x9e3779b9) | 0;
    let t = mix ^ (mix >>> 16);
    t = Math.imul(t, 0x21f0aaad);
    t ^= t >>> 15;
    t = Math.imul(t, 0x735a2d97);
    return (t ^ (t >>> 15)) | 0;
  };
  let a = word();
  let b = word();
  let c = word();
  let counter = 1;
  const next32 = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  for (let i = 0; i < 12; i++) next32();
  return {
    next: () => next32() / 2 ** 32,
    below: (bound) => Math.floor((next32() / 2 ** 32) * bound),
  };
}
