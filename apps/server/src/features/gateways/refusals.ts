import { AppError, notFound } from "../../platform/errors.ts";
import type { Actor } from "../../platform/context.ts";

// The sentences clients of the older gateway documents compare; what to do about it stands in the hint.

export function invalidRegistrationToken(hint: string): AppError {
  return new AppError("unauthenticated", "Invalid or expired registration token", { hint });
}

export function invalidOpampToken(hint: string): AppError {
  return new AppError("unauthenticated", "Invalid OpAMP token", { hint });
}

export function instanceMismatch(hint: string): AppError {
  return new AppError("forbidden", "Instance ID does not match token", { hint });
}

export function gatewayNotFound(message = "Gateway not found"): AppError {
  return new AppError("not_found", message, {
    hint: "It may have been deleted, or belong to another organization. `GET /api/v1/gateways` lists those there are.",
  });
}

/** What is assigned to a gateway would do harm there, or lacks something. */
export function configHeld(reason: string): AppError {
  return new AppError("conflict", `The configuration assigned to this gateway is held: ${reason}`, {
    hint: "The gateway goes on with what it runs. Mend what the sentence names, or roll out another version.",
  });
}

/** Says no where a request names an organization that its credential is not of. */
export function mustBeOwn(actor: Actor, organizationId: string | undefined): void {
  if (organizationId !== undefined && organizationId !== actor.organization_id)
    throw notFound("organization", organizationId);
}
