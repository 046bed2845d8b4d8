// An agent in a process of its own, to be killed by tests: node agent-process.ts DATA_DIR [QUOTA_BYTES]

import { listenForShutdown } from "@flowplane/runtime";
import { pino } from "pino";
import { runAgent } from "../src/index.ts";

const [dataDir = "", quotaBytes] = process.argv.slice(2);
using shutdown = listenForShutdown({ graceMs: 5000 });
const quota = quotaBytes === undefined ? {} : { runBytesMax: Number(quotaBytes) };
const log = pino({ level: process.env["AGENT_TEST_LOG"] ?? "silent" }, pino.destination(2));
await runAgent({ dataDir, log, quota }, shutdown.graceful);
