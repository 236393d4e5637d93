import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { CreateQueueCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { JobEngine } from "../src/local/job-engine.ts";
import { startRuntime } from "../src/local/runtime.ts";
import { alternate, ratioFigures, timed } from "./support/measure.ts";
import type { Figure, Question } from "./support/question.ts";
import { type RawRequest, send, signed } from "./support/raw-requests.ts";

const BODY = Buffer.alloc(1024, "x");
const BUCKET = "bench-wire";

export const question: Question = {
  asks: "What does a request to the runtime cost, next to one that a bare node:http server answers?",
  async ask({ small, rounds = 5 }) {
    const requests = small ? 200 : 2000;
    const directory = await mkdtemp(path.join(tmpdir(), "millrace-bench-wire-"));
    const engine: JobEngine = { run: () => Promise.reject(new Error("no job runs here")) };
    const runtime = await startRuntime({ stateDirectory: directory, port: 0, engine });
    const bare = await startBareServer();
    const agent = new Agent({ keepAlive: true });
    const figures: Figure[] = [];
    try {
      for (const { name, service, one } of await requestsTo(runtime)) {
        const ours = await signed(service, runtime, one);
        const url = new URL(ours.url.pathname, bare.endpoint);
        const peers: RawRequest = { ...ours, url, headers: { ...ours.headers, host: url.host } };
        const each = async (request: RawRequest) => {
          const ms = await timed(async () => {
            for (let number = 0; number < requests; number++) await send(agent, request);
          });
          return (ms / requests) * 1000;
        };
        const sides = await alternate(
          rounds,
          () => each(ours),
          () => each(peers),
        );
        figures.push(...ratioFigures(name, "µs", "bare node:http", sides));
      }
    } finally {
      agent.destroy();
      bare.server.close();
      await runtime.stop();
      await rm(directory, { recursive: true, force: true });
    }
    return figures;
  },
};

interface Measured {
  readonly name: string;
  readonly service: string;
  readonly one: RawRequest;
}

/** The requests, each as its SDK client would send it, but for what clients add about themselves. */
async function requestsTo(runtime: Awaited<ReturnType<typeof startRuntime>>): Promise<Measured[]> {
  const s3 = new S3Client({ ...runtime, forcePathStyle: true });
  const sqs = new SQSClient(runtime);
  try {
    await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "bench-wire" }));
    const object = new URL(`/${BUCKET}/object`, runtime.endpoint);
    const message = Buffer.from(JSON.stringify({ QueueUrl, MessageBody: BODY.toString() }));
    const toQueue = { "content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.SendMessage" };
    return [
      { name: "PutObject, 1 KiB", service: "s3", one: { method: "PUT", url: object, headers: {}, body: BODY } },
      { name: "GetObject, 1 KiB", service: "s3", one: { method: "GET", url: object, headers: {} } },
      {
        name: "SendMessage, 1 KiB",
        service: "sqs",
        one: { method: "POST", url: new URL("/", runtime.endpoint), headers: toQueue, body: message },
      },
    ];
  } finally {
    s3.destroy();
    sqs.destroy();
  }
}

/** Reads what it is sent and answers 1 KiB; keeps nothing. */
async function startBareServer(): Promise<{ server: Server; endpoint: string }> {
  const server = createServer((request, response) => {
    request.resume().once("end", () => response.writeHead(200, { "content-length": BODY.length }).end(BODY));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { server, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
