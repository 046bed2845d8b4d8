import { createHash } from "node:crypto";
import { parentPort } from "node:worker_threads";
import {
  EvidenceProblem,
  replay,
  type Policy,
  type ReplayReport,
  type ReplaySegment,
} from "@flowplane/detection";
import { decodeLines } from "@flowplane/link";
import type { FromReplay, ToReplay } from "./replay-messages.ts";

// Runs in a thread of its own. It holds no connection: what it needs it asks for, one piece at a time.

const port = parentPort;
if (port === null) throw new Error("this file is a thread's");

let asked = Promise.withResolvers<ToReplay>();
port.on("message", (message: ToReplay) => {
  if (message.kind === "start") void run(message.policy);
  else asked.resolve(message);
});

async function run(policy: Policy | undefined): Promise<void> {
  try {
    const report = await replay({
      chunks: chunks(),
      segments: segments(),
      sha256,
      ...(policy === undefined ? {} : { policy }),
    });
    send({ kind: "report", report });
  } catch (error) {
    // An agent wrote it, or somebody who could write into the store: no shape of it may end more than its own replay.
    send({ kind: "report", report: unreadable(error as Error) });
  }
}

function unreadable({ message }: Error): ReplayReport {
  const problem = `It cannot be repeated: ${message}`;
  return { equal: null, intact: false, problem, events: 0, decisions: [], sentence: problem };
}

async function* chunks(): AsyncGenerator<Uint8Array> {
  for (;;) {
    const next = await ask("chunk");
    if (next.kind !== "chunk") return;
    yield next.bytes;
  }
}

async function* segments(): AsyncGenerator<ReplaySegment> {
  for (;;) {
    const next = await ask("segment");
    if (next.kind !== "segment") return;
    const { segment, encoding } = next;
    const decoded = decodeLines(encoding);
    if (!decoded.ok) throw new EvidenceProblem(`Segment ${segment} of the log is damaged: ${decoded.issue}.`);
    yield { segment, sha256: sha256(encoding), lines: decoded.value };
  }
}

async function ask(kind: "chunk" | "segment"): Promise<ToReplay> {
  asked = Promise.withResolvers();
  send({ kind });
  const answer = await asked.promise;
  if (answer.kind === "problem") throw new EvidenceProblem(answer.what);
  return answer;
}

function send(message: FromReplay): void {
  port?.postMessage(message);
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
