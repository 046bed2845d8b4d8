import type { EnrolRequest, EnrolResponse } from "@flowplane/link";
import { inTransaction, type Base, type Tx } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { certificateProblems, signCertificate, storeCertificates, type Given } from "./certificates.ts";
import { judgeRequest } from "./csr.ts";
import { enrolmentCtx, opampUrl, type Enrolment } from "./enrolment.ts";
import { InGroupsBy } from "./in-groups.ts";
import { letIn, noteOutcomes, refused, type Asked, type LetIn, type Refusal } from "./let-in.ts";
import { lockAgents, lockToken } from "./store.ts";
import { recogniseToken, type TokenRow } from "./tokens.ts";

/** Agents that one transaction lets in, or gives their certificates. */
const GROUP_MAX = 200;
/** Agents that may wait at one token; beyond that they are told to come later. */
const WAITING_MAX = 10_000;
const LIMITS = { groupMax: GROUP_MAX, waitingMax: WAITING_MAX };

const UNIQUE_VIOLATION = "23505";

/**
 * Lets agents in that show an enrolment token: issues their certificates, or keeps them waiting for approval. Those who come at once with
 * one token are let in together, in the order they came, as in admissions.ts and for the same reason.
 *
 * One transaction says who is let in, another stores certificates; they are signed between the two, while nothing is locked. An agent that is
 * let in and gets none, because this process ends here, is known when it comes again.
 */
export class Enrolments {
  readonly #base: Base;
  readonly #enrolment: Enrolment;
  readonly #lettingIn: InGroupsBy<TokenRow, Asked, LetIn>;
  readonly #certifying: InGroupsBy<TokenRow, Signed, Refusal | null>;

  constructor(base: Base, enrolment: Enrolment) {
    this.#base = base;
    this.#enrolment = enrolment;
    this.#lettingIn = new InGroupsBy((token, group) => letInAll(base, token, group), LIMITS);
    this.#certifying = new InGroupsBy((token, group) => certifyAll(base, token, group), LIMITS);
  }

  /**
   * The same call again (same token, instance and key) gets the same answer and costs no second use. Throws `unauthenticated` for a
   * token that lets nobody in, `invalid_input` for a request that cannot be signed, `conflict` for an instance that is somebody else,
   * `rate_limited` for too many certificates and `unavailable` when too many wait.
   */
  async enrol(
    credential: string,
    body: EnrolRequest,
    request: { requestId: string; remoteAddress: string | null },
  ): Promise<EnrolResponse> {
    const token = await recogniseToken(this.#base, credential);
    if (token === null) {
      throw new AppError(
        "unauthenticated",
        "This enrolment token is unknown here. Copy it again, or create a new one.",
      );
    }
    const verdict = await judgeRequest(body.csr, body.instance_uid);
    const asked = { body, verdict, ...request };
    const step = await this.#lettingIn.ask(token, asked);
    if (step.state === "refused") throw new AppError(step.code, step.detail);
    if (step.state === "pending") return step;
    const { authority, addresses } = this.#enrolment;
    const issued = await signCertificate(authority, step.agent, step.request, this.#base.now());
    const refusal = await this.#certifying.ask(token, { ...step, asked, issued });
    if (refusal !== null) throw new AppError(refusal.code, refusal.detail);
    const url = addresses.agentsUrl();
    return {
      state: "issued",
      agent_id: step.agent.id,
      organization_id: step.agent.organization_id,
      certificate: issued.pem,
      ca_certificates: [authority.certificatePem],
      opamp_url: opampUrl(url),
      bulk_url: url,
    };
  }
}

async function letInAll(base: Base, token: TokenRow, group: readonly Asked[]): Promise<LetIn[]> {
  const [first] = group;
  if (first === undefined) return [];
  const ctx = enrolmentCtx(base, token, first);
  const attempt = () => inTransaction(ctx, (ctx) => letIn(ctx, token.id, group));
  return attempt().catch((error: unknown) => {
    // Two calls for one new instance under two tokens met: the other one is stored by now, so look again.
    if ((error as { code?: string }).code === UNIQUE_VIOLATION) return attempt();
    throw error;
  });
}

/** A certificate that nobody has yet. */
interface Signed extends Given {
  readonly asked: Asked;
}

/** Stores what was signed, but for agents that may not have it any more; says why to those. */
async function certifyAll(
  base: Base,
  token: TokenRow,
  group: readonly Signed[],
): Promise<(Refusal | null)[]> {
  const [first] = group;
  if (first === undefined) return [];
  return inTransaction(enrolmentCtx(base, token, first.asked), async (ctx) => {
    // In the order in which everybody locks the two; attempts are noted under the first.
    await lockToken(ctx.db, token.id);
    const refusals = await refusalsOf(ctx, group);
    await storeCertificates(
      ctx,
      group.filter((_, index) => refusals[index] === null),
    );
    await noteOutcomes(
      ctx,
      token,
      group.map(({ asked, agent }, index) => [
        asked,
        refusals[index] ?? { state: "certified", agent_id: agent.id },
      ]),
    );
    return refusals;
  });
}

async function refusalsOf(ctx: Tx, group: readonly Signed[]): Promise<(Refusal | null)[]> {
  const agents = await lockAgents(
    ctx.db,
    group.map(({ agent }) => agent.id),
  );
  const problems = await certificateProblems(
    ctx,
    group.map(({ agent }) => agents.get(agent.id)),
  );
  return problems.map((problem, index) =>
    problem === null
      ? null
      : refused(problem.code, problem.detail, agents.get(group[index]?.agent.id ?? "")?.id),
  );
}
