import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { ArrowDownLeft, ArrowUpRight } from "lucide-react";
import type { WireMessage } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { q } from "../../api/query.ts";
import { clockTime } from "../../lib/time.ts";
import { bytes } from "../../lib/units.ts";
import { Empty } from "../../ui/Page.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { Rows } from "../../ui/Skeleton.tsx";
import { TabPage } from "../../ui/Tabs.tsx";

/** Heartbeats make no change notice, so this tab looks by itself while it is open. */
const LOOK_EVERY_MS = 3_000;

export default function AgentWire() {
  const { agentId } = useParams({ from: "/frame/agents/$agentId/wire" });
  const mayNot = useMayNot("agent:wire");
  const { data, error, refetch } = useQuery({
    ...q("agentWire", { params: { agent_id: agentId } }),
    refetchInterval: LOOK_EVERY_MS,
    enabled: mayNot === undefined,
  });
  return (
    <TabPage>
      {mayNot === undefined ? null : <Empty>{mayNot}</Empty>}
      {error === null ? null : <Problem error={error} onRetry={() => void refetch()} />}
      {data === undefined && error === null && mayNot === undefined ? (
        <div className="late">
          <Rows count={8} />
        </div>
      ) : null}
      {data === undefined ? null : data.items.length === 0 ? (
        <Empty>
          No message was seen since the control plane started. The next one shows up here by itself.
        </Empty>
      ) : (
        <div className="flex flex-col">
          <p className="pb-3 text-n8">
            The last {data.items.length} OpAMP messages, newest first, decoded. Secrets are removed.
          </p>
          <ul>
            {data.items
              .toSorted((a, b) => (a.at < b.at ? 1 : -1))
              .map((message, index) => (
                <Message
                  key={`${message.at}${message.direction}${data.items.length - index}`}
                  message={message}
                />
              ))}
          </ul>
        </div>
      )}
    </TabPage>
  );
}

function Message({ message }: { message: WireMessage }) {
  const received = message.direction === "received";
  const Arrow = received ? ArrowDownLeft : ArrowUpRight;
  return (
    <li className="border-t border-n3">
      <details>
        <summary className="grid min-h-9 cursor-pointer grid-cols-[96px_20px_minmax(0,1fr)_auto] items-center gap-3 rounded-sm py-1 hover:bg-n1 max-md:grid-cols-[20px_minmax(0,1fr)]">
          <time dateTime={message.at} className="font-mono text-sm text-n8 max-md:hidden">
            {clockTime(Date.parse(message.at))}
          </time>
          <Arrow
            size={16}
            className={received ? "text-ok" : "text-accent"}
            aria-label={received ? "received" : "sent"}
          />
          <span className="min-w-0">
            {message.summary}
            <span className="text-sm text-n8 md:hidden">
              {" "}
              · {clockTime(Date.parse(message.at))} · {bytes(message.bytes)}
            </span>
          </span>
          <span className="text-sm text-n8 max-md:hidden">{bytes(message.bytes)}</span>
        </summary>
        <pre
          // Long lines scroll, so the block must be reachable by keyboard.
          tabIndex={0}
          role="region"
          aria-label={`Decoded message: ${message.summary}`}
          className="mb-3 max-h-96 overflow-auto rounded-md border border-n4 bg-n1 p-3 font-mono text-sm"
        >
          {JSON.stringify(message.message, null, 2)}
        </pre>
      </details>
    </li>
  );
}
