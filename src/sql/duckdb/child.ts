import { serveDuckDb } from "./serve.ts";

await serveDuckDb();
