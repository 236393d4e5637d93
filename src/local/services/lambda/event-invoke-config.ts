import type {
  DeleteFunctionEventInvokeConfigCommandInput,
  FunctionEventInvokeConfig,
  GetFunctionEventInvokeConfigCommandInput,
  PutFunctionEventInvokeConfigCommandInput,
  UpdateFunctionEventInvokeConfigCommandInput,
} from "@aws-sdk/client-lambda";
import { VERSION } from "../../lambda/function-configuration.ts";
import type { Clock } from "../../clock.ts";
import { checkDestination } from "./destinations.ts";
import { invalidParameter, resourceNotFound } from "./errors.ts";
import type { Functions } from "./functions.ts";
import type { EventInvokeConfig, LambdaStore } from "./store.ts";

/** How a function's asynchronous invocations are retried, and where they end. */
export class EventInvokeConfigs {
  readonly #clock: Clock;
  readonly #store: LambdaStore;
  readonly #functions: Functions;

  constructor(clock: Clock, store: LambdaStore, functions: Functions) {
    this.#clock = clock;
    this.#store = store;
    this.#functions = functions;
  }

  put(config: Omit<EventInvokeConfig, "lastModified">): EventInvokeConfig {
    const { maximumRetryAttempts: retries, maximumEventAgeSeconds: age, onSuccess, onFailure } = config;
    if (retries !== undefined && !(retries >= 0 && retries <= 2)) {
      throw invalidParameter(`MaximumRetryAttempts must be from 0 to 2, not ${retries}`);
    }
    if (age !== undefined && !(age >= 60 && age <= 21_600)) {
      throw invalidParameter(`MaximumEventAgeInSeconds must be from 60 to 21600, not ${age}`);
    }
    for (const destination of [onSuccess, onFailure]) if (destination !== undefined) checkDestination(destination);
    return this.#store.eventInvokeConfigs.put(config.functionName, { ...config, lastModified: this.#clock.now() });
  }

  delete(functionName: string): void {
    if (!this.#store.eventInvokeConfigs.delete(functionName)) throw this.#missing(functionName);
  }

  readonly operations = {
    PutFunctionEventInvokeConfig: (input: PutFunctionEventInvokeConfigCommandInput) => {
      const { name } = this.#functions.find(input.FunctionName, input.Qualifier);
      return this.#describe(this.put({ functionName: name, ...settings(input) }));
    },

    UpdateFunctionEventInvokeConfig: (input: UpdateFunctionEventInvokeConfigCommandInput) => {
      const { name } = this.#functions.find(input.FunctionName, input.Qualifier);
      const existing = this.#get(name);
      const given = Object.entries(settings(input)).filter(([, value]) => value !== undefined);
      return this.#describe(this.put({ ...existing, ...Object.fromEntries(given) }));
    },

    GetFunctionEventInvokeConfig: (input: GetFunctionEventInvokeConfigCommandInput) =>
      this.#describe(this.#get(this.#functions.find(input.FunctionName, input.Qualifier).name)),

    DeleteFunctionEventInvokeConfig: (input: DeleteFunctionEventInvokeConfigCommandInput) => {
      this.delete(this.#functions.find(input.FunctionName, input.Qualifier).name);
      return {};
    },
  };

  #get(functionName: string): EventInvokeConfig {
    const config = this.#store.eventInvokeConfigs.get(functionName);
    if (!config) throw this.#missing(functionName);
    return config;
  }

  #missing(functionName: string): Error {
    return resourceNotFound(
      `The function ${this.#functions.arn(functionName)}:${VERSION} doesn't have an EventInvokeConfig`,
    );
  }

  #describe(config: EventInvokeConfig): FunctionEventInvokeConfig {
    const { maximumRetryAttempts, maximumEventAgeSeconds, onSuccess, onFailure } = config;
    return {
      LastModified: new Date(config.lastModified),
      FunctionArn: `${this.#functions.arn(config.functionName)}:${VERSION}`,
      ...(maximumRetryAttempts !== undefined && { MaximumRetryAttempts: maximumRetryAttempts }),
      ...(maximumEventAgeSeconds !== undefined && { MaximumEventAgeInSeconds: maximumEventAgeSeconds }),
      DestinationConfig: {
        OnSuccess: { ...(onSuccess !== undefined && { Destination: onSuccess }) },
        OnFailure: { ...(onFailure !== undefined && { Destination: onFailure }) },
      },
    };
  }
}

function settings(
  input: PutFunctionEventInvokeConfigCommandInput,
): Omit<EventInvokeConfig, "functionName" | "lastModified"> {
  return {
    maximumRetryAttempts: input.MaximumRetryAttempts,
    maximumEventAgeSeconds: input.MaximumEventAgeInSeconds,
    onSuccess: input.DestinationConfig?.OnSuccess?.Destination,
    onFailure: input.DestinationConfig?.OnFailure?.Destination,
  };
}
