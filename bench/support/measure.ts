import type { Figure } from "./question.ts";

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? (upper + (sorted[middle - 1] ?? Number.NaN)) / 2 : upper;
}

export function medianFigure(name: string, unit: string, rounds: readonly number[]): Figure {
  return { name, unit, value: median(rounds), rounds };
}

/** What it takes, in milliseconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

export interface Sides {
  readonly ours: readonly number[];
  readonly peers: readonly number[];
}

/**
 * Measures two sides in the same run. Each round does both, in turns the other first, so that neither has the warmer
 * machine; one round more, before the first, is not counted.
 */
export async function alternate(
  rounds: number,
  ours: () => Promise<number>,
  peer: () => Promise<number>,
): Promise<Sides> {
  const measured = { ours: [] as number[], peers: [] as number[] };
  for (let round = 0; round <= rounds; round++) {
    const order = round % 2 === 0 ? (["ours", "peers"] as const) : (["peers", "ours"] as const);
    for (const side of order) {
      const value = await (side === "ours" ? ours() : peer());
      if (round > 0) measured[side].push(value);
    }
  }
  return measured;
}

/** Both medians, and the median of the rounds' ratios: what slows a round down slows both of its sides. */
export function ratioFigures(name: string, unit: string, peer: string, { ours, peers }: Sides): Figure[] {
  const ratios = ours.map((value, round) => value / (peers[round] ?? Number.NaN));
  return [
    medianFigure(name, unit, ours),
    medianFigure(`${name}: ${peer}`, unit, peers),
    medianFigure(`${name}: ratio`, "", ratios),
  ];
}
