import type * as Sqs from "@aws-sdk/client-sqs";
import type { Environment } from "../../service.ts";
import { AwsError } from "../../service.ts";
import type { ServiceDeps } from "../../service.ts";
import { changeAttributes, DEFAULT_ATTRIBUTES, parseRedriveAllowPolicy, parseRedrivePolicy } from "./attributes.ts";
import type { QueueAttributes } from "./attributes.ts";
import { invalidParameterValue, invalidValue, missingParameter, queueDoesNotExist, unsupported } from "./errors.ts";
import type { MessageStore } from "./messages.ts";
import type { MoveTask, MoveTasks } from "./move-tasks.ts";
import type { Queue, QueueStore } from "./store.ts";

/** A name cannot be used again, nor a queue purged again, for this long, in milliseconds. */
const MINUTE = 60_000;

const COMPUTED = [
  "ApproximateNumberOfMessages",
  "ApproximateNumberOfMessagesNotVisible",
  "ApproximateNumberOfMessagesDelayed",
  "CreatedTimestamp",
  "LastModifiedTimestamp",
  "QueueArn",
];
const SETTABLE = [...Object.keys(DEFAULT_ATTRIBUTES), "Policy", "RedrivePolicy", "RedriveAllowPolicy"];

/** The URL of a queue: always this runtime's own origin, for a client follows it. */
export function queueUrl(environment: Environment, name: string): string {
  return `${environment.endpoint()}/${environment.account}/${name}`;
}

/**
 * The queue that a URL means. Only the path counts, so URLs that were handed out stay valid when the runtime comes
 * back on another port.
 */
