import { useEffect, useRef, useState } from "react";
import type { DetectAnswer, DetectRequest } from "./detect.worker.ts";

export type Detection =
  | { readonly kind: "idle" }
  | { readonly kind: "reading"; readonly name: string; readonly bytes: number; readonly of: number }
  | {
      readonly kind: "done";
      readonly name: string;
      readonly of: number;
      readonly answer: Extract<DetectAnswer, { kind: "verdict" }>;
    }
  | { readonly kind: "failed"; readonly reason: string };

/** A detector of its own in a worker, started when it is first asked and ended with the page. */
export function useDetection(): {
  detection: Detection;
  detect: (name: string, request: DetectRequest) => void;
} {
  const worker = useRef<Worker | undefined>(undefined);
  const [detection, setDetection] = useState<Detection>({ kind: "idle" });
  useEffect(() => () => worker.current?.terminate(), []);
  const detect = (name: string, request: DetectRequest) => {
    // Whatever is still being read is of no interest any more.
    worker.current?.terminate();
    const next = new Worker(new URL("./detect.worker.ts", import.meta.url), { type: "module" });
    worker.current = next;
    const of = request.file.size;
    setDetection({ kind: "reading", name, bytes: 0, of });
    next.addEventListener("message", ({ data }: MessageEvent<DetectAnswer>) => {
      if (data.kind === "progress") setDetection({ kind: "reading", name, bytes: data.bytes, of });
      else if (data.kind === "failed") setDetection({ kind: "failed", reason: data.reason });
      else setDetection({ kind: "done", name, of, answer: data });
    });
    next.addEventListener("error", (event) => setDetection({ kind: "failed", reason: event.message }));
    next.postMessage(request);
  };
  return { detection, detect };
}
