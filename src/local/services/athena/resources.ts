import { z } from "zod";
import type { WorkGroupConfiguration } from "@aws-sdk/client-athena";
import { boolean, integer, tags } from "../../properties.ts";
import { AwsError, defineResource } from "../../service.ts";
import type { ResourceProvider, ServiceDeps } from "../../service.ts";
import type { SavedQueries } from "./saved-queries.ts";
import type { Workgroups } from "./workgroups.ts";

const resultConfiguration = z.strictObject({
  OutputLocation: z.string().optional(),
  ExpectedBucketOwner: z.string().optional(),
  EncryptionConfiguration: z
    .strictObject({ EncryptionOption: z.enum(["SSE_S3", "SSE_KMS", "CSE_KMS"]), KmsKey: z.string().optional() })
    .optional(),
  AclConfiguration: z.strictObject({ S3AclOption: z.enum(["BUCKET_OWNER_FULL_CONTROL"]) }).optional(),
});

const workgroupConfiguration = z.strictObject({
  EnforceWorkGroupConfiguration: boolean.optional(),
  PublishCloudWatchMetricsEnabled: boolean.optional(),
  BytesScannedCutoffPerQuery: integer.optional(),
  RequesterPaysEnabled: boolean.optional(),
  EngineVersion: z
    .strictObject({
      SelectedEngineVersion: z.enum(["AUTO", "Athena engine version 3"]).optional(),
      EffectiveEngineVersion: z.string().optional(),
    })
    .optional(),
  ResultConfiguration: resultConfiguration.optional(),
});

/** AWS::Athena::WorkGroup and AWS::Athena::NamedQuery. */
export function createAthenaResources(
  deps: ServiceDeps,
  workgroups: Workgroups,
  saved: SavedQueries,
): Readonly<Record<string, ResourceProvider>> {
  const workgroup = defineResource({
    schema: z.strictObject({
      Name: z.string(),
      Description: z.string().optional(),
      State: z.enum(["ENABLED", "DISABLED"]).optional(),
      RecursiveDeleteOption: boolean.optional(),
      WorkGroupConfiguration: workgroupConfiguration.optional(),
      Tags: tags.optional(),
    }),
    ignored: {
      Tags: "tags have no effect locally",
      RecursiveDeleteOption: "a workgroup of a template is always deleted with what is in it",
      "WorkGroupConfiguration.ResultConfiguration.EncryptionConfiguration":
        "results are not encrypted on this machine's disk",
      "WorkGroupConfiguration.ResultConfiguration.AclConfiguration": "there is one account, which owns every object",
      "WorkGroupConfiguration.ResultConfiguration.ExpectedBucketOwner": "there is one account, which owns every bucket",
      "WorkGroupConfiguration.RequesterPaysEnabled": "nobody pays for requests locally",
    },
    attributes: ["CreationTime"],
    provision({ properties }) {
      const { Name, Description, State, WorkGroupConfiguration: wanted } = properties;
      const configuration: WorkGroupConfiguration = { ...wanted };
      if (!found(() => workgroups.find(Name))) workgroups.create({ Name, Description, Configuration: configuration });
      const { ResultConfiguration: result, BytesScannedCutoffPerQuery: cutoff, ...settings } = configuration;
      workgroups.update({
        WorkGroup: Name,
        Description,
        State: State ?? "ENABLED",
        ConfigurationUpdates: {
          ...settings,
          ...(cutoff === undefined
            ? { RemoveBytesScannedCutoffPerQuery: true }
            : { BytesScannedCutoffPerQuery: cutoff }),
          ResultConfigurationUpdates: {
            ...result,
            RemoveOutputLocation: result?.OutputLocation === undefined,
            RemoveEncryptionConfiguration: result?.EncryptionConfiguration === undefined,
            RemoveExpectedBucketOwner: result?.ExpectedBucketOwner === undefined,
            RemoveAclConfiguration: result?.AclConfiguration === undefined,
          },
        },
      });
      const { CreationTime } = workgroups.find(Name);
      return { physicalId: Name, attributes: { CreationTime: String(Number(CreationTime) / 1000) } };
    },
    delete(physicalId) {
      if (found(() => workgroups.find(physicalId)))
        workgroups.delete({ WorkGroup: physicalId, RecursiveDeleteOption: true });
    },
  });

  const namedQuery = defineResource({
    schema: z.strictObject({
      Name: z.string().optional(),
      Description: z.string().optional(),
      Database: z.string(),
      QueryString: z.string(),
      WorkGroup: z.string().optional(),
    }),
    attributes: ["NamedQueryId"],
    provision(request) {
      const { properties } = request;
      const { Name: WorkGroup } = workgroups.find(properties.WorkGroup);
      const id = request.physicalId ?? deps.ids.uuid();
      saved.putNamedQuery({
        NamedQueryId: id,
        Name: properties.Name ?? request.generatedName(128),
        Description: properties.Description,
        Database: properties.Database,
        QueryString: properties.QueryString,
        WorkGroup,
      });
      return { physicalId: id, attributes: { NamedQueryId: id } };
    },
    delete(physicalId) {
      if (found(() => saved.getNamedQuery({ NamedQueryId: physicalId })))
        saved.deleteNamedQuery({ NamedQueryId: physicalId });
    },
  });

  return { "AWS::Athena::WorkGroup": workgroup, "AWS::Athena::NamedQuery": namedQuery };
}

function found(look: () => unknown): boolean {
  try {
    look();
    return true;
  } catch (error) {
    if (error instanceof AwsError && error.code === "InvalidRequestException") return false;
    throw error;
  }
}
