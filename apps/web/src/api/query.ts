/**
 * Server state is read here and nowhere else: `q` for one answer, `qPages` for a list by cursor. Keys are
 * `[endpoint name, input]`, which is what the live connection invalidates by.
 */
import {
  infiniteQueryOptions,
  MutationCache,
  QueryCache,
  QueryClient,
  queryOptions,
  useMutation,
} from "@tanstack/react-query";
import { ApiError, type Api, type EndpointInput, type EndpointOutput } from "@flowplane/contract";
import { client } from "./client.ts";
import { isSignedOut } from "./problem.ts";

export type Name = keyof Api;
type Call<K extends Name> = (
  input: EndpointInput<Api[K]>,
  options?: { signal?: AbortSignal; idempotencyKey?: string },
) => Promise<EndpointOutput<Api[K]>>;
type ListName = { [K in Name]: EndpointOutput<Api[K]> extends Page<unknown> ? K : never }[Name];
interface Page<T> {
  items: T[];
  next_cursor: string | null;
  total: number | null;
}
export type Item<K extends ListName> = EndpointOutput<Api[K]> extends Page<infer T> ? T : never;
export type Query<K extends Name> =
  EndpointInput<Api[K]> extends { query?: infer Q } ? NonNullable<Q> : never;

export const PAGE_SIZE = 100;

export function call<K extends Name>(name: K): Call<K> {
  // The mapped type of `client` is exactly this, but TypeScript does not see it through a generic key.
  return client[name] as unknown as Call<K>;
}

export function q<K extends Name>(name: K, input: EndpointInput<Api[K]>) {
  return queryOptions({
    queryKey: [name, input] as const,
    queryFn: ({ signal }) => call(name)(input, { signal }),
  });
}

/** All pages of a list, one after another. `input.query` is the filter; cursor and limit are added here. */
export function qPages<K extends ListName>(name: K, input: object) {
  return infiniteQueryOptions({
    queryKey: [name, input, "pages"] as const,
    queryFn: ({ signal, pageParam }) => readPage(name, input, pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
}

export function readPage<K extends ListName>(
  name: K,
  input: object,
  cursor: string | undefined,
  signal?: AbortSignal,
): Promise<Page<Item<K>>> {
  const { query, ...rest } = input as { query?: object };
  const whole = { ...rest, query: { ...query, limit: PAGE_SIZE, cursor } };
  // `ListName` holds only endpoints whose answer is a page; the input is the endpoint's own plus cursor and limit.
  return call(name)(
    whole as unknown as EndpointInput<Api[K]>,
    signal === undefined ? {} : { signal },
  ) as unknown as Promise<Page<Item<K>>>;
}

/** A mutation of one endpoint. What it changed is read again by the notices that follow, and at once for this tab. */
export function useApi<K extends Name>(
  name: K,
  options: { onSuccess?: (output: EndpointOutput<Api[K]>) => void | Promise<void> } = {},
) {
  return useMutation({
    mutationFn: (input: EndpointInput<Api[K]>) => call(name)(input, { idempotencyKey: crypto.randomUUID() }),
    ...options,
  });
}

function worthRetrying(error: Error): boolean {
  return error instanceof ApiError && (error.problem.status === 0 || error.problem.status >= 502);
}

/**
 * The session ended while a page was open: to the sign-in page and back here afterwards, by a full load, so that nothing
 * of the old session stays in memory. Who is here at all is the router's question, asked before a page is read.
 */
function toSignIn(error: Error): void {
  const { pathname, search } = window.location;
  if (!isSignedOut(error) || pathname === "/sign-in") return;
  window.location.assign(`/sign-in?to=${encodeURIComponent(pathname + search)}`);
}

export const queryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error, { queryKey, state }) =>
      queryKey[0] === "me" && state.data === undefined ? undefined : toSignIn(error),
  }),
  mutationCache: new MutationCache({
    onError: toSignIn,
    onSuccess: () => queryClient.invalidateQueries({ predicate: ({ queryKey }) => queryKey[2] !== "pages" }),
  }),
  defaultOptions: {
    queries: {
      // The live connection says when something changed; until it does, what was read is current.
      staleTime: 30_000,
      retry: (failures, error) => failures < 2 && worthRetrying(error),
      refetchOnWindowFocus: true,
    },
  },
});
