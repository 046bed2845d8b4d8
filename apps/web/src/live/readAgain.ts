import type { Query, QueryClient } from "@tanstack/react-query";

/**
 * Has every answer that may differ now read again. Invalidating alone does not ask again for a first answer that is still under way,
 * and that one may have been made before the change: it is read again as soon as it has come.
 */
export async function readAgain(client: QueryClient, mayDiffer: (query: Query) => boolean): Promise<void> {
  const firstOnes = client
    .getQueryCache()
    .findAll({ fetchStatus: "fetching", predicate: mayDiffer })
    .filter(({ state }) => state.data === undefined);
  await Promise.all([
    client.invalidateQueries({ predicate: mayDiffer }),
    ...firstOnes.map(async (query) => {
      // Whoever asked is told of a failure; here it only ends the waiting.
      await query.promise?.catch(() => undefined);
      await client.invalidateQueries({ queryKey: query.queryKey, exact: true });
    }),
  ]);
}
