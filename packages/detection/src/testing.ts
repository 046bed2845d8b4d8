import { createDetector } from "./detector.ts";
import type { DetectorConfig } from "./config.ts";
import type { Decision, DetectionEvent, LineEvent } from "./events.ts";

const encoder = new TextEncoder();

export function line(at: number, text: string, stream: LineEvent["stream"] = "stdout"): LineEvent {
  return { kind: "line", at, stream, bytes: encoder.encode(text) };
}

/** Lines at an even pace. */
export function lines(texts: readonly string[], everyMs = 1_000, from = 0): LineEvent[] {
  return texts.map((text, index) => line(from + index * everyMs, text));
}

/** A job at work: every line says something new. */
export function workLines(count: number): string[] {
  return Array.from(
    { length: count },
    (_, index) => `step ${index} of the plan: loss ${(2 - index / 1_000).toFixed(4)}`,
  );
}

export function repeat(texts: readonly string[], times: number): string[] {
  return Array.from({ length: times }, () => texts).flat();
}

export function decide(
  events: Iterable<DetectionEvent>,
  config: Partial<DetectorConfig> = {},
): readonly Decision[] {
  const detector = createDetector(config);
  let state = detector.start();
  const decisions: Decision[] = [];
  for (const event of events) {
    const step = detector.step(state, event);
    state = step.state;
    decisions.push(...step.decisions);
  }
  return decisions;
}

export function confirmed(
  events: Iterable<DetectionEvent>,
  config: Partial<DetectorConfig> = {},
): readonly Decision[] {
  return decide(events, config).filter((decision) => decision.kind === "confirmed");
}
