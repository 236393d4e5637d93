/** The stack's name in CloudFormation. In a file of its own, so that a command can have it without loading CDK. */
export function stackName(pipeline: string, stage: string): string {
  return `millrace-${pipeline}-${stage}`;
}
