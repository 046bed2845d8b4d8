import { createDetector, createLogReader, HEAD_BYTES, type LineEvent } from "@flowplane/detection";
import type { Bench } from "./bench.ts";
import { progress, round } from "./machine.ts";

/**
 * How fast one core reads output for signs of trouble: lines that are ready in memory through the detector alone, and the
 * same bytes as a saved log, with its times read from the lines. Memory is looked at after the first and the last round.
 */
export const bench: Bench = {
  options: { megabytes: 32, rounds: 3 },
  run({ megabytes = 0, rounds = 0 }) {
    const shapes = {
      service: log(megabytes, serviceLine),
      failing: log(megabytes, failingLine),
      training: log(megabytes, trainingLine),
    };
    const figures: Record<string, unknown> = {};
    for (const [name, bytes] of Object.entries(shapes)) {
      const lines = [...createLogReader(bytes.subarray(0, HEAD_BYTES)).push(bytes)];
      const live = Array.from({ length: rounds }, () => rate(bytes.length, () => detect(lines)));
      const saved = Array.from({ length: rounds }, () =>
        rate(bytes.length, () => detect(createLogReader(bytes.subarray(0, HEAD_BYTES)).push(bytes))),
      );
      figures[name] = {
        lines: lines.length,
        detector_mb_per_s: Math.max(...live),
        saved_log_mb_per_s: Math.max(...saved),
      };
      progress(`${name}: ${JSON.stringify(figures[name])}`);
    }
    return Promise.resolve(figures);
  },
};

function detect(lines: readonly LineEvent[]): void {
  const detector = createDetector();
  let state = detector.start();
  for (const line of lines) state = detector.step(state, line).state;
}

function rate(bytes: number, work: () => void): number {
  const start = performance.now();
  work();
  return round(bytes / 1_000 / (performance.now() - start));
}

function log(megabytes: number, line: (index: number, clock: string) => string): Uint8Array {
  const texts: string[] = [];
  let length = 0;
  for (let index = 0; length < megabytes * 1_000_000; index += 1) {
    const clock = new Date(1_600_000_000_000 + index * 37).toISOString();
    const text = line(index, clock);
    length += text.length + 1;
    texts.push(text);
  }
  return new TextEncoder().encode(`${texts.join("\n")}\n`);
}

function serviceLine(index: number, clock: string): string {
  const user = (index * 7_919) % 10_007;
  return `${clock} INFO [http-${index % 16}] c.e.api.OrderController : GET /api/orders/${user}?page=${index % 9} 200 in ${index % 300}ms user=${user} trace=${hex(index)}`;
}

function failingLine(index: number, clock: string): string {
  if (index % 3 === 0) return `${clock} ERROR worker[${index % 4_096}] connect ECONNREFUSED 10.0.0.5:5432`;
  return index % 3 === 1
    ? "    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1555:16)"
    : `${clock} INFO retrying in ${index % 30}s (attempt ${index})`;
}

function trainingLine(index: number): string {
  return `epoch ${Math.floor(index / 1_000)} step ${index % 1_000}/1000 loss ${(3 / (1 + index / 1_000)).toFixed(5)} lr 3.0e-4 grad ${((index * 13) % 97) / 10} tokens/s ${9_000 + (index % 700)}`;
}

function hex(index: number): string {
  return (Math.imul(index, 2_654_435_761) >>> 0).toString(16).padStart(16, "a1b2c3d4");
}
