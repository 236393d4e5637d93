import type { Role } from "aws-cdk-lib/aws-iam";
import { Asset } from "aws-cdk-lib/aws-s3-assets";
import { Construct } from "constructs";
import { allow } from "./policy.ts";

/** The plan as an asset of the stack. Readers get exactly this object, not the asset bucket. */
export class PlanAsset extends Construct {
  readonly uri: string;
  readonly #asset: Asset;

  constructor(scope: Construct, id: string, props: { readonly path: string }) {
    super(scope, id);
    this.#asset = new Asset(this, "Plan", { path: props.path });
    this.uri = this.#asset.s3ObjectUrl;
  }

  readableBy(role: Role): void {
    allow(role, {
      actions: ["s3:GetObject"],
      resources: [this.#asset.bucket.arnForObjects(this.#asset.s3ObjectKey)],
    });
  }
}
