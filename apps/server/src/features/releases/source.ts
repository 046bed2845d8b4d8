import { hasCapability, SERVER_CAPABILITY } from "@flowplane/opamp";
import type { Base } from "../../platform/context.ts";
import { OPAMP_PATH, type Enrolment } from "../enrolment/enrolment.ts";
import type { DesiredSource, Wanted } from "../gateway/desired.ts";
import type { AgentSession } from "../gateway/sessions.ts";
import { CAPABILITY_KEY, writeCapability } from "./capability.ts";
import { DOWNLOADS } from "./download.ts";
import { CAPABILITY_MS, HELD_LOOKED_AT_MAX } from "./limits.ts";
import { composeOffer, messageOf } from "./offer.ts";
import { findChangedSince, findWantedSets, type WantedSet } from "./set-store.ts";

const NAME = "packages";

/** What is known of an agent's set while it is connected. */
interface Known {
  /** Of all its packages; null while nothing can be offered. */
  readonly hash: string | null;
  readonly retryId: string | null;
  readonly changedAt: number;
  /** When the addresses in its offer were made, and below which one. */
  readonly madeAt: number;
  readonly reachedUrl: string | null;
}

/**
 * Offers agents the packages that somebody said they are to have, and nothing to any other: an agent deletes what an offer does
 * not name. An agent that has its set is not composed for.
 */
export function packageSource(base: Base, { addresses }: Pick<Enrolment, "addresses">): DesiredSource {
  const known = new WeakMap<AgentSession, Known>();
  const key = base.secrets.derive(CAPABILITY_KEY);

  const wantedOf = (session: AgentSession, set: WantedSet): Wanted | undefined => {
    const now = base.now();
    const offer = composeOffer(set.packages, set);
    const { reachedUrl } = session;
    const one: Known = {
      hash: offer.ok ? offer.hash.toString("hex") : null,
      retryId: set.retry_id,
      changedAt: set.changed_at.getTime(),
      madeAt: now,
      reachedUrl,
    };
    known.set(session, one);
    if (!offer.ok || !isNeeded(session, one)) return undefined;
    const below = downloadsAt(reachedUrl ?? addresses.agentsUrl() + OPAMP_PATH);
    const packages = messageOf(offer, ({ id }) => {
      const capability = { fileId: id, agentId: set.agent_id, expiresAt: now + CAPABILITY_MS };
      return `${below}/${writeCapability(key, capability)}`;
    });
    return { packages, ...(set.retry_id === null ? {} : { retryPackages: set.retry_id }) };
  };

  return {
    name: NAME,
    capabilities: SERVER_CAPABILITY.OffersPackages,
    async load(sessions) {
      const byId = new Map(sessions.map((session) => [session.identity.agent_id, session]));
      for (const session of sessions) known.delete(session);
      const all = new Map<string, Wanted>();
      for (const set of await findWantedSets(base.storage.system, [...byId.keys()])) {
        const session = byId.get(set.agent_id);
        const wanted = session === undefined ? undefined : wantedOf(session, set);
        if (wanted !== undefined) all.set(set.agent_id, wanted);
      }
      return all;
    },
    async changedSince(since, sessions) {
      const ids = new Set<string>();
      for (const { agent_id, changed_at } of await findChangedSince(base.storage.system, new Date(since))) {
        const session = sessions.ofAgent(agent_id);
        if (session !== undefined && known.get(session)?.changedAt !== changed_at.getTime())
          ids.add(agent_id);
      }
      let held = 0;
      for (const session of sessions.all()) {
        if (known.get(session)?.hash !== null) continue;
        ids.add(session.identity.agent_id);
        held += 1;
        if (held === HELD_LOOKED_AT_MAX) break;
      }
      return [...ids];
    },
    isOutdated(session) {
      const one = known.get(session);
      if (one === undefined || one.hash === null || !isNeeded(session, one)) return false;
      if (session.wanted.get(NAME)?.packages === undefined) return true;
      return one.reachedUrl !== session.reachedUrl || base.now() - one.madeAt > CAPABILITY_MS / 2;
    },
    afterStep(session) {
      const one = known.get(session);
      if (one === undefined || session.wanted.get(NAME)?.packages === undefined) return undefined;
      // Addresses of its own for each agent would otherwise stay in memory for as long as it is connected.
      return isNeeded(session, one) ? undefined : {};
    },
  };
}

/** Whether the agent is still to be offered its set: it says that it was offered another one, or somebody asks to try again. */
function isNeeded({ state, reportedPackagesHash }: AgentSession, { hash, retryId }: Known): boolean {
  if (hash === null) return false;
  const [sent, retried] = (state.sent.packages ?? "").split(" ");
  if (retryId !== null && (sent !== hash || retried !== retryId)) return true;
  const reports = hasCapability(state.capabilities, "ReportsPackageStatuses");
  return (reports || state.capabilities === 0n ? reportedPackagesHash : sent) !== hash;
}

function downloadsAt(opampUrl: string): string {
  return `${opampUrl.replace(/^ws/, "http")}/${DOWNLOADS}`;
}
