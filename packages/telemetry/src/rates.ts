/** How many items went each way in some time. Null: not reported. */
export interface Counts {
  readonly accepted: number | null;
  readonly refused: number | null;
  readonly sent: number | null;
  readonly failed: number | null;
}

/**
 * How much of what was offered to an agent did not get through, in percent: the chance of an item to be refused at the
 * receivers, or, once accepted, to fail at the exporters. Shares and not sums, so that a pipeline with three exporters does
 * not count its items three times. Null when nothing came and nothing went.
 */
export function errorPercent({ accepted, refused, sent, failed }: Counts): number | null {
  const atReceivers = share(refused ?? 0, (accepted ?? 0) + (refused ?? 0));
  const atExporters = share(failed ?? 0, (sent ?? 0) + (failed ?? 0));
  if (atReceivers === null && atExporters === null) return null;
  return 100 * (1 - (1 - (atReceivers ?? 0)) * (1 - (atExporters ?? 0)));
}

function share(part: number, whole: number): number | null {
  return whole > 0 ? part / whole : null;
}
