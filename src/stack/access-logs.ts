import { Validations } from "aws-cdk-lib";
import type { Bucket } from "aws-cdk-lib/aws-s3";

/** cdk-nag asks for server access logs; who read or wrote what is CloudTrail's to say, for the account as a whole. */
export function acknowledgeNoAccessLogs(bucket: Bucket): void {
  Validations.of(bucket).acknowledge({
    id: "AwsSolutions-S1",
    reason: "Access logs double the objects of a busy bucket; CloudTrail data events are the account's to switch on.",
  });
}
