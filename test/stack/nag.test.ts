import { Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import { expect, test } from "vitest";
import { planOf, settingsOf, stackApp } from "../support/stack-app.ts";

test("cdk-nag's AwsSolutions rules find nothing that is not acknowledged with its reason", () => {
  const { app } = stackApp(settingsOf(planOf("orders", "customers")));
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  expect(() => app.synth()).not.toThrow();
});
