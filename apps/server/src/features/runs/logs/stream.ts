import type { FastifyReply, FastifyRequest } from "fastify";
import type { Ctx } from "../../../platform/context.ts";
import { openEventStream, type EventStream } from "../../../platform/http/sse.ts";
import { followLog } from "./follow.ts";
import { lineOf } from "./lines.ts";
import { readRunLog, type RunLog } from "./read.ts";

/** Serves a run's log as server-sent events; the id of each event is the number of its last line. */
export async function streamLog(
  ctx: Ctx,
  request: { runId: string; fromSeq: number | undefined },
  raw: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const run = await readRunLog(ctx, request.runId);
  const stream = openEventStream(ctx, raw, reply);
  try {
    await sendLog(ctx, run, stream, resumeFrom(stream.lastEventId) ?? request.fromSeq ?? 1);
  } catch (error) {
    // The answer has begun, so the client cannot be told; it comes back and resumes where it was.
    ctx.log.error({ err: error, run_id: run.id }, "a live log broke off");
  } finally {
    stream.end();
  }
  return reply;
}

async function sendLog(ctx: Ctx, run: RunLog, stream: EventStream, fromSeq: number): Promise<void> {
  for await (const followed of followLog(ctx, run, fromSeq, stream.signal)) {
    switch (followed.kind) {
      case "lines": {
        const items = followed.lines.map(lineOf);
        if (!stream.send({ event: "lines", id: String(items.at(-1)?.seq), data: { items } })) return;
        // The next lines are not even fetched before these have gone out.
        await stream.drained();
        break;
      }
      case "end":
        stream.send({ event: "end", data: { state: followed.state, exit_code: followed.exit_code } });
        return;
    }
  }
}

function resumeFrom(lastEventId: string | undefined): number | undefined {
  const seq = Number(lastEventId);
  return lastEventId !== undefined && Number.isSafeInteger(seq) && seq >= 0 ? seq + 1 : undefined;
}