function queueOfUrl(queues: QueueStore, environment: Environment, url: string | undefined): Queue {
  if (!url) throw missingParameter("QueueUrl");
  const [, account, name] = /^(?:https?:\/\/[^/]+)?\/(\d{12})\/([^/?#]+)$/.exec(url) ?? [];
  if (!name) throw new AwsError("InvalidAddress", `The address ${url} is not valid for this endpoint.`);
  const queue = account === environment.account ? queues.get(name) : undefined;
  if (!queue) throw queueDoesNotExist();
  return queue;
}

/** Everything about queues but their messages. */
export function createQueueOperations(
  deps: ServiceDeps,
  queues: QueueStore,
  messages: MessageStore,
  moveTasks: MoveTasks,
  changed: (queueName: string) => void,
) {
  const { clock, environment } = deps;
  const find = (url: string | undefined) => queueOfUrl(queues, environment, url);

  const checkRedrive = (arn: string, attributes: QueueAttributes) => {
    const redrive = parseRedrivePolicy(attributes["RedrivePolicy"]);
    if (!redrive) return;
    const target = queues.byArn(redrive.deadLetterTargetArn);
    const refuse = (reason: string) => invalidValue("RedrivePolicy", attributes["RedrivePolicy"], reason);
    if (!target) throw refuse("Dead letter target does not exist.");
    const allow = parseRedriveAllowPolicy(target.attributes["RedriveAllowPolicy"]);
    const allowed =
      allow.redrivePermission === "allowAll" ||
      (allow.redrivePermission === "byQueue" && (allow.sourceQueueArns ?? []).includes(arn));
    if (!allowed) throw refuse("Queue does not have permission to use the dead letter target.");
  };

  const setAttributes = (queue: Queue, changes: Partial<Record<string, string>>): Queue => {
    const attributes = changeAttributes(queue.attributes, changes);
    if (changes["RedrivePolicy"]) checkRedrive(queue.arn, attributes);
    const next = queues.change(queue, { attributes, modifiedAt: clock.now() });
    changed(queue.name);
    return next;
  };

  const createQueue = (
    name: string | undefined,
    given: Partial<Record<string, string>>,
    tags: Record<string, string>,
  ): Queue => {
    if (!name) throw missingParameter("QueueName");
    if (name.endsWith(".fifo")) throw unsupported(`The FIFO queue ${name}`, "only standard queues run locally.");
    if (!/^[\w-]{1,80}$/.test(name)) {
      throw invalidParameterValue(
        "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
      );
    }
    const existing = queues.get(name);
    if (existing) {
      const differing = Object.entries(given).find(([key, value]) => existing.attributes[key] !== value);
      if (!differing) return existing;
      throw new AwsError(
        "QueueNameExists",
        `A queue already exists with the same name and a different value for attribute ${differing[0]}`,
      );
    }
    const deletedAt = queues.deletedAt(name);
    if (deletedAt !== undefined && clock.now() - deletedAt < MINUTE) {
      throw new AwsError(
        "QueueDeletedRecently",
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
      );
    }
    const attributes = changeAttributes(DEFAULT_ATTRIBUTES, given);
    const arn = `arn:${environment.partition}:sqs:${environment.region}:${environment.account}:${name}`;
    checkRedrive(arn, attributes);
    return queues.create(name, attributes, tags, clock.now());
  };

  const deleteQueue = (queue: Queue) => {
    queues.delete(queue, clock.now());
    changed(queue.name);
  };

  const operations = {
    CreateQueue: (input: Sqs.CreateQueueCommandInput) => {
      const queue = createQueue(input.QueueName, input.Attributes ?? {}, input.tags ?? {});
      return { QueueUrl: queueUrl(environment, queue.name) };
    },

    DeleteQueue: (input: Sqs.DeleteQueueCommandInput) => {
      deleteQueue(find(input.QueueUrl));
      return {};
    },

    GetQueueUrl: (input: Sqs.GetQueueUrlCommandInput) => {
      const owned = (input.QueueOwnerAWSAccountId ?? environment.account) === environment.account;
      const queue = owned ? queues.get(input.QueueName ?? "") : undefined;
      if (!queue) throw queueDoesNotExist();
      return { QueueUrl: queueUrl(environment, queue.name) };
    },

    ListQueues: (input: Sqs.ListQueuesCommandInput) => {
      const prefix = input.QueueNamePrefix ?? "";
      const names = queues
        .list()
        .map((queue) => queue.name)
        .filter((name) => name.startsWith(prefix));
      const { items, NextToken } = page(names, input.MaxResults, input.NextToken);
      return { QueueUrls: items.map((name) => queueUrl(environment, name)), NextToken };
    },

    GetQueueAttributes: (input: Sqs.GetQueueAttributesCommandInput) => {
      const queue = find(input.QueueUrl);
      const asked = input.AttributeNames ?? [];
      const known = [...SETTABLE, ...COMPUTED];
      const unknown = asked.find((name) => name !== "All" && !known.includes(name));
      if (unknown) throw new AwsError("InvalidAttributeName", `Unknown Attribute ${unknown}.`);
      const counts = messages.counts(queue, clock.now());
      const all: Record<string, string> = {
        ...queue.attributes,
        ApproximateNumberOfMessages: String(counts.visible),
        ApproximateNumberOfMessagesNotVisible: String(counts.notVisible),
        ApproximateNumberOfMessagesDelayed: String(counts.delayed),
        CreatedTimestamp: String(Math.floor(queue.createdAt / 1_000)),
        LastModifiedTimestamp: String(Math.floor(queue.modifiedAt / 1_000)),
        QueueArn: queue.arn,
      };
      const wanted = asked.includes("All") ? all : pick(all, asked);
      return Object.keys(wanted).length > 0 ? { Attributes: wanted } : {};
    },

    SetQueueAttributes: (input: Sqs.SetQueueAttributesCommandInput) => {
      setAttributes(find(input.QueueUrl), input.Attributes ?? {});
      return {};
    },

    PurgeQueue: (input: Sqs.PurgeQueueCommandInput) => {
      const queue = find(input.QueueUrl);
      const now = clock.now();
      if (queue.purgedAt !== undefined && now - queue.purgedAt < MINUTE) {
        throw new AwsError(
          "PurgeQueueInProgress",
          `Only one PurgeQueue operation on ${queue.name} is allowed every 60 seconds.`,
        );
      }
      messages.purge(queue);
      queues.change(queue, { purgedAt: now });
      return {};
    },

    ListDeadLetterSourceQueues: (input: Sqs.ListDeadLetterSourceQueuesCommandInput) => {
      const names = queues.sourcesOf(find(input.QueueUrl)).map((queue) => queue.name);
      const { items, NextToken } = page(names, input.MaxResults, input.NextToken);
      return { queueUrls: items.map((name) => queueUrl(environment, name)), NextToken };
    },

    TagQueue: (input: Sqs.TagQueueCommandInput) => {
      const queue = find(input.QueueUrl);
      queues.change(queue, { tags: { ...queue.tags, ...input.Tags } });
      return {};
    },

    UntagQueue: (input: Sqs.UntagQueueCommandInput) => {
      const queue = find(input.QueueUrl);
      const kept = Object.entries(queue.tags).filter(([key]) => !input.TagKeys?.includes(key));
      queues.change(queue, { tags: Object.fromEntries(kept) });
      return {};
    },

    ListQueueTags: (input: Sqs.ListQueueTagsCommandInput) => {
      const { tags } = find(input.QueueUrl);
      return Object.keys(tags).length > 0 ? { Tags: { ...tags } } : {};
    },

    StartMessageMoveTask: (input: Sqs.StartMessageMoveTaskCommandInput) => {
      const source = byArn(input.SourceArn);
      const destination = input.DestinationArn ? byArn(input.DestinationArn) : undefined;
      return { TaskHandle: moveTasks.start(source, destination, input.MaxNumberOfMessagesPerSecond).handle };
    },

    ListMessageMoveTasks: (input: Sqs.ListMessageMoveTasksCommandInput) => {
      const max = input.MaxResults ?? 1;
      if (max < 1 || max > 10) {
        throw invalidValue("MaxResults", max, "Must be between 1 and 10.");
      }
      const tasks = moveTasks.list(byArn(input.SourceArn).arn);
      return { Results: tasks.slice(0, max).map((task) => describeTask(task)) };
    },

    CancelMessageMoveTask: (input: Sqs.CancelMessageMoveTaskCommandInput) => {
      if (!input.TaskHandle) throw missingParameter("TaskHandle");
      return { ApproximateNumberOfMessagesMoved: moveTasks.cancel(input.TaskHandle).moved };
    },
  };

  function byArn(arn: string | undefined): Queue {
    const queue = queues.byArn(arn ?? "");
    if (!queue) {
      throw new AwsError(
        "ResourceNotFoundException",
        "The resource that you specified for the SourceArn parameter doesn't exist.",
      );
    }
    return queue;
  }

  return { operations, find, createQueue, setAttributes, deleteQueue };
}

function describeTask(task: MoveTask): Sqs.ListMessageMoveTasksResultEntry {
  return {
    TaskHandle: task.status === "RUNNING" ? task.handle : undefined,
    Status: task.status,
    SourceArn: task.sourceArn,
    DestinationArn: task.destinationArn,
    MaxNumberOfMessagesPerSecond: task.rate,
    ApproximateNumberOfMessagesMoved: task.moved,
    ApproximateNumberOfMessagesToMove: task.toMove,
    FailureReason: task.failureReason,
    StartedTimestamp: task.startedAt,
  };
}

function pick(all: Record<string, string>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)));
}

/** A page of names. Without MaxResults all of them come, up to 1,000 and without a token, as SQS answers. */
function page(names: string[], max: number | undefined, token: string | undefined) {
  const after = token ? Buffer.from(token, "base64url").toString() : "";
  const rest = names.filter((name) => name > after);
  const items = rest.slice(0, max ?? 1_000);
  const last = items.at(-1);
  const more = max !== undefined && rest.length > items.length && last;
  return { items, NextToken: more ? Buffer.from(last).toString("base64url") : undefined };
}
