import { useQueryErrorResetBoundary } from "@tanstack/react-query";
import { Link, useRouter, type ErrorComponentProps } from "@tanstack/react-router";
import { isNotFound } from "../api/problem.ts";
import { paths } from "../paths.ts";
import { buttonClass } from "../ui/Button.tsx";
import { Empty, Page } from "../ui/Page.tsx";
import { Problem } from "../ui/Problem.tsx";

export function PageError({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  const boundary = useQueryErrorResetBoundary();
  if (isNotFound(error)) return <NotFound />;
  const retry = () => {
    boundary.reset();
    reset();
    void router.invalidate();
  };
  return (
    <Page title="This page could not be shown">
      <Problem error={error} onRetry={retry} />
    </Page>
  );
}

export function NotFound() {
  return (
    <Page title="Nothing here">
      <Empty
        action={
          <Link {...paths.overview()} className={buttonClass("plain")}>
            Go to the overview
          </Link>
        }
      >
        There is no such page, agent or run in this organization. It may have been forgotten, or the address
        is from another organization.
      </Empty>
    </Page>
  );
}
