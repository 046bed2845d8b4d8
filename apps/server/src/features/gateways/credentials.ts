import type { FastifyRequest } from "fastify";
import type { Actor, Base } from "../../platform/context.ts";
import { shownCredential } from "../../platform/http/credential.ts";
import type { Identify } from "../../platform/http/route.ts";
import { readBearer } from "../enrolment/bearers.ts";
import { enrolmentActor } from "../enrolment/enrolment.ts";
import { findBearerHolders, type Holder } from "../enrolment/holders.ts";
import { recogniseToken } from "../enrolment/tokens.ts";
import { agentActor } from "../gateway/agent-http.ts";
import { BatchLoader } from "../gateway/batch-loader.ts";
import { invalidOpampToken, invalidRegistrationToken } from "./refusals.ts";

/** Whose enrolment token a request shows, in whatever state it is: that is judged where it is used, and noted there. */
export function identifyByToken(base: Base): Identify {
  return async (request) => {
    const text = bearerText(request);
    if (text === undefined)
      throw invalidRegistrationToken("Send the registration token as `Authorization: Bearer …`.");
    const token = await recogniseToken(base, text);
    if (token === null)
      throw invalidRegistrationToken("This token is unknown here. Copy it again, or create a new one.");
    return enrolmentActor(token);
  };
}

/** Which agent a request's bearer is of. Look-ups of many requests share a query, and see a revocation at once. */
export function identifyByBearer(base: Base, onRefused: () => void): Identify {
  const holders = new BatchLoader<Holder>((ids) =>
    findBearerHolders(base.storage.system, ids, new Date(base.now())),
  );
  const look = async (request: FastifyRequest): Promise<Actor> => {
    const text = bearerText(request);
    if (text === undefined)
      throw invalidOpampToken("Send the token that registration answered as `Authorization: Bearer …`.");
    const claims = await readBearer(base, text);
    if (claims === null)
      throw invalidOpampToken("This token is none of ours, or has expired. Create a new one.");
    const holder = await holders.load(claims.bearerId);
    if (
      holder === undefined ||
      holder.identity.agent_id !== claims.agentId ||
      holder.identity.organization_id !== claims.organizationId
    )
      throw invalidOpampToken("The token, or its gateway, was deleted. Register again.");
    if (holder.problem !== null) throw invalidOpampToken(`${holder.problem} Register again.`);
    return agentActor(holder.identity);
  };
  return (request) =>
    look(request).catch((error: unknown) => {
      onRefused();
      throw error;
    });
}

function bearerText(request: FastifyRequest): string | undefined {
  const credential = shownCredential(request);
  return credential?.kind === "bearer" && credential.text !== "" ? credential.text : undefined;
}
