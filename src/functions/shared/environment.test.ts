import { expect, test } from "vitest";
import { readEnvironment } from "./environment.ts";

const variables = {
  MILLRACE_SOURCE_BUCKET: "drop",
  MILLRACE_PLAN: "s3://assets/plan.json",
  MILLRACE_JOB_NAME: "",
};

test("a function reads what it asks for", () => {
  expect(readEnvironment(variables, ["sourceBucket", "plan", "alertTopicArn"])).toEqual({
    sourceBucket: "drop",
    plan: "s3://assets/plan.json",
    alertTopicArn: undefined,
  });
});

test("everything that is wrong is said at once, by the name of its variable", () => {
  const wrong = { ...variables, MILLRACE_PLAN: "/plan.json", MILLRACE_ALERT_TOPIC_ARN: "alerts" };
  const read = () => readEnvironment(wrong, ["targetBucket", "plan", "jobName", "alertTopicArn"]);
  expect(read).toThrow(
    /MILLRACE_TARGET_BUCKET: .*MILLRACE_PLAN: must be s3.*MILLRACE_JOB_NAME: .*MILLRACE_ALERT_TOPIC/,
  );
});
