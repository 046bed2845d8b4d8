import { useNavigate, useSearch } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { paths } from "../paths.ts";

const AddAgent = lazy(() => import("../pages/add-agent/AddAgent.tsx"));
const LaunchRun = lazy(() => import("../pages/run/LaunchRun.tsx"));

/** Dialogs that open over any page; which one is part of the address. */
export function Dialogs() {
  const navigate = useNavigate();
  const { add, launch, like } = useSearch({ from: "/frame" });
  const close = () => void navigate({ ...paths.closeDialog(), replace: true });
  return (
    <Suspense fallback={null}>
      {add === undefined ? null : <AddAgent platform={add} onClose={close} />}
      {launch === undefined ? null : (
        <LaunchRun key={like} agentId={launch === "any" ? undefined : launch} like={like} onClose={close} />
      )}
    </Suspense>
  );
}
