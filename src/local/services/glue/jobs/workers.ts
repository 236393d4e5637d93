import { invalidInput } from "./errors.ts";

/** Of one worker (https://docs.aws.amazon.com/glue/latest/dg/worker-types.html). */
const WORKERS: Readonly<Record<string, { dpu: number; gibibytes: number }>> = {
  "G.025X": { dpu: 0.25, gibibytes: 4 },
  "G.1X": { dpu: 1, gibibytes: 16 },
  "G.2X": { dpu: 2, gibibytes: 32 },
  "G.4X": { dpu: 4, gibibytes: 64 },
  "G.8X": { dpu: 8, gibibytes: 128 },
  "G.12X": { dpu: 12, gibibytes: 192 },
  "G.16X": { dpu: 16, gibibytes: 256 },
  "R.1X": { dpu: 1, gibibytes: 32 },
  "R.2X": { dpu: 2, gibibytes: 64 },
  "R.4X": { dpu: 4, gibibytes: 128 },
  "R.8X": { dpu: 8, gibibytes: 256 },
};

export interface Workers {
  readonly workerType: string;
  readonly numberOfWorkers: number;
}

export function checkWorkers({ workerType, numberOfWorkers }: Workers): void {
  if (!WORKERS[workerType]) {
    throw invalidInput(`Worker type ${workerType} is not one of ${Object.keys(WORKERS).join(", ")}.`);
  }
  if (!(numberOfWorkers >= 2)) throw invalidInput("The number of workers of a Spark job must be at least 2.");
}

/** Capacity in data processing units. */
export function capacityOf({ workerType, numberOfWorkers }: Workers): number {
  return (WORKERS[workerType]?.dpu ?? 1) * numberOfWorkers;
}

/** Memory of all workers, in MiB. */
export function memoryMiBOf({ workerType, numberOfWorkers }: Workers): number {
  return (WORKERS[workerType]?.gibibytes ?? 16) * 1024 * numberOfWorkers;
}
