import type { SampleEvent } from "../src/index.ts";
import { seeded, type Random } from "./random.ts";

/** A run whose memory, disk or number of processes stands still for long and then does not. */
export interface GrowthRun {
  readonly name: string;
  readonly isSick: boolean;
  readonly flatMs: number;
  readonly onsetAt: number;
  readonly samples: readonly SampleEvent[];
}

export const FLAT_HOURS: readonly number[] = [0.25, 1, 4, 12];
export const VARIANTS = 20;
const HOUR_MS = 3_600_000;
const SAMPLE_MS = 5_000;
const MB = 1_048_576;

type Kind = "memory" | "disk" | "children";

/** How much more than at the onset there is so many seconds after it, as a share of the room that is left. */
type Course = (seconds: number) => number;

interface Shape {
  readonly name: string;
  readonly isSick: boolean;
  /** Reads the seconds the stretch lasts, and whether a limit is known. */
  make(random: Random): {
    readonly course: Course;
    readonly seconds: number;
    readonly limited: boolean;
    readonly kind?: Kind;
  };
}

const minutes = (random: Random, min: number, max: number) => random.whole(min * 60, max * 60);
const saw = (seconds: number, period: number) => (seconds % period) / period;

const SHAPES: readonly Shape[] = [
  {
    name: "leak to its limit",
    isSick: true,
    make(random) {
      const seconds = minutes(random, 12, 180);
      return { course: (s) => s / seconds, seconds, limited: true };
    },
  },
  {
    name: "leak under a garbage collector",
    isSick: true,
    make(random) {
      const seconds = minutes(random, 20, 180);
      const [period, height] = [random.whole(20, 120), random.whole(5, 30) / 100];
      return {
        course: (s) => (s / seconds) * (1 - height) + saw(s, period) * height,
        seconds,
        limited: true,
      };
    },
  },
  {
    name: "leak in steps",
    isSick: true,
    make(random) {
      const steps = random.whole(12, 40);
      const seconds = minutes(random, 30, 240);
      return { course: (s) => Math.floor((s * steps) / seconds) / steps, seconds, limited: true };
    },
  },
  {
    name: "leak that gathers pace",
    isSick: true,
    make(random) {
      const seconds = minutes(random, 20, 120);
      return { course: (s) => (Math.exp((3 * s) / seconds) - 1) / (Math.exp(3) - 1), seconds, limited: true };
    },
  },
  {
    name: "leak without a limit",
    isSick: true,
    make(random) {
      const doubles = minutes(random, 10, 60);
      return { course: (s) => s / doubles / 3, seconds: 4 * doubles, limited: false };
    },
  },
  {
    name: "disk that fills up",
    isSick: true,
    make(random) {
      const seconds = minutes(random, 15, 180);
      return { course: (s) => s / seconds, seconds, limited: true, kind: "disk" };
    },
  },
  {
    name: "processes that pile up",
    isSick: true,
    make(random) {
      const seconds = minutes(random, 15, 120);
      return { course: (s) => s / seconds, seconds, limited: true, kind: "children" };
    },
  },
  {
    name: "goes on as before",
    isSick: false,
    make: (random) => ({ course: () => 0, seconds: minutes(random, 60, 240), limited: true }),
  },
  {
    name: "saw of a collector, from then on",
    isSick: false,
    make(random) {
      const period = random.whole(20, 240);
      const height = random.whole(10, 60) / 100;
      return { course: (s) => saw(s, period) * height, seconds: minutes(random, 60, 240), limited: true };
    },
  },
  {
    name: "cache that fills and levels off",
    isSick: false,
    make(random) {
      const fills = minutes(random, 2, 60);
      const share = random.whole(10, 80) / 100;
      return {
        course: (s) => share * (1 - Math.exp(-s / fills)),
        seconds: 6 * fills,
        limited: random.next() < 0.7,
      };
    },
  },
  {
    name: "table that is loaded, then used",
    isSick: false,
    make(random) {
      const loads = minutes(random, 1, 45);
      const share = random.whole(10, 55) / 100;
      return { course: (s) => share * Math.min(1, s / loads), seconds: loads + 7_200, limited: true };
    },
  },
  {
    name: "phases of a batch",
    isSick: false,
    make(random) {
      const period = minutes(random, 5, 60);
      const share = random.whole(10, 60) / 100;
      return {
        course: (s) => ((s % period) * 2 < period ? share * Math.min(1, (2 * (s % period)) / period) : 0),
        seconds: 6 * period,
        limited: true,
      };
    },
  },
  {
    name: "staircase that levels off",
    isSick: false,
    make(random) {
      const steps = random.whole(2, 6);
      const every = minutes(random, 2, 20);
      const share = random.whole(10, 60) / 100;
      return {
        course: (s) => (share * Math.min(steps, Math.floor(s / every))) / steps,
        seconds: steps * every + 7_200,
        limited: random.next() < 0.5,
      };
    },
  },
  {
    name: "one step up",
    isSick: false,
    make(random) {
      const share = random.whole(10, 90) / 100;
      return { course: () => share, seconds: minutes(random, 60, 180), limited: random.next() < 0.5 };
    },
  },
  {
    name: "rises and falls with the day",
    isSick: false,
    make(random) {
      const share = random.whole(10, 40) / 100;
      const period = minutes(random, 120, 720);
      return {
        course: (s) => share * (0.5 - 0.5 * Math.cos((2 * Math.PI * s) / period)),
        seconds: 2 * period,
        limited: true,
      };
    },
  },
];

