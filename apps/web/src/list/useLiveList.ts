/**
 * A list by cursor that stays true while somebody reads it: rows change in place, new ones are counted and wait until
 * they are asked for. Only the pages in view are read again, so a change in 25,000 rows costs one or two small requests.
 */
import { keepPreviousData, useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import type { ChangeNotice } from "@flowplane/contract";
import { useCallback, useRef, useState } from "react";
import { PAGE_SIZE, qPages, readPage, type Item } from "../api/query.ts";
import { LIST_TOPIC, type LiveListName } from "../live/affected.ts";
import { useNotices } from "../live/live.ts";
import { mergeRows, newRows, type Pages } from "./merge.ts";

/** A list this short is simply read again, all of it, when nobody has it under the pointer. */
const SMALL_PAGES = 2;

interface View {
  first: number;
  last: number;
  isReading: boolean;
}

export interface LiveList<T> {
  readonly rows: readonly T[];
  readonly total: number | null;
  /** New rows that wait. */
  readonly waiting: number;
  readonly showWaiting: () => void;
  readonly isLoading: boolean;
  readonly error: Error | null;
  readonly retry: () => void;
  readonly loadMore: (() => void) | undefined;
  /** Told by the view: which rows are on screen and whether somebody is reading them. */
  readonly onView: (part: Partial<View>) => void;
}

export function useLiveList<K extends LiveListName>(
  name: K,
  input: object,
  rowId: (row: Item<K>) => string,
  /** The thing whose parts the rows are: a notice about it may concern every row. */
  whole?: string,
): LiveList<Item<K>> {
  const queryClient = useQueryClient();
  const options = qPages(name, input);
  const key = JSON.stringify(options.queryKey);
  const query = useInfiniteQuery({ ...options, placeholderData: keepPreviousData });
  const [waitingFor, setWaitingFor] = useState({ key, ids: new Set<string>() });
  const waiting = waitingFor.key === key ? waitingFor.ids.size : 0;
  const view = useRef<View>({ first: 0, last: 0, isReading: false });
  const setView = useCallback((part: Partial<View>) => Object.assign(view.current, part), []);
  const work = useRef({ running: false, announced: new Set<string>() });

  const pull = async () => {
    const data = queryClient.getQueryData(options.queryKey) as Pages<Item<K>> | undefined;
    const announced = work.current.announced;
    work.current.announced = new Set();
    if (data === undefined) return;
    if (data.pages.length <= SMALL_PAGES && !view.current.isReading) {
      await queryClient.refetchQueries({ queryKey: options.queryKey, exact: true });
      setWaitingFor({ key, ids: new Set() });
      return;
    }
    const known = new Set(data.pages.flatMap(({ items }) => items.map(rowId)));
    const fresh: Item<K>[] = [];
    const found: string[] = [];
    let total: number | null = null;
    for (const index of pagesToRead(data, view.current, announced, known, rowId, whole)) {
      const page = await readPage(name, input, data.pageParams[index] as string | undefined);
      fresh.push(...page.items);
      found.push(...newRows(known, page.items, announced, rowId));
      total = page.total;
    }
    if (fresh.length === 0) return;
    queryClient.setQueryData(options.queryKey, (now) =>
      now === undefined ? now : (mergeRows(now as Pages<Item<K>>, fresh, total, rowId) as typeof now),
    );
    if (found.length > 0) {
      setWaitingFor((before) => ({
        key,
        ids: new Set([...(before.key === key ? before.ids : []), ...found]),
      }));
    }
  };

  const latestPull = useRef(pull);
  latestPull.current = pull;
  const topic: ChangeNotice["topic"] = LIST_TOPIC[name];
  useNotices(
    useCallback(
      (notices) => {
        const mine =
          notices === "reset"
            ? []
            : notices.filter(({ topic: of, id }) => of === topic && (whole === undefined || id === whole));
        if (notices !== "reset" && mine.length === 0) return;
        for (const { id } of mine) work.current.announced.add(id);
        if (work.current.running) return;
        work.current.running = true;
        void drain(work.current, () => latestPull.current());
      },
      [topic, whole],
    ),
  );

  const showWaiting = async () => {
    const first = await readPage(name, input, undefined);
    queryClient.setQueryData(options.queryKey, { pages: [first], pageParams: [undefined] });
    setWaitingFor({ key, ids: new Set() });
  };

  const pages = query.data?.pages ?? [];
  return {
    rows: pages.flatMap(({ items }) => items),
    total: pages[0]?.total ?? null,
    waiting,
    showWaiting: () => void showWaiting(),
    isLoading: query.isPending,
    error: query.data === undefined ? query.error : null,
    retry: () => void query.refetch(),
    loadMore: query.hasNextPage && !query.isFetchingNextPage ? () => void query.fetchNextPage() : undefined,
    onView: setView,
  };
}

/** One pull at a time; what is announced meanwhile makes one more. A pull that fails leaves the rows as they are. */
async function drain(
  work: { running: boolean; announced: Set<string> },
  pull: () => Promise<void>,
): Promise<void> {
  try {
    do await pull();
    while (work.announced.size > 0);
  } catch (error) {
    console.warn("A live update of a list failed; the next change tries again.", error);
  } finally {
    work.running = false;
  }
}

/** Pages in view that hold a changed row, and the first one when something the list does not know was announced. */
function pagesToRead<T>(
  data: Pages<T>,
  view: { first: number; last: number },
  announced: ReadonlySet<string>,
  known: ReadonlySet<string>,
  rowId: (row: T) => string,
  whole: string | undefined,
): number[] {
  const from = Math.floor(view.first / PAGE_SIZE);
  const to = Math.floor(view.last / PAGE_SIZE);
  const hasUnknown =
    whole === undefined && (announced.size === 0 || [...announced].some((id) => !known.has(id)));
  return data.pages.flatMap((page, index) => {
    const inView =
      index >= from &&
      index <= to &&
      (whole !== undefined || page.items.some((row) => announced.has(rowId(row))));
    return inView || (index === 0 && hasUnknown) ? [index] : [];
  });
}
