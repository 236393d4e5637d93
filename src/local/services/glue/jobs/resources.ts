import type { CreateJobCommandInput } from "@aws-sdk/client-glue";
import { z } from "zod";
import { boolean, integer } from "../../../properties.ts";
import { defineResource, type ResourceProvider } from "../../../service.ts";
import type { JobDefinitions } from "./definitions.ts";

const argumentMap = z.record(z.string(), z.coerce.string());

export function createJobResources(definitions: JobDefinitions): Readonly<Record<string, ResourceProvider>> {
  const job = defineResource({
    schema: z.strictObject({
      Name: z.string().min(1).max(255).optional(),
      Role: z.string(),
      Command: z.strictObject({
        Name: z.string(),
        ScriptLocation: z.string(),
        PythonVersion: z.coerce.string().optional(),
      }),
      Description: z.string().optional(),
      JobMode: z.string().optional(),
      JobRunQueuingEnabled: boolean.optional(),
      ExecutionProperty: z.strictObject({ MaxConcurrentRuns: integer.optional() }).optional(),
      DefaultArguments: argumentMap.optional(),
      NonOverridableArguments: argumentMap.optional(),
      MaxRetries: integer.optional(),
      Timeout: integer.optional(),
      GlueVersion: z.coerce.string().optional(),
      NumberOfWorkers: integer.optional(),
      WorkerType: z.string().optional(),
      ExecutionClass: z.enum(["STANDARD", "FLEX"]).optional(),
      // A map here, unlike with most other resources.
      Tags: z.record(z.string(), z.coerce.string()).optional(),
    }),
    ignored: {
      ExecutionClass: "stored and shown; runs start at once on this machine, also with FLEX",
      GlueVersion: "stored and shown; the engine that runs the script is the one the runtime was started with",
      "Command.PythonVersion": "stored and shown; the engine brings its own",
    },
    attributes: [],
    provision({ properties, physicalId, generatedName }) {
      const { Name = physicalId ?? generatedName(255), JobMode, WorkerType, ...others } = properties;
      // Which values there are is for the definition to check: its error names them.
      const enums = { JobMode, WorkerType } as Pick<CreateJobCommandInput, "JobMode" | "WorkerType">;
      definitions.put({ ...others, ...enums, Name });
      return { physicalId: Name, attributes: {} };
    },
    delete: (physicalId) => definitions.delete(physicalId),
  });
  return { "AWS::Glue::Job": job };
}
