import type { ActorRef } from "@flowplane/contract";

/** Who did something on his own account: the control plane itself. */
export const CONTROL_PLANE: ActorRef = { type: "system", id: "flowplane", name: "Flowplane" };
