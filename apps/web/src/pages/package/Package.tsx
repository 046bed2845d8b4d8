import { useSuspenseQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { PackagePlus } from "lucide-react";
import { useState } from "react";
import type { PackagePlace, Release } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { PACKAGE_LOOK } from "../../api/packages.ts";
import { q } from "../../api/query.ts";
import { bytes, counted } from "../../lib/units.ts";
import { paths } from "../../paths.ts";
import { Button } from "../../ui/Button.tsx";
import { Empty, Page, Section } from "../../ui/Page.tsx";
import { StateMark } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";
import { UploadDialog } from "./UploadDialog.tsx";

const PLACES_SHOWN = 200;

/** A package: its releases and their files, and which agents have which. */
export default function PackagePage() {
  const { packageId } = useParams({ from: "/frame/packages/$packageId" });
  const params = { package_id: packageId };
  const shown = useSuspenseQuery(q("packageRead", { params })).data;
  const places = useSuspenseQuery(q("packagePlaces", { params, query: { limit: PLACES_SHOWN } })).data;
  const [isUploading, setUploading] = useState(false);
  const mayNot = useMayNot("package:write");
  return (
    <Page
      title={shown.name}
      sentence={
        shown.description === ""
          ? shown.type === "addon"
            ? "Something beside the agent's program."
            : "The agent's own program."
          : shown.description
      }
      actions={
        <Button
          icon={<PackagePlus size={16} aria-hidden="true" />}
          whyNot={mayNot}
          onClick={() => setUploading(true)}
        >
          Upload a release…
        </Button>
      }
    >
      <Section title="Releases">
        {shown.all_releases.length === 0 ? (
          <Empty>No release yet.</Empty>
        ) : (
          <ul>
            {shown.all_releases.map((release) => (
              <ReleaseRow key={release.id} release={release} />
            ))}
          </ul>
        )}
      </Section>
      <Section
        title="Where it is"
        aside={places.next_cursor === null ? undefined : `the first ${counted(places.items.length, "agent")}`}
      >
        {places.items.length === 0 ? (
          <Empty>
            No agent has it or is to have it. Give it to one: flowplane packages give AGENT --release{" "}
            {shown.name}@VERSION
          </Empty>
        ) : (
          <ul>
            {places.items.map((place) => (
              <PlaceRow key={place.agent_id} place={place} />
            ))}
          </ul>
        )}
      </Section>
      {isUploading ? <UploadDialog of={shown} onClose={() => setUploading(false)} /> : null}
    </Page>
  );
}

function ReleaseRow({ release }: { release: Release }) {
  return (
    <li className="flex flex-col gap-1 border-t border-n3 py-2 first:border-t-0">
      <span className="flex flex-wrap items-baseline gap-x-3">
        <span className="font-medium">{release.version}</span>
        {release.published_at === null ? (
          <StateMark tone="busy" word="not published" />
        ) : (
          <span className="text-n8">{release.channel}</span>
        )}
        <span className="min-w-0 break-words text-n9">{release.message}</span>
        <span className="ml-auto flex gap-3 text-sm text-n8">
          {release.agents === 0 ? null : <span>{counted(release.agents, "agent")}</span>}
          <Time at={release.published_at ?? release.created_at} />
        </span>
      </span>
      <ul className="flex flex-col gap-0.5 text-sm text-n8">
        {release.files.map((file) => (
          <li key={file.id} className="flex flex-wrap gap-x-3">
            <span>
              {file.os}/{file.arch}
            </span>
            <span>{bytes(file.bytes)}</span>
            <span className="font-mono" title={file.sha256}>
              {file.sha256.slice(0, 16)}…
            </span>
            {file.signature_bytes === 0 ? null : <span>signed</span>}
          </li>
        ))}
      </ul>
    </li>
  );
}

function PlaceRow({ place }: { place: PackagePlace }) {
  return (
    <li className="flex flex-wrap items-baseline gap-x-3 gap-y-0.5 border-t border-n3 py-1.5 first:border-t-0">
      <Link {...paths.agentTab(place.agent_id, "packages")} className="font-medium hover:underline">
        {place.agent_name}
      </Link>
      {place.status === null ? null : <StateMark {...PACKAGE_LOOK[place.status]} />}
      <span className="min-w-0 break-words text-n9">{place.sentence}</span>
    </li>
  );
}
