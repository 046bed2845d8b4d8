import { Worker } from "node:worker_threads";
import type { Policy, ReplayReport } from "@flowplane/detection";
import { EvidenceProblem } from "@flowplane/detection";
import { REPLAY_HEAP_MB_MAX } from "./limits.ts";
import type { FromReplay, ToReplay } from "./replay-messages.ts";
import type { StoredSegment } from "./source.ts";

/** What a replay reads: asked for as needed, so that one chunk and one segment are held. */
export interface ReplaySource {
  readonly chunks: AsyncIterator<Uint8Array>;
  readonly segments: AsyncIterator<StoredSegment>;
}

/** A thread that replays, so that the one that serves requests stays free. One replay at a time. */
export interface ReplayThread {
  /** Rejects when the thread dies: evidence may be made to exhaust it. Then it is no longer of use. */
  replay(source: ReplaySource, policy: Policy | undefined): Promise<ReplayReport>;
  close(): Promise<void>;
}

export function startReplayThread(): ReplayThread {
  const worker = new Worker(new URL("./replay-worker.ts", import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: REPLAY_HEAP_MB_MAX },
  });
  const death = Promise.withResolvers<never>();
  death.promise.catch(() => undefined);
  worker.on("error", (error) => death.reject(new Error("the thread that replays failed", { cause: error })));
  worker.on("exit", (code) => death.reject(new Error(`the thread that replays ended with ${code}`)));
  return {
    async replay(source, policy) {
      const answer = Promise.withResolvers<ReplayReport>();
      const listen = (message: FromReplay) => {
        switch (message.kind) {
          case "chunk":
          case "segment":
            void feed(worker, source, message.kind).catch((error: unknown) => answer.reject(error as Error));
            break;
          case "report":
            answer.resolve(message.report);
            break;
        }
      };
      worker.on("message", listen);
      try {
        worker.postMessage({ kind: "start", policy } satisfies ToReplay);
        return await Promise.race([answer.promise, death.promise]);
      } finally {
        worker.off("message", listen);
        await Promise.allSettled([source.chunks.return?.(), source.segments.return?.()]);
      }
    },
    async close() {
      await worker.terminate();
    },
  };
}

/** What is wrong with stored evidence goes on to the replay, which tells it with what it has found so far. */
async function feed(worker: Worker, source: ReplaySource, kind: "chunk" | "segment"): Promise<void> {
  let message: ToReplay;
  let moved: ArrayBuffer[] = [];
  try {
    if (kind === "chunk") {
      const next = await source.chunks.next();
      message = next.done === true ? { kind: "end" } : { kind: "chunk", bytes: next.value };
      if (next.done !== true) moved = wholeBuffer(next.value);
    } else {
      const next = await source.segments.next();
      if (next.done === true) message = { kind: "end" };
      else {
        const { segment, encoding, isShared } = next.value;
        message = { kind: "segment", segment, encoding };
        if (!isShared) moved = wholeBuffer(encoding);
      }
    }
  } catch (error) {
    if (!(error instanceof EvidenceProblem)) throw error;
    message = { kind: "problem", what: error.message };
  }
  worker.postMessage(message, moved);
}

/** Memory that nobody else looks at changes hands: copying megabytes holds up all that waits for this thread. */
function wholeBuffer({ buffer, byteLength }: Uint8Array): ArrayBuffer[] {
  return buffer instanceof ArrayBuffer && byteLength === buffer.byteLength ? [buffer] : [];
}
