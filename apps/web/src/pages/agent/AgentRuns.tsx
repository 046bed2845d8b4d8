import { useNavigate, useParams } from "@tanstack/react-router";
import { useSuspenseQuery } from "@tanstack/react-query";
import { useMayNot } from "../../api/me.ts";
import { q } from "../../api/query.ts";
import { cannotLaunchOn } from "../../api/states.ts";
import { paths } from "../../paths.ts";
import { Button } from "../../ui/Button.tsx";
import { Empty } from "../../ui/Page.tsx";
import { RunTable } from "../runs/RunTable.tsx";

const HIDDEN = ["Agent"] as const;

export default function AgentRuns() {
  const { agentId } = useParams({ from: "/frame/agents/$agentId/runs" });
  const agent = useSuspenseQuery(q("agentRead", { params: { agent_id: agentId } })).data;
  const navigate = useNavigate();
  const mayNot = useMayNot("run:write");
  return (
    <div className="flex h-full min-h-0 flex-col pt-4">
      <RunTable
        filter={{ agent_id: agentId }}
        hidden={HIDDEN}
        empty={
          <Empty
            action={
              <Button
                whyNot={mayNot ?? cannotLaunchOn(agent)}
                onClick={() => void navigate(paths.launchRun(agentId))}
              >
                Launch a run here
              </Button>
            }
          >
            Nothing has run on this agent yet.
          </Empty>
        }
      />
    </div>
  );
}
