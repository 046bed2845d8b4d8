import type { ActorRef } from "@flowplane/contract";

/** Who does things in the mock. */
export const ADA: ActorRef = { type: "user", id: "user-0", name: "Ada Lovelace" };
