// How figures of two sides of a rollout are called, the same in sentences, on the page and in a terminal.

import type { ComparedFigureName } from "./rollout-comparison.ts";

const NAMES: Readonly<Record<ComparedFigureName, string>> = {
  failed_percent: "agents that failed",
  unhealthy_percent: "agents unhealthy or offline",
  unhealthy_time_percent: "time unhealthy or offline",
  flaps_per_day: "health flaps a day",
  accepted_per_second: "items accepted",
  refused_per_second: "items refused",
  sent_per_second: "items sent",
  failed_per_second: "items that could not be sent",
  error_percent: "items refused or failed",
  drop_percent: "less accepted than before",
  queue_percent: "queue use",
};

/** What a figure is of, to go on in a sentence. */
export function comparedName(figure: ComparedFigureName): string {
  return NAMES[figure];
}

/** `4.1 %`, `240/s`: with as many digits as one can use; `–` where there is none. */
export function comparedAmount(figure: ComparedFigureName, value: number | null): string {
  return value === null ? "–" : `${digits(value)}${unit(figure)}`;
}

/** A difference with its direction: percents differ by points. */
export function comparedDifference(figure: ComparedFigureName, value: number): string {
  const size = digits(Math.abs(value));
  const of = figure.endsWith("_percent") ? " points" : unit(figure);
  return size === "0" ? `0${of}` : `${size}${of} ${value < 0 ? "less" : "more"}`;
}

function unit(figure: ComparedFigureName): string {
  if (figure.endsWith("_percent")) return " %";
  return figure === "flaps_per_day" ? "" : "/s";
}

function digits(value: number): string {
  const size = Math.abs(value);
  return String(Number(value.toFixed(size >= 100 ? 0 : size >= 1 ? 1 : 2)));
}
