/** PostgreSQL can't be started here; the message is a sentence for the person who runs it. */
export class EmbeddedPostgresError extends Error {
  override readonly name = "EmbeddedPostgresError";
}
