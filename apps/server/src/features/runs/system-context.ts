import { newId, type Base, type Ctx } from "../../platform/context.ts";
import { CONTROL_PLANE } from "./words.ts";

/** The control plane acting on its own in one organization: it sees that organization and needs no permission. */
export function systemContext(base: Base, organizationId: string): Ctx {
  return {
    ...base,
    actor: { ...CONTROL_PLANE, organization_id: organizationId, role: "service", permissions: [] },
    requestId: newId(),
    remoteAddress: null,
  };
}
