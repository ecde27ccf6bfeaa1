/** Pseudo-random draws that are equal in every run with the same seed. */

export type Draws = {
  /** Returns a number from 0 (inclusive) to 1 (exclusive). */
  readonly fraction: () => number;
  /** Returns a whole number between both ends, inclusive. */
  between(least: number, most: number): number;
  chance(probability: number): boolean;
  /** @throws RangeError if there are no choices */
  oneOf<T>(choices: readonly T[]): T;
  /** Returns one of the choices, with a probability proportional to its weight. */
  weighted<T>(choices: readonly (readonly [weight: number, choice: T])[]): T;
  someOf<T>(choices: readonly T[], least?: number): readonly T[];
  /** Returns an independent generator: draws from one generator do not change the draws from the other. */
  fork(name: string): Draws;
};

export function createDraws(seed: number): Draws {
  let state = seed >>> 0;
  // mulberry32, whose 32 bits of state are enough for random faults.
  const fraction = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const between = (least: number, most: number): number =>
    least + Math.floor(fraction() * (most - least + 1));
  const oneOf = <T>(choices: readonly T[]): T => {
    if (choices.length === 0) throw new RangeError('there is nothing to choose from');
    return choices[between(0, choices.length - 1)] as T;
  };
  return {
    fraction,
    between,
    chance: (probability) => fraction() < probability,
    oneOf,
    weighted(choices) {
      const total = choices.reduce((sum, [weight]) => sum + weight, 0);
      let left = fraction() * total;
      for (const [weight, choice] of choices) {
        left -= weight;
        if (left < 0) return choice;
      }
      return oneOf(choices)[1];
    },
    someOf(choices, least = 0) {
      const left = [...choices];
      const count = between(Math.min(least, left.length), left.length);
      const taken = Array.from({ length: count }, () => left.splice(between(0, left.length - 1), 1)[0]);
      return choices.filter((choice) => taken.includes(choice));
    },
    fork: (name) => createDraws(hash(`${seed} ${name}`)),
  };
}

/** The FNV-1a hash of a text. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}