export const GROWTH_SHAPES: readonly { readonly name: string; readonly isSick: boolean }[] = SHAPES;

/** Every shape after every time of standing still, in variants drawn by lot. */
export function* growthRuns(): Generator<GrowthRun> {
  for (const [number, shape] of SHAPES.entries())
    for (const [turn, hours] of FLAT_HOURS.entries())
      for (let variant = 0; variant < VARIANTS; variant += 1)
        yield growthRun(shape, hours * HOUR_MS, seeded(number * 10_007 + turn * 1_009 + variant * 31 + 5));
}

function growthRun(shape: Shape, flatMs: number, random: Random): GrowthRun {
  const { course, seconds, limited, kind = "memory" } = shape.make(random);
  const base = kind === "children" ? random.whole(4, 40) : random.whole(100, 4_000);
  // Without a limit the room is three times what there is.
  const room = limited ? base * (random.whole(5, 60) / 10) : base * 3;
  const noise = random.whole(0, 20) / 1000;
  const until = flatMs + seconds * 1000;
  const samples: SampleEvent[] = [];
  for (let at = 0; at <= until; at += SAMPLE_MS) {
    const grown = at < flatMs ? 0 : course((at - flatMs) / 1000) * room;
    // Until it is warm there is less of it.
    const warm = Math.min(1, 0.6 + at / 150_000);
    const value = (base + grown) * warm * (1 + (random.next() - 0.5) * noise);
    samples.push(sampleOf(kind, at, value, limited ? base + room : null));
  }
  return { name: shape.name, isSick: shape.isSick, flatMs, onsetAt: flatMs, samples };
}

function sampleOf(kind: Kind, at: number, value: number, limit: number | null): SampleEvent {
  const base = { kind: "sample" as const, at, cpuMs: at / 2, ioBytes: at * 100 };
  const bytes = Math.round(value * MB);
  const most = limit === null ? null : Math.round(limit * MB);
  switch (kind) {
    case "memory":
      return { ...base, rssBytes: bytes, ...(most === null ? {} : { rssLimitBytes: most }) };
    case "disk":
      return { ...base, diskBytes: bytes, ...(most === null ? {} : { diskLimitBytes: most }) };
    case "children":
      return { ...base, children: Math.round(value), childrenLimit: Math.round(limit ?? value * 10) };
  }
}
