import { execFile } from "node:child_process";
import { parseArgs, promisify } from "node:util";
import { flowplaneOperator } from "./flowplane.ts";
import { lineOf, markdownOf, summaryOf } from "./report.ts";
import { judge, type Outcome } from "./row.ts";
import { rowsToJudge } from "./rows.ts";
import { Target } from "./target.ts";

// Judges an OpAMP server from outside, row by row.

const USAGE = `pnpm conformance -- --url ws://HOST:PORT/v1/opamp [options]

  --url URL              the server's OpAMP endpoint, ws:// or wss://
  --http URL             the same for plain HTTP, where it is another
  --token TOKEN          what agents show, as Authorization: Bearer TOKEN
  --message-limit BYTES  what the server's limit of one message is set to
  --flowplane-url URL    of a Flowplane server: its dashboard, for rows that need an operator
  --key KEY              an owner's or admin's key there
  --restart-command CMD  restarts the server, and returns when it serves again
  --flood                judge overload too; never on a server that is in use
  --timeout SECONDS      for an answer; default 10
  --only ROWS            such as 1,2,46
  --json | --markdown    instead of lines
`;

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== "--"),
  options: {
    url: { type: "string" },
    http: { type: "string" },
    token: { type: "string" },
    "message-limit": { type: "string" },
    "flowplane-url": { type: "string" },
    key: { type: "string" },
    "restart-command": { type: "string" },
    flood: { type: "boolean", default: false },
    timeout: { type: "string", default: "10" },
    only: { type: "string" },
    json: { type: "boolean", default: false },
    markdown: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (values.help || values.url === undefined) {
  process.stdout.write(USAGE);
  process.exit(values.help ? 0 : 2);
}

const { url, http, token, key, json, markdown, flood } = values;
const flowplaneUrl = values["flowplane-url"];
const restartCommand = values["restart-command"];
const operator =
  flowplaneUrl === undefined || key === undefined ? undefined : await flowplaneOperator(flowplaneUrl, key);
const limit = values["message-limit"];

const target = new Target({
  url,
  ...(http === undefined ? {} : { http }),
  authorization: token === undefined ? await operator?.newToken() : `Bearer ${token}`,
  messageBytesMax: limit === undefined ? undefined : Number(limit),
  operator,
  restartServer:
    restartCommand === undefined
      ? undefined
      : async () => void (await promisify(execFile)("sh", ["-c", restartCommand])),
  mayFlood: flood,
  limitMs: Number(values.timeout) * 1_000,
});

const only = values.only?.split(",").map(Number);
const outcomes: Outcome[] = [];
for (const row of rowsToJudge) {
  if (only !== undefined && !only.includes(row.row)) continue;
  const outcome = await judge(row, target);
  outcomes.push(outcome);
  if (!json && !markdown) process.stdout.write(`${lineOf(outcome)}\n`);
}
outcomes.sort((a, b) => a.row - b.row);
if (json) process.stdout.write(`${JSON.stringify(outcomes, null, 2)}\n`);
else if (markdown) process.stdout.write(`${markdownOf(outcomes)}\n`);
else process.stdout.write(`\n${summaryOf(outcomes)}\n`);
process.exit(outcomes.some(({ result }) => result === "fail") ? 1 : 0);
