import { sql } from "kysely";
import type { AvailableComponentsJson } from "@flowplane/opamp";
import type { Base } from "../../platform/context.ts";

/** Hashes remembered per organization; with more, an agent may be asked for a tree that is stored already. */
const KNOWN_MAX = 10_000;

/** The component trees of a fleet: thousands of agents run the same few builds, so each tree is stored once by its hash. */
export class Components {
  readonly #base: Base;
  readonly #known = new Map<string, Set<string>>();

  constructor(base: Base) {
    this.#base = base;
  }

  /** To be awaited before the first agent of an organization is served. */
  async open(organizationId: string): Promise<void> {
    if (this.#known.has(organizationId)) return;
    const { rows } = await sql<{ hash: string }>`
      select encode(hash, 'hex') as hash from available_components where organization_id = ${organizationId} limit ${KNOWN_MAX}`.execute(
      this.#base.storage.system,
    );
    if (!this.#known.has(organizationId))
      this.#known.set(organizationId, new Set(rows.map(({ hash }) => hash)));
  }

  isKnown(organizationId: string, hash: string): boolean {
    return this.#known.get(organizationId)?.has(hash) ?? false;
  }

  /** Stores a tree the organization does not have. A failure costs another question to the next agent. */
  store(organizationId: string, { hash, components }: AvailableComponentsJson): void {
    const known = this.#known.get(organizationId);
    if (components === null || known === undefined || known.has(hash) || known.size >= KNOWN_MAX) return;
    known.add(hash);
    sql`
      insert into available_components (organization_id, hash, components)
      values (${organizationId}, decode(${hash}, 'hex'), ${JSON.stringify(components)}::jsonb)
      on conflict do nothing`
      .execute(this.#base.storage.system)
      .catch((error: unknown) => {
        known.delete(hash);
        this.#base.log.warn({ err: error, hash }, "storing available components failed");
      });
  }
}
