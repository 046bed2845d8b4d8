import { ROLE_PERMISSIONS } from "@flowplane/contract";
import type { Actor } from "./context.ts";

/** Flowplane itself, acting in an organization. */
export function systemActor(organizationId: string): Actor {
  return {
    type: "system",
    id: "flowplane",
    name: "Flowplane",
    organization_id: organizationId,
    role: "owner",
    permissions: ROLE_PERMISSIONS.owner,
  };
}
