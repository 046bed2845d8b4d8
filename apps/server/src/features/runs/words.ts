import type { ActorRef } from "@flowplane/contract";

/** Who did something on his own account: the control plane itself. */
export const CONTROL_PLANE: ActorRef = { type: "system", id: "flowplane", name: "Flowplane" };

/** `gpu=a100, zone=b`. */
export function formatLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(", ");
}
