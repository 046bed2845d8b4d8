import { Link } from "@tanstack/react-router";
import type { Run } from "@flowplane/contract";
import { MODE_LOOK } from "../api/states.ts";
import { paths } from "../paths.ts";
import { TEXT_LINK } from "./link.ts";

/** A policy at its version and in its mode; one that is stored leads to that version. */
export function PolicyOf({ policy }: { policy: NonNullable<Run["policy"]> }) {
  const name = `${policy.name} v${policy.version}`;
  return (
    <>
      {policy.id === null ? (
        name
      ) : (
        <Link {...paths.policyTab(policy.id, "versions", { version: policy.version })} className={TEXT_LINK}>
          {name}
        </Link>
      )}
      , {MODE_LOOK[policy.mode].word.toLowerCase()}
    </>
  );
}
