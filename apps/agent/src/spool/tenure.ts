// By what this spool proves that it is the one the control plane knows, and where it comes from; see packages/link/src/tenure.ts.

import { TOKENS_MAX } from "@flowplane/link";
import type { UpMessage } from "@flowplane/link";
import type { SpoolDatabase } from "./database.ts";

type HelloBody = Extract<UpMessage, { type: "hello" }>["body"];
type OriginRow = { spool_id: string; from_spool: string | null; is_copy: number; inherited_up_to: number };

/** What this agent says of its spool on each connection. The outbox has its row by then. */
export function readHello(db: SpoolDatabase, bootId: string): HelloBody {
  const row = db.get<OriginRow>("SELECT spool_id, from_spool, is_copy, inherited_up_to FROM outbox");
  if (row === undefined) throw new Error("the spool has no name yet");
  const tokens = db.all<{ token: string }>("SELECT token FROM tokens ORDER BY number");
  return {
    spool_id: row.spool_id,
    boot_id: bootId,
    tokens: tokens.map(({ token }) => token),
    from:
      row.from_spool === null
        ? null
        : {
            spool_id: row.from_spool,
            is_copy: row.is_copy === 1,
            inherited_up_to: row.inherited_up_to,
          },
  };
}

/** Remembers a token; on disk before it returns. The oldest ones go. */
export function storeToken(db: SpoolDatabase, token: string): void {
  db.durably(() => {
    db.run("INSERT INTO tokens (token) VALUES (?)", token);
    db.run("DELETE FROM tokens WHERE number <= (SELECT max(number) FROM tokens) - ?", TOKENS_MAX);
  });
}

/** Notes, in the transaction that renames the spool, which one it was. `inherited`: how many events a copy has of it; null: no copy. */
export function noteOrigin(db: SpoolDatabase, fromSpool: string, inherited: number | null): void {
  db.run(
    "UPDATE outbox SET from_spool = ?, is_copy = ?, inherited_up_to = ?",
    fromSpool,
    inherited === null ? 0 : 1,
    inherited ?? 0,
  );
  if (inherited !== null) db.run("DELETE FROM tokens");
}
