import { Link } from "@tanstack/react-router";
import type { AgentDetail } from "@flowplane/contract";
import { duration } from "../../lib/time.ts";
import { useNow } from "../../lib/now.ts";
import { paths } from "../../paths.ts";
import { Time } from "../../ui/Time.tsx";

const EVIDENCE = "underline decoration-n6 underline-offset-2 hover:decoration-n9";

/**
 * The server's sentence. Of a connected agent only its first part is shown as it stands: the parts after it are times,
 * which go on here by themselves and are links to their evidence.
 */
export function AgentSentence({ agent }: { agent: AgentDetail }) {
  const parts = agent.sentence.split(" · ");
  const isAlive = agent.state === "connected" || agent.state === "stale";
  if (!isAlive) {
    return (
      <p className="mt-0.5 max-w-[90ch] text-n9">
        {agent.sentence}
        {agent.waiting === null ? null : <WaitingWords waiting={agent.waiting} />}
      </p>
    );
  }
  return (
    <p className="mt-0.5 max-w-[90ch] text-n9">
      {parts[0]}
      {agent.last_seen_at === null ? null : (
        <>
          {" · "}
          <Link {...paths.agentTab(agent.id, "wire")} className={EVIDENCE}>
            last seen <Time at={agent.last_seen_at} />
          </Link>
        </>
      )}
      {agent.certificate_expires_at === null ? null : (
        <>
          {" · "}
          <Link {...paths.agentTab(agent.id, "identity")} className={EVIDENCE}>
            <CertificateWords expiresAt={agent.certificate_expires_at} />
          </Link>
        </>
      )}
      {agent.waiting === null ? null : <WaitingWords waiting={agent.waiting} />}
      {agent.connection_change === null || agent.connection_change.state === "unknown_since_offer" ? null : (
        <>
          {" · "}
          <Link {...paths.agentTab(agent.id, "identity")} className={EVIDENCE}>
            {agent.connection_change.sentence}
          </Link>
        </>
      )}
    </p>
  );
}

function CertificateWords({ expiresAt }: { expiresAt: string }) {
  const left = Date.parse(expiresAt) - useNow();
  return left > 0 ? <>certificate expires in {duration(left)}</> : <>certificate expired</>;
}

export function WaitingWords({ waiting }: { waiting: NonNullable<AgentDetail["waiting"]> }) {
  return (
    <>
      {" · "}waits for {waiting.for} since <Time at={waiting.since} />
      {waiting.deadline === null ? null : (
        <>
          , at most until <Time at={waiting.deadline} />
        </>
      )}
    </>
  );
}
