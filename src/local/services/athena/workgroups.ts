import type {
  CreateWorkGroupCommandInput,
  DeleteWorkGroupCommandInput,
  GetWorkGroupCommandInput,
  ListWorkGroupsCommandInput,
  UpdateWorkGroupCommandInput,
  WorkGroup,
  WorkGroupConfiguration,
  WorkGroupSummary,
} from "@aws-sdk/client-athena";
import type { ServiceDeps } from "../../service.ts";
import { invalidRequest } from "./errors.ts";
import type { AthenaStore } from "./store.ts";

const ENGINE = { SelectedEngineVersion: "AUTO", EffectiveEngineVersion: "Athena engine version 3" };

/** Settings of a workgroup that would change what a query does, and that this runtime does not have. */
const UNSUPPORTED = [
  "ManagedQueryResultsConfiguration",
  "IdentityCenterConfiguration",
  "QueryResultsS3AccessGrantsConfiguration",
  "ExecutionRole",
] as const;

/** Workgroups; `primary` is always there. */
export class Workgroups {
  readonly #deps: ServiceDeps;
  readonly #store: AthenaStore;

  constructor(deps: ServiceDeps, store: AthenaStore) {
    this.#deps = deps;
    this.#store = store;
    if (!store.workgroup("primary")) {
      store.putWorkgroup({
        Name: "primary",
        State: "ENABLED",
        Configuration: {
          ResultConfiguration: {},
          EnforceWorkGroupConfiguration: false,
          PublishCloudWatchMetricsEnabled: false,
          RequesterPaysEnabled: false,
          EngineVersion: ENGINE,
        },
        CreationTime: new Date(deps.clock.now()),
      });
    }
  }

  /** The workgroup of a request; without a name it is `primary`. */
  find(name = "primary"): WorkGroup {
    const workgroup = this.#store.workgroup(name);
    if (!workgroup) throw invalidRequest("WorkGroup is not found.", "WORKGROUP_NOT_FOUND");
    return workgroup;
  }

  create(input: CreateWorkGroupCommandInput): object {
    const name = input.Name ?? "";
    if (!/^[a-zA-Z0-9._-]{1,128}$/u.test(name)) throw invalidRequest(`Invalid workgroup name: ${name}`);
    if (this.#store.workgroup(name)) throw invalidRequest("WorkGroup is already created");
    this.#store.putWorkgroup({
      Name: name,
      State: "ENABLED",
      Description: input.Description,
      Configuration: checked({
        EnforceWorkGroupConfiguration: true,
        PublishCloudWatchMetricsEnabled: true,
        RequesterPaysEnabled: false,
        ...input.Configuration,
        EngineVersion: ENGINE,
      }),
      CreationTime: new Date(this.#deps.clock.now()),
    });
    return {};
  }

  get(input: GetWorkGroupCommandInput): { WorkGroup: WorkGroup } {
    return { WorkGroup: this.find(input.WorkGroup) };
  }

  update(input: UpdateWorkGroupCommandInput): object {
    const workgroup = this.find(input.WorkGroup);
    const { ConfigurationUpdates: updates } = input;
    const {
      ResultConfigurationUpdates: result,
      RemoveBytesScannedCutoffPerQuery: removeCutoff,
      ...settings
    } = updates ?? {};
    const configuration: WorkGroupConfiguration = { ...workgroup.Configuration };
    for (const [name, value] of Object.entries(settings)) {
      if (value !== undefined) Object.assign(configuration, { [name]: value });
    }
    configuration.EngineVersion = ENGINE;
    if (removeCutoff) delete configuration.BytesScannedCutoffPerQuery;
    if (result) {
      const own = { ...configuration.ResultConfiguration };
      if (result.OutputLocation !== undefined) own.OutputLocation = result.OutputLocation;
      if (result.EncryptionConfiguration !== undefined) own.EncryptionConfiguration = result.EncryptionConfiguration;
      if (result.ExpectedBucketOwner !== undefined) own.ExpectedBucketOwner = result.ExpectedBucketOwner;
      if (result.AclConfiguration !== undefined) own.AclConfiguration = result.AclConfiguration;
      if (result.RemoveOutputLocation) delete own.OutputLocation;
      if (result.RemoveEncryptionConfiguration) delete own.EncryptionConfiguration;
      if (result.RemoveExpectedBucketOwner) delete own.ExpectedBucketOwner;
      if (result.RemoveAclConfiguration) delete own.AclConfiguration;
      configuration.ResultConfiguration = own;
    }
    this.#store.putWorkgroup({
      ...workgroup,
      Description: input.Description ?? workgroup.Description,
      State: input.State ?? workgroup.State,
      Configuration: checked(configuration),
    });
    return {};
  }

  delete(input: DeleteWorkGroupCommandInput): object {
    const { Name = "" } = this.find(input.WorkGroup);
    if (Name === "primary") throw invalidRequest("The primary workgroup cannot be deleted.");
    if (!input.RecursiveDeleteOption && !this.#store.workgroupIsEmpty(Name)) {
      throw invalidRequest(`WorkGroup ${Name} is not empty`);
    }
    this.#store.deleteWorkgroup(Name);
    return {};
  }

  list(input: ListWorkGroupsCommandInput): { WorkGroups: WorkGroupSummary[]; NextToken?: string } {
    const all = this.#store.workgroups().filter((workgroup) => (workgroup.Name ?? "") > (input.NextToken ?? ""));
    const page = all.slice(0, input.MaxResults ?? 50);
    return {
      WorkGroups: page.map(({ Name, State, Description, CreationTime, Configuration }) => ({
        Name,
        State,
        Description,
        CreationTime,
        EngineVersion: Configuration?.EngineVersion,
      })),
      NextToken: page.length < all.length ? page.at(-1)?.Name : undefined,
    };
  }
}

function checked(configuration: WorkGroupConfiguration): WorkGroupConfiguration {
  for (const name of UNSUPPORTED) {
    const value = configuration[name];
    if (value === undefined || (typeof value === "object" && "Enabled" in value && value.Enabled === false)) continue;
    throw invalidRequest(
      `WorkGroupConfiguration.${name} is not supported by the local Athena. Leave it out to run locally.`,
    );
  }
  const { BytesScannedCutoffPerQuery: cutoff } = configuration;
  if (cutoff !== undefined && cutoff < 10_000_000) {
    throw invalidRequest("BytesScannedCutoffPerQuery must be at least 10000000");
  }
  return configuration;
}
