import type { Line } from "../../../chart/Plot.tsx";
import { bytes, number } from "../../../lib/units.ts";
import { extremes, type CurveName, type Curves } from "./curves.ts";

interface CurveLook {
  readonly word: string;
  readonly lines: (curves: Curves) => readonly Line[];
  /** A value on the axis, with its unit. */
  readonly amount: (value: number) => string;
  readonly ofBytes?: boolean;
  /** What stood at one point, in words. */
  readonly value: (curves: Curves, index: number) => string;
  /** The curve in one sentence, for those who do not see it. */
  readonly summary: (curves: Curves) => string;
}

const UNKNOWN = "–";
/** Below this share of its limit a curve would be a flat line at the bottom: then the limit stands in words alone. */
const NEAR_SHARE = 0.1;
const percent = (cores: number) => `${number(Math.round(cores * 100))} %`;
const rate = (value: number) => `${bytes(value)}/s`;
const known = (value: number | null | undefined, words: (value: number) => string) =>
  value === null || value === undefined ? UNKNOWN : words(value);

function summaryOf(word: string, values: Curves["cpu"], words: (value: number) => string): string {
  const { last, most } = extremes(values);
  return most === null
    ? `${word}: not measured`
    : `${word}: ${known(last, words)} at the end, ${words(most)} at most`;
}

function isNear(values: Curves["memory"], limits: Curves["memoryLimit"]): boolean {
  const [used, limit] = [extremes(values).most, extremes(limits).last];
  return used !== null && limit !== null && used >= limit * NEAR_SHARE;
}

export const CURVE_LOOK: Readonly<Record<CurveName, CurveLook>> = {
  cpu: {
    word: "CPU",
    lines: ({ cpu }) => [{ values: cpu, token: "accent", filled: true }],
    amount: percent,
    value: ({ cpu }, index) => known(cpu[index], percent),
    summary: ({ cpu }) => summaryOf("CPU", cpu, percent),
  },
  memory: {
    word: "Memory",
    lines: ({ memory, memoryLimit }) => [
      { values: memory, token: "busy", filled: true },
      ...(isNear(memory, memoryLimit) ? [{ values: memoryLimit, token: "bad", dashed: true } as const] : []),
    ],
    amount: bytes,
    ofBytes: true,
    value: ({ memory, memoryLimit }, index) =>
      `${known(memory[index], bytes)}${memoryLimit[index] === null || memoryLimit[index] === undefined ? "" : ` of ${bytes(memoryLimit[index])}`}`,
    summary: ({ memory }) => summaryOf("Memory", memory, bytes),
  },
  output: {
    word: "Output",
    lines: ({ output }) => [{ values: output, token: "ok", filled: true }],
    amount: rate,
    ofBytes: true,
    value: ({ output }, index) => known(output[index], rate),
    summary: ({ output }) => summaryOf("Output", output, rate),
  },
  io: {
    word: "Disk",
    lines: ({ read, write }) => [
      { values: read, token: "busy" },
      { values: write, token: "attention", dashed: true },
    ],
    amount: rate,
    ofBytes: true,
    value: ({ read, write }, index) => `${known(read[index], rate)} r, ${known(write[index], rate)} w`,
    summary: ({ read, write }) => `${summaryOf("Read", read, rate)}. ${summaryOf("Written", write, rate)}`,
  },
  processes: {
    word: "Processes",
    lines: ({ processes }) => [{ values: processes, token: "n8", filled: true }],
    amount: (value) => (Number.isInteger(value) ? number(value) : ""),
    value: ({ processes }, index) => known(processes[index], number),
    summary: ({ processes }) => summaryOf("Processes", processes, number),
  },
};
