import { create } from "@bufbuild/protobuf";
import { ConnectionSettingsOffersSchema, SERVER_CAPABILITY, toHex } from "@flowplane/opamp";
import type { Base, Ctx } from "../../platform/context.ts";
import { agentActor } from "../gateway/agent-http.ts";
import type { DesiredSource, Wanted } from "../gateway/desired.ts";
import type { AgentSession } from "../gateway/sessions.ts";
import { openSettings } from "./settings.ts";
import { standing } from "./sentence.ts";
import { noteCame, noteReported } from "./taken.ts";
import { findChangedSince, findNewestOf, type OfferRow } from "./store.ts";

const NAME = "connection";

/**
 * Offers agents the connection settings that an operator made for them, for as long as the offer is open. That an agent took them is
 * known by the credential it comes with, and by nothing else: some report what becomes of an offer, and opampsupervisor does not.
 */
export function connectionSource(base: Base): DesiredSource {
  const newest = new WeakMap<AgentSession, OfferRow>();
  /** By what each had come when its offer was last read: by another credential it may have taken one nobody here knows of. */
  const readFor = new WeakMap<AgentSession, string>();

  return {
    name: NAME,
    capabilities: SERVER_CAPABILITY.OffersConnectionSettings,
    async load(sessions) {
      const byId = new Map(sessions.map((session) => [session.identity.agent_id, session]));
      const wanted = new Map<string, Wanted>();
      for (const session of sessions) readFor.set(session, session.proof);
      for (const row of await findNewestOf(base.storage.system, [...byId.keys()])) {
        const session = byId.get(row.agent_id);
        if (session === undefined) continue;
        const offer = hasCome(session, row) ? await noteCame(contextOf(base, session), row) : row;
        newest.set(session, offer);
        if (offer.state === "applied") settleIn(session, offer);
        wanted.set(row.agent_id, wantedOf(base, offer));
      }
      return wanted;
    },
    changedSince: (since) => findChangedSince(base.storage.system, new Date(since)),
    isOutdated(session) {
      return session.isApproved && readFor.get(session) !== session.proof;
    },
    afterStep(session) {
      const known = newest.get(session);
      const reported = session.state.connectionSettingsStatus;
      const offered = session.desired.connectionSettings;
      if (known === undefined || known.sealed === null || reported === null || offered?.opamp === undefined)
        return undefined;
      if (reported.hash !== toHex(offered.hash)) return undefined;
      const { status } = reported;
      if ((status !== "failed" && status !== "applying") || status === known.state) return undefined;
      const noted: OfferRow = { ...known, state: status, ...(status === "failed" ? { sealed: null } : {}) };
      newest.set(session, noted);
      noteReported(contextOf(base, session), known.id, status, reported.error_message).catch(
        (error: unknown) => {
          newest.set(session, known);
          base.log.warn({ err: error, agent_id: known.agent_id }, "noting what became of an offer failed");
        },
      );
      return wantedOf(base, noted);
    },
  };
}

/** With the credential that only these settings hold. */
function hasCome(session: AgentSession, { bearer_id, state }: OfferRow): boolean {
  return session.proof === bearer_id && state !== "applied";
}

/**
 * The hash is the same before and after the offer is over, so that nothing is sent again just because it is; the settings
 * themselves go out only while it is open.
 */
function wantedOf(base: Base, offer: OfferRow): Wanted {
  const isOpen = offer.sealed !== null && standing(offer, base.now()).state !== "failed";
  return {
    connectionSettings: create(ConnectionSettingsOffersSchema, {
      hash: Uint8Array.from(offer.hash),
      ...(isOpen && offer.sealed !== null ? { opamp: openSettings(base.secrets, offer.sealed) } : {}),
    }),
  };
}

/** What this process holds of an agent that came with its new credential. */
function settleIn(session: AgentSession, offer: OfferRow): void {
  if (session.proof !== offer.bearer_id) return;
  if (offer.retire_old) session.tokenId = null;
  // Its former socket may look open still. Nobody else was given this credential, so this is no second agent.
  if (session.ownership !== null)
    session.ownership = { ...session.ownership, credential: `agent:${session.identity.agent_id}` };
}

function contextOf(base: Base, session: AgentSession): Ctx {
  return {
    ...base,
    actor: agentActor(session.identity),
    requestId: `opamp-${session.state.instanceUid}`,
    remoteAddress: null,
  };
}
