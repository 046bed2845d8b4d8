import { useCallback, useState, type UIEvent } from "react";

const OVERSCAN_ROWS = 12;
/** Until the list is measured; a guess too high costs a few rows, one too low an empty moment. */
const HEIGHT_PX_GUESS = 1_000;

/** Which rows of a list with rows of one height are on screen, and a few around them. */
export function useRowWindow(count: number, rowPx: number) {
  const [view, setView] = useState({ top: 0, height: HEIGHT_PX_GUESS });
  const [element, setElement] = useState<HTMLElement | null>(null);
  const scroller = useCallback((next: HTMLElement | null) => {
    setElement(next);
    if (next === null) return undefined;
    const observer = new ResizeObserver(() => setView((now) => ({ ...now, height: next.clientHeight })));
    observer.observe(next);
    return () => observer.disconnect();
  }, []);
  const onScroll = useCallback(({ currentTarget }: UIEvent<HTMLElement>) => {
    const top = currentTarget.scrollTop;
    setView((now) => ({ ...now, top }));
  }, []);
  const scrollToRow = (index: number, headPx: number) => {
    if (element === null) return;
    const [from, to] = [index * rowPx, (index + 1) * rowPx];
    if (from < element.scrollTop) element.scrollTo({ top: from });
    else if (to > element.scrollTop + view.height - headPx)
      element.scrollTo({ top: to - view.height + headPx });
  };
  const { first, last } = rowsInView(view.top, view.height, rowPx, count);
  return { scroller, element, onScroll, scrollToRow, first, last };
}

/** First and last row to draw; `last` is before `first` when there is none. */
export function rowsInView(
  top: number,
  height: number,
  rowPx: number,
  count: number,
): { first: number; last: number } {
  const last = Math.min(count - 1, Math.ceil((top + height) / rowPx) + OVERSCAN_ROWS);
  return { first: Math.max(0, Math.min(last, Math.floor(top / rowPx) - OVERSCAN_ROWS)), last };
}
