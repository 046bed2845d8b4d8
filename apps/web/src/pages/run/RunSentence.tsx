import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Run } from "@flowplane/contract";
import { q } from "../../api/query.ts";
import { paths } from "../../paths.ts";
import { TEXT_LINK } from "../../ui/link.ts";
import { Time } from "../../ui/Time.tsx";
import { useRelatives } from "./useRelatives.ts";

const INCIDENTS_MAX = 100;
/** How the sentence of a run begins that a policy ended; what was seen follows in it. */
const BY_POLICY = "Stopped by Flowplane";

/** The one true sentence about a run, and behind it where each part of it can be seen. */
export function RunSentence({ run }: { run: Run }) {
  const incidents = useQuery({
    ...q("incidentList", { query: { run_id: run.id, limit: INCIDENTS_MAX } }),
    enabled: run.incidents.total > 0,
  }).data?.items;
  const { next } = useRelatives(run);
  const first = incidents?.at(-1);
  const others = run.incidents.total - 1;
  return (
    <p className="mt-0.5 max-w-[100ch] text-n9">
      {run.sentence}
      {run.frozen_since === null ? null : (
        <>
          {" "}
          Frozen <Time at={run.frozen_since} />.
        </>
      )}
      {first === undefined ? null : (
        <>
          {" "}
          <Link {...paths.incident(first.id)} className={TEXT_LINK}>
            {run.sentence.startsWith(BY_POLICY) ? "Why" : first.title}
          </Link>
          {others > 0 ? ` and ${others} more` : ""}.
        </>
      )}
      {next === undefined ? null : (
        <>
          {" "}
          <Link {...paths.run(next.id)} className={TEXT_LINK}>
            {next.origin === "retry" ? `Tried again as attempt ${next.attempt}` : "Started again"}
          </Link>
          .
        </>
      )}
    </p>
  );
}
