/** What commands need to know of names. In a file of its own, so that they need not load CDK. */

/**
 * The longest prefix for which every name fits: a bucket name has at most 63 characters, of which `-source-`, the
 * account (12) and the longest Region name (14) take 35.
 */
const MAX_PREFIX_LENGTH = 28;

/** Why a stage cannot be part of the pipeline's names; undefined when it can. */
export function stageProblem(pipeline: string, stage: string): string | undefined {
  if (!/^[a-z0-9]+$/.test(stage)) return `stage: "${stage}" is not made of small letters and digits.`;
  const { length } = `${pipeline}-${stage}`;
  if (length <= MAX_PREFIX_LENGTH) return undefined;
  return (
    `name: "${pipeline}-${stage}" (name and stage) has ${length} characters; bucket names leave room for ` +
    `${MAX_PREFIX_LENGTH}. Shorten the pipeline's name or the stage.`
  );
}

/** The stack's name in CloudFormation. */
export function stackName(pipeline: string, stage: string): string {
  return `millrace-${pipeline}-${stage}`;
}
