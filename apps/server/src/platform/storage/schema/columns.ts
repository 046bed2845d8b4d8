import type { ColumnType } from "kysely";

/** Rows that belong to an organization, which row-level security keeps apart. */
export interface Tenant {
  organization_id: string;
}

/** jsonb: read as a value, written as JSON text (arrays would else become PostgreSQL arrays). */
export type Json<T> = ColumnType<T, string, string>;
/** The same, null when nothing is said. */
export type NullableJson<T> = ColumnType<T | null, string | null | undefined, string | null>;
/** The same with a default in the database. */
export type GeneratedJson<T> = ColumnType<T, string | undefined, string>;
