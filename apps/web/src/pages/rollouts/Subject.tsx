import type { Rollout } from "@flowplane/contract";

/** Which version of what a rollout brings. */
export function Subject({ rollout }: { rollout: Rollout }) {
  return (
    <>
      <span className="font-medium">{rollout.configuration_name}</span>{" "}
      <span className="text-n8">
        {rollout.split === null
          ? `v${rollout.version}`
          : `v${rollout.version} against v${rollout.split.baseline_version}`}
      </span>
    </>
  );
}
