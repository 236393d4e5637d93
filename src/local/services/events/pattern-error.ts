/** Why something is not an event pattern, in the words that follow "Reason:". */
export class PatternError extends Error {
  override readonly name = "PatternError";
}
