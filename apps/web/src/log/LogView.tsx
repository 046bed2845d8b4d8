import { useCallback, useEffect, useLayoutEffect, useReducer, useRef, useSyncExternalStore } from "react";
import { LogRow } from "./LogRow.tsx";
import type { LogStore } from "./LogStore.ts";
import { posAfterScroll, ROW_PX, scrollScale, topOf } from "./scroll.ts";

interface LogViewProps {
  readonly store: LogStore;
  readonly follow: boolean;
  readonly onFollow: (follow: boolean) => void;
  readonly wrap: boolean;
  readonly timestamps: boolean;
  readonly find: string;
  /** The line of the permalink; brought into view when it changes. */
  readonly line: number | undefined;
  readonly onLine: (seq: number) => void;
  readonly waitingText: string;
}

/** The place in the log lives in a ref: it changes with every pixel and belongs to nobody else. */
interface Place {
  /** In lines from the first that is kept. */
  pos: number;
  /** Lines before it, which have expired. */
  gone: number;
  viewPx: number;
  /** The scroll bar's place as this view set it; anything else was the person. */
  top: number;
  /** The first line's place when the last line stands at the bottom, once measured. */
  endPos: number | undefined;
}

/** A log of any length: only the lines on screen are in the document. Wrapped lines may have any height. */
export function LogView({
  store,
  follow,
  onFollow,
  wrap,
  timestamps,
  find,
  line,
  onLine,
  waitingText,
}: LogViewProps) {
  useSyncExternalStore(store.subscribe, store.version);
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useRef<HTMLDivElement>(null);
  const place = useRef<Place>({ pos: 0, gone: 0, viewPx: 600, top: 0, endPos: undefined });
  const [, render] = useReducer((count: number) => count + 1, 0);
  const { pos, viewPx } = place.current;
  const gone = store.firstSeq - 1;
  const count = Math.max(0, store.lastSeq - gone);
  const rowsInView = Math.ceil(viewPx / ROW_PX);
  const maxPos = place.current.endPos ?? Math.max(0, wrap ? count - 1 : count - viewPx / ROW_PX);
  const scale = scrollScale(maxPos, viewPx);
  const first = follow
    ? Math.max(0, count - rowsInView - 1)
    : Math.min(Math.floor(pos), Math.max(0, count - 1));
  const last = Math.min(count, first + rowsInView + 2);

  useEffect(() => store.want(gone + first + 1 - rowsInView, gone + last + rowsInView));
  useEffect(() => {
    // Lines on screen that are not stored yet are asked for again until they are.
    const timer = window.setInterval(() => store.want(gone + first + 1, gone + last), 1_000);
    return () => window.clearInterval(timer);
  }, [store, gone, first, last]);

  // When more expires, what is on screen stays where it is.
  useLayoutEffect(() => {
    const now = place.current;
    if (now.gone === gone) return;
    now.pos = Math.max(0, now.pos - (gone - now.gone));
    now.gone = gone;
    now.endPos = undefined;
    render();
  }, [gone]);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => {
      place.current.viewPx = element.clientHeight;
      place.current.endPos = undefined;
      render();
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  // Heights are known only after each render; it renders once more when the end came into view or left it.
  // oxlint-disable-next-line react-hooks/exhaustive-deps
  useLayoutEffect(() => {
    const [element, box] = [scroller.current, rows.current];
    if (element === null || box === null) return;
    const now = place.current;
    const firstPx = (box.firstElementChild as HTMLElement | null)?.offsetHeight ?? ROW_PX;
    const offset = follow ? 0 : (now.pos - first) * firstPx;
    const isEnd = follow || (last === count && box.offsetHeight - offset <= now.viewPx);
    const shift = isEnd ? Math.min(0, now.viewPx - box.offsetHeight) : -offset;
    box.style.transform = `translateY(${shift}px)`;
    if (isEnd) now.pos = first + hiddenRows(box, -shift);
    const endPos = isEnd ? now.pos : undefined;
    const target = topOf(now.pos, scrollScale(endPos ?? maxPos, now.viewPx));
    if (endPos !== now.endPos) {
      now.endPos = endPos;
      render();
    }
    if (Math.abs(element.scrollTop - target) >= 1) element.scrollTop = target;
    now.top = element.scrollTop;
  });

  const onScroll = () => {
    const element = scroller.current;
    const now = place.current;
    if (element === null || Math.abs(element.scrollTop - now.top) < 1) return;
    const wentUp = element.scrollTop < now.top;
    now.pos = Math.min(
      maxPos,
      Math.max(0, posAfterScroll(now.pos, now.top, element.scrollTop, now.viewPx, scale)),
    );
    now.top = element.scrollTop;
    if (wentUp) now.endPos = undefined;
    // A view that grows moves the bar up as well, and leaves it at the end.
    const isAtEnd = element.scrollTop + element.clientHeight >= element.scrollHeight - 1;
    if (follow && wentUp && !isAtEnd) onFollow(false);
    if (!follow && !wentUp && now.endPos !== undefined) onFollow(true);
    render();
  };

  const goTo = useCallback(
    (seq: number) => {
      const now = place.current;
      now.endPos = undefined;
      now.pos = Math.max(0, seq - store.firstSeq - now.viewPx / ROW_PX / 3);
      render();
    },
    [store],
  );
  // Once more when the log has grown to the line: a permalink may be opened before its line has come.
  const isThere = line !== undefined && store.lastSeq >= line;
  useLayoutEffect(() => {
    if (line !== undefined && isThere) goTo(line);
  }, [line, isThere, goTo]);

  const visible = Array.from({ length: Math.max(0, last - first) }, (_, index) => gone + first + index + 1);
  return (
    <div
      ref={scroller}
      role="region"
      aria-label="Log"
      // The log scrolls, so it must be reachable by keyboard.
      tabIndex={0}
      onScroll={onScroll}
      className="min-h-0 flex-1 overflow-auto bg-n1 font-mono text-sm [overflow-anchor:none] focus-visible:-outline-offset-2"
    >
      <div
        className={wrap ? "" : "w-max min-w-full"}
        style={{ height: scale.height, ["--seq" as string]: `${String(store.lastSeq).length + 2}ch` }}
      >
        <div className="sticky top-0 [overflow-y:clip]" style={{ height: viewPx }}>
          <div ref={rows}>
            {visible.map((seq) => (
              <LogRow
                key={seq}
                seq={seq}
                line={store.line(seq)}
                wrap={wrap}
                timestamps={timestamps}
                find={find}
                isCurrent={seq === line}
                onLine={onLine}
              />
            ))}
          </div>
          {count === 0 && store.isRead ? (
            <p className="px-4 py-3 font-sans text-base text-n8">{waitingText}</p>
          ) : null}
        </div>
      </div>
    </div>
  );
}

/** How many rows, with a fraction, lie above `px` in a box of rows of uneven height. */
function hiddenRows(box: HTMLElement, px: number): number {
  let above = 0;
  for (const [index, child] of [...box.children].entries()) {
    const height = (child as HTMLElement).offsetHeight;
    if (above + height > px) return index + (px - above) / height;
    above += height;
  }
  return box.children.length;
}
