import { calm } from "../detection/guard.ts";
import type { Guard } from "../detection/guard.ts";
import type { SpoolDatabase } from "./database.ts";

export function readGuard(db: SpoolDatabase): Guard {
  const row = db.get<{ state: string }>("SELECT state FROM guard");
  // Written by `saveGuard`.
  return row ? (JSON.parse(row.state) as Guard) : calm;
}

export function saveGuard(db: SpoolDatabase, guard: Guard): void {
  db.run("DELETE FROM guard");
  db.run("INSERT INTO guard (state) VALUES (?)", JSON.stringify(guard));
}
