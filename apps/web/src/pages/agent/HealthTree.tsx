import { ChevronRight } from "lucide-react";
import type { Health } from "@flowplane/contract";
import { StateShape } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";

/** The tree an agent reports. Branches that hold something unhealthy are open. */
export function HealthTree({ name, health }: { name: string; health: Health }) {
  return (
    <ul className="flex flex-col">
      <Node name={name} health={health} isRoot />
    </ul>
  );
}

function Node({ name, health, isRoot = false }: { name: string; health: Health; isRoot?: boolean }) {
  const children = Object.entries(health.components);
  if (children.length === 0) {
    return (
      <li className="py-1 pl-5">
        <Line name={name} health={health} />
      </li>
    );
  }
  return (
    <li>
      <details open={isRoot || !isWhole(health)} className="group">
        <summary className="flex cursor-pointer list-none items-baseline gap-1 rounded-sm py-1 hover:bg-n1">
          <ChevronRight
            size={14}
            aria-hidden="true"
            className="w-4 shrink-0 translate-y-0.5 text-n8 transition-transform [details[open]>summary>&]:rotate-90"
          />
          <Line name={name} health={health} />
        </summary>
        <ul className="ml-[7px] border-l border-n4 pl-3">
          {children.map(([child, childHealth]) => (
            <Node key={child} name={child} health={childHealth} />
          ))}
        </ul>
      </details>
    </li>
  );
}

function Line({ name, health }: { name: string; health: Health }) {
  return (
    <span className="min-w-0 flex-1">
      <span className="inline-flex items-center gap-2">
        <StateShape tone={health.healthy ? "ok" : "bad"} />
        <span className="break-all">{name}</span>
      </span>{" "}
      <span className="text-n8">
        {health.status === "" ? (health.healthy ? "healthy" : "unhealthy") : health.status}
        {health.status_time === null ? null : (
          <>
            {" "}
            <Time at={health.status_time} />
          </>
        )}
      </span>
      {health.last_error === "" ? null : (
        <span className="block pl-[18px] break-words text-bad">{health.last_error}</span>
      )}
    </span>
  );
}

function isWhole(health: Health): boolean {
  return health.healthy && Object.values(health.components).every(isWhole);
}
