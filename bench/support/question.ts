/** What a bench is asked with. Each question looks at what concerns it. */
export interface BenchOptions {
  /** A tenth of the work: for trying a bench, not for figures. */
  readonly small: boolean;
  /** Rounds of each side; a question has its own default. */
  readonly rounds: number | undefined;
  /** How many files are dropped. */
  readonly files: number | undefined;
  /** Size of generated data. */
  readonly megabytes: number | undefined;
}

export interface Figure {
  readonly name: string;
  /** For a person and for a program: `ms`, `MiB`, `requests/file`; empty for a ratio or a number of things. */
  readonly unit: string;
  readonly value: number;
  /** What `value` is the median of, in the order in which it was measured. */
  readonly rounds?: readonly number[];
}

/** One file of bench/ answers one question. */
export interface Question {
  readonly asks: string;
  ask(options: BenchOptions): Promise<readonly Figure[]>;
}
