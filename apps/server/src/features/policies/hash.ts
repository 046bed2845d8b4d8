import { createHash } from "node:crypto";
import { canonicalJson } from "@flowplane/detection";

/** Hex SHA-256 of a document's canonical JSON: equal documents have equal hashes, whoever wrote their fields in which order. */
export function hashDocument(document: unknown): string {
  return createHash("sha256").update(canonicalJson(document)).digest("hex");
}
