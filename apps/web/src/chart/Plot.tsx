import { useEffect, useRef } from "react";
import UPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { TokenName } from "../theme/tokens.ts";
import { useThemeOnPage } from "../theme/onPage.ts";
import { timeWords } from "./timeWords.ts";

export interface Line {
  readonly values: readonly (number | null)[];
  readonly token: TokenName;
  readonly dashed?: boolean;
  readonly filled?: boolean;
}
interface PlotProps {
  readonly at: readonly number[];
  readonly lines: readonly Line[];
  /** Seconds since the epoch at both ends. */
  readonly range: readonly [number, number];
  readonly height: number;
  readonly label: string;
  readonly amount: (value: number) => string;
  /** Amounts of bytes are marked on the axis at powers of two, as they are said. */
  readonly ofBytes?: boolean;
  readonly showTimes: boolean;
  readonly onMoment: (ms: number) => void;
  readonly onZoom: (range: readonly [number, number]) => void;
  /** Which point is under the cursor, in any plot of the page. */
  readonly onPoint: (index: number | undefined) => void;
}

export const AXIS_PX = 60;
export const TIMES_PX = 22;
/** All plots of a page share one cursor. */
const CURSOR = UPlot.sync("run");
const CLICK_PX_MAX = 4;
/** About as wide as a time of day with seconds. */
const TIME_WORD_PX = 48;
/** 1 B to 1 PiB. */
const BYTE_STEPS = Array.from({ length: 51 }, (_, power) => 2 ** power);
const ZOOM_SECONDS_MIN = 1;

/** One small plot over time; all plots of a page have one cursor. */
export function Plot(props: PlotProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | undefined>(undefined);
  const latest = useRef(props);
  const theme = useThemeOnPage();
  const { lines, showTimes, height } = props;
  const shape = lines.map(({ token }) => token).join();
  useEffect(() => {
    latest.current = props;
  });
  useEffect(() => {
    const element = host.current;
    if (element === null) return undefined;
    const made = new UPlot(optionsOf(latest, element.clientWidth), dataOf(latest.current), element);
    plot.current = made;
    const stopClicks = listenForClicks(made, (ms) => latest.current.onMoment(ms));
    const observer = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: heightOf(latest.current) }),
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      stopClicks();
      made.destroy();
      plot.current = undefined;
    };
    // Colours are read when it is made, so another theme makes another one.
  }, [theme, shape, showTimes, height]);
  const [from, to] = props.range;
  useEffect(() => {
    plot.current?.batch(() => {
      plot.current?.setData(dataOf(latest.current), false);
      plot.current?.setScale("x", { min: from, max: to });
    });
  }, [props.at, props.lines, from, to]);
  return (
    <div
      ref={host}
      role="img"
      aria-label={props.label}
      // Its place is kept while it is made anew, else what stands below moves.
      style={{ height: heightOf(props) }}
      className="min-w-0 [&_.u-over]:cursor-crosshair"
    />
  );
}

function optionsOf(latest: { current: PlotProps }, width: number): UPlot.Options {
  const { lines, range, showTimes } = latest.current;
  const style = getComputedStyle(document.documentElement);
  const colour = (token: TokenName) => style.getPropertyValue(`--${token}`).trim();
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const grid = { stroke: colour("n4"), width: 1 };
  return {
    width,
    height: heightOf(latest.current),
    padding: [4, 0, 0, 0],
    legend: { show: false },
    cursor: {
      sync: { key: CURSOR.key },
      y: false,
      points: { size: 5 },
      drag: { x: true, y: false, setScale: false },
    },
    scales: {
      x: { time: true, range: () => [...latest.current.range] as [number, number] },
      y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] },
    },
    axes: [
      {
        show: showTimes,
        size: TIMES_PX,
        stroke: colour("n8"),
        font,
        grid,
        ticks: { show: false },
        space: 90,
        // A word that would stand across the left edge is cut there; the next one says enough.
        values: (u, splits) =>
          splits.map((at) =>
            u.valToPos(at, "x") < TIME_WORD_PX / 2 ? "" : timeWords(at * 1_000, latest.current.range),
          ),
      },
      {
        side: 1,
        size: AXIS_PX,
        stroke: colour("n8"),
        font,
        grid,
        ticks: { show: false },
        space: 22,
        gap: 4,
        ...(latest.current.ofBytes === true ? { incrs: BYTE_STEPS } : {}),
        // A zero at the very bottom would be cut off where no times stand below it.
        values: (_, splits) =>
          splits.map((value) => (value === 0 && !showTimes ? "" : latest.current.amount(value))),
      },
    ],
    series: [
      {},
      ...lines.map((line) => ({
        stroke: colour(line.token),
        width: 1.5,
        points: { show: false },
        spanGaps: false,
        ...(line.dashed === true ? { dash: [4, 4] } : {}),
        ...(line.filled === true
          ? { fill: `color-mix(in oklch, ${colour(line.token)} 14%, transparent)` }
          : {}),
      })),
    ],
    hooks: {
      setCursor: [(u) => latest.current.onPoint(u.cursor.idx ?? undefined)],
      setSelect: [
        (u) => {
          if (u.select.width <= CLICK_PX_MAX) return;
          const [from, to] = [
            u.posToVal(u.select.left, "x"),
            u.posToVal(u.select.left + u.select.width, "x"),
          ];
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          if (to - from >= ZOOM_SECONDS_MIN) latest.current.onZoom([from, to]);
        },
      ],
    },
    ...(range[1] > range[0] ? {} : { class: "u-empty" }),
  };
}

function heightOf({ height, showTimes }: PlotProps): number {
  return height + (showTimes ? TIMES_PX : 0);
}

function dataOf({ at, lines }: PlotProps): UPlot.AlignedData {
  return [[...at], ...lines.map(({ values }) => [...values])];
}

/** A click that is no drag is a moment. */
function listenForClicks(plot: UPlot, onMoment: (ms: number) => void): () => void {
  let downAt = 0;
  const down = (event: MouseEvent) => {
    downAt = event.clientX;
  };
  const click = (event: MouseEvent) => {
    if (Math.abs(event.clientX - downAt) > CLICK_PX_MAX) return;
    onMoment(plot.posToVal(event.clientX - plot.over.getBoundingClientRect().left, "x") * 1_000);
  };
  plot.over.addEventListener("mousedown", down);
  plot.over.addEventListener("click", click);
  return () => {
    plot.over.removeEventListener("mousedown", down);
    plot.over.removeEventListener("click", click);
  };
}
