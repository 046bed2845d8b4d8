/** Runs the detector over a log that never leaves this browser. One file a message, told how far it is on the way. */
import { createLogDetection, HEAD_BYTES, type LogVerdict, type Sensitivity } from "@flowplane/detection";

export interface DetectRequest {
  readonly file: Blob;
  readonly sensitivity: Sensitivity;
}
export type DetectAnswer =
  | { readonly kind: "progress"; readonly bytes: number }
  | {
      readonly kind: "verdict";
      readonly verdict: LogVerdict;
      /** Whether all of it was read: the first confirmed decision is the answer. */
      readonly bytes: number;
      /** The line the decision fell on and a few before it, as text. */
      readonly lines: readonly { readonly line: number; readonly text: string }[];
    }
  | { readonly kind: "failed"; readonly reason: string };

const CHUNK_BYTES = 1024 * 1024;
const LINES_BEFORE = 6;
const LINES_AFTER = 2;
const LINE_CHARS_MAX = 500;

addEventListener("message", ({ data }: MessageEvent<DetectRequest>) => {
  detect(data).catch((error: unknown) => {
    answer({ kind: "failed", reason: error instanceof Error ? error.message : String(error) });
  });
});

async function detect({ file, sensitivity }: DetectRequest): Promise<void> {
  const head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  const detection = createLogDetection(head, { sensitivity });
  let read = 0;
  for (; read < file.size; read += CHUNK_BYTES) {
    const chunk = new Uint8Array(await file.slice(read, read + CHUNK_BYTES).arrayBuffer());
    const goesOn = detection.push(chunk);
    answer({ kind: "progress", bytes: Math.min(file.size, read + CHUNK_BYTES) });
    if (!goesOn) break;
  }
  const verdict = detection.finish();
  const lines = verdict.atLine === null ? [] : await linesAround(file, verdict.atLine);
  answer({ kind: "verdict", verdict, bytes: Math.min(file.size, read + CHUNK_BYTES), lines });
}

/** The text around a line, found by reading once more: the detector keeps none of it. */
async function linesAround(file: Blob, line: number): Promise<{ line: number; text: string }[]> {
  const found: { line: number; text: string }[] = [];
  let at = 1;
  let rest = "";
  const reader = file.stream().pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    const parts = (rest + (value ?? "")).split("\n");
    rest = done ? "" : (parts.pop() ?? "");
    for (const text of parts) {
      if (at >= line - LINES_BEFORE && at <= line + LINES_AFTER && (text !== "" || !done))
        found.push({ line: at, text: text.slice(0, LINE_CHARS_MAX) });
      at += 1;
    }
    if (done || at > line + LINES_AFTER) break;
  }
  await reader.cancel();
  return found;
}

function answer(message: DetectAnswer): void {
  postMessage(message);
}
