import { useSuspenseQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import type { AgentDetail } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { q, useApi } from "../../api/query.ts";
import type { Tone } from "../../api/states.ts";
import { useNow } from "../../lib/now.ts";
import { paths } from "../../paths.ts";
import { say } from "../../ui/announce.ts";
import { Button } from "../../ui/Button.tsx";
import { ShortId } from "../../ui/Copy.tsx";
import { Fact, Facts, Section } from "../../ui/Page.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { StateMark } from "../../ui/StateMark.tsx";
import { TabPage } from "../../ui/Tabs.tsx";
import { Time } from "../../ui/Time.tsx";

type Certificate = AgentDetail["certificates"][number];
const CREDENTIAL = {
  certificate: "A client certificate. Its key was made on the agent's machine and never left it.",
  bearer: "A bearer, for agents that cannot do certificates. It can be revoked under Tokens.",
  token: "An enrolment token shown with every connection. Revoking the token cuts the agent off.",
} as const;

export default function AgentIdentity() {
  const { agentId } = useParams({ from: "/frame/agents/$agentId/identity" });
  const agent = useSuspenseQuery(q("agentRead", { params: { agent_id: agentId } })).data;
  return (
    <TabPage>
      <Section title="Proof of identity">
        <Facts>
          <Fact name="Credential">
            {agent.credential === null ? "None yet: nobody has come." : CREDENTIAL[agent.credential]}
          </Fact>
          {agent.enrolment_token_id === null ? null : (
            <Fact name="Let in by">
              <Link
                {...paths.tokens()}
                className="underline decoration-n6 underline-offset-2 hover:decoration-n9"
              >
                an enrolment token
              </Link>{" "}
              <ShortId id={agent.enrolment_token_id} label="token id" />
            </Fact>
          )}
          {agent.revoked_reason === null ? null : <Fact name="Revoked because">{agent.revoked_reason}</Fact>}
        </Facts>
      </Section>
      {agent.kind === "collector" ? <Connection agentId={agent.id} /> : null}
      <Section title="Certificates">
        {agent.certificates.length === 0 ? (
          <p className="text-n8">
            {agent.credential === "certificate" || agent.credential === null
              ? "None was issued yet."
              : "This agent proves itself without one."}
          </p>
        ) : (
          <ol className="flex flex-col">
            {agent.certificates.map((certificate, index) => (
              <CertificateEntry key={certificate.serial} certificate={certificate} isNewest={index === 0} />
            ))}
          </ol>
        )}
      </Section>
    </TabPage>
  );
}

function Connection({ agentId }: { agentId: string }) {
  const { reached_url, offer } = useSuspenseQuery(
    q("agentConnectionRead", { params: { agent_id: agentId } }),
  ).data;
  const withdraw = useApi("agentConnectionWithdraw", { onSuccess: () => say("Offered no more") });
  const mayNotWrite = useMayNot("agent:write");
  const isOpen = offer?.state === "offered" || offer?.state === "applying";
  return (
    <Section title="Connection settings">
      <Facts>
        <Fact name="Comes to">{reached_url ?? "Not known since it last came."}</Fact>
        <Fact name="Offered">
          {offer === null ? (
            "Nothing yet: it has what it was set up with."
          ) : (
            <>
              {offer.sentence}
              {offer.endpoint === reached_url ? null : <> Where it shall come to: {offer.endpoint}</>}
            </>
          )}
        </Fact>
      </Facts>
      {isOpen ? (
        <Button
          whyNot={mayNotWrite}
          busy={withdraw.isPending}
          onClick={() => withdraw.mutate({ params: { agent_id: agentId } })}
        >
          Withdraw the offer
        </Button>
      ) : null}
      {withdraw.error === null ? null : <Problem error={withdraw.error} />}
    </Section>
  );
}

function CertificateEntry({ certificate, isNewest }: { certificate: Certificate; isNewest: boolean }) {
  const now = useNow();
  const { not_before, not_after, revoked_at, revoked_reason } = certificate;
  const [from, to] = [Date.parse(not_before), Date.parse(not_after)];
  const used = Math.min(100, Math.max(0, ((now - from) / (to - from)) * 100));
  const look = lookOf(certificate, isNewest, now);
  return (
    <li className="flex flex-col gap-2 border-l border-n4 pb-5 pl-4">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-1">
        <StateMark {...look} />
        <span className="text-n9">
          issued <Time at={not_before} />, {to > now ? "expires" : "expired"} <Time at={not_after} />
          {revoked_at === null ? null : (
            <>
              , revoked <Time at={revoked_at} />
              {revoked_reason === null ? "" : `: ${revoked_reason}`}
            </>
          )}
        </span>
      </div>
      {look.tone === "ok" ? (
        <div
          className="relative h-1.5 max-w-md overflow-hidden rounded-full bg-n3"
          role="img"
          aria-label={`${Math.round(used)} % of its life is over; it is renewed at two thirds`}
        >
          <div className="h-full bg-ok" style={{ width: `${used}%` }} />
          <div className="absolute inset-y-0 left-2/3 w-0.5 bg-n9" />
        </div>
      ) : null}
      <div className="flex flex-wrap gap-x-5 gap-y-1 text-sm text-n8">
        <span className="inline-flex items-center gap-1.5">
          serial <ShortId id={certificate.serial} label="serial number" />
        </span>
        <span className="inline-flex items-center gap-1.5">
          SHA-256 <ShortId id={certificate.fingerprint} label="fingerprint" />
        </span>
      </div>
    </li>
  );
}

function lookOf(
  { not_after, revoked_at }: Certificate,
  isNewest: boolean,
  now: number,
): { tone: Tone; word: string } {
  if (revoked_at !== null) return { tone: "off", word: "Revoked" };
  if (Date.parse(not_after) <= now) return { tone: "off", word: "Expired" };
  return isNewest ? { tone: "ok", word: "Valid" } : { tone: "off", word: "Renewed" };
}
