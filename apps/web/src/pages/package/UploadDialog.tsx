import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, PackageName, upload, type Package, type ReleaseChannel } from "@flowplane/contract";
import { client, connectionOptions } from "../../api/client.ts";
import { queryClient } from "../../api/query.ts";
import { bytes } from "../../lib/units.ts";
import { say } from "../../ui/announce.ts";
import { Field, SelectField, TextField } from "../../ui/Field.tsx";
import { FormDialog } from "../../ui/FormDialog.tsx";

interface Draft {
  readonly name: string;
  readonly version: string;
  readonly channel: ReleaseChannel;
  readonly message: string;
  readonly os: string;
  readonly arch: string;
  readonly file: File | undefined;
}

/** Publishes a release of one file. `of`: the package; undefined makes one, or takes the one of that name. */
export function UploadDialog({ of, onClose }: { of: Package | undefined; onClose: () => void }) {
  const [draft, setDraft] = useState<Draft>({
    name: of?.name ?? "",
    version: "",
    channel: "stable",
    message: "",
    os: "any",
    arch: "any",
    file: undefined,
  });
  const change = (part: Partial<Draft>) => setDraft((now) => ({ ...now, ...part }));
  const publish = useMutation({
    mutationFn: () => publishRelease(of, draft),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ["packageList"] });
      await queryClient.invalidateQueries({ queryKey: ["packageRead"] });
      say(`${draft.name} ${draft.version} is published`);
      onClose();
    },
  });
  const nameProblem =
    draft.name === "" || PackageName.safeParse(draft.name).success
      ? undefined
      : "Letters, digits, dots, dashes and underscores.";
  const whyNot =
    nameProblem ??
    (draft.name === "" ? "Name the package." : undefined) ??
    (draft.version === "" ? "Name the version." : undefined) ??
    (draft.message === "" ? "Say what is new." : undefined) ??
    (draft.file === undefined ? "Choose the file." : undefined);
  return (
    <FormDialog
      title={of === undefined ? "Upload a release" : `Upload a release of ${of.name}`}
      description="Published, it never changes. Files for several platforms, and signatures, go in with flowplane packages upload."
      action="Publish"
      whyNot={whyNot}
      busy={publish.isPending}
      error={publish.error}
      onSubmit={() => publish.mutate()}
      onClose={onClose}
    >
      {of === undefined ? (
        <TextField
          label="Package"
          className="font-mono"
          autoComplete="off"
          spellCheck={false}
          placeholder="otelcol"
          value={draft.name}
          problem={nameProblem}
          onChange={(event) => change({ name: event.target.value })}
        />
      ) : null}
      <div className="grid grid-cols-2 gap-3">
        <TextField
          label="Version"
          className="font-mono"
          autoComplete="off"
          placeholder="0.150.0"
          value={draft.version}
          onChange={(event) => change({ version: event.target.value.trim() })}
        />
        <SelectField
          label="Channel"
          value={draft.channel}
          onChange={(event) => change({ channel: event.target.value === "canary" ? "canary" : "stable" })}
        >
          <option value="stable">stable</option>
          <option value="canary">canary</option>
        </SelectField>
      </div>
      <TextField
        label="What is new"
        value={draft.message}
        onChange={(event) => change({ message: event.target.value })}
      />
      <div className="grid grid-cols-2 gap-3">
        <TextField
          label="For system"
          hint="as agents name it, linux; or any"
          value={draft.os}
          onChange={(event) => change({ os: event.target.value.trim() })}
        />
        <TextField
          label="Architecture"
          hint="amd64, arm64; or any"
          value={draft.arch}
          onChange={(event) => change({ arch: event.target.value.trim() })}
        />
      </div>
      <Field label="File" hint={draft.file === undefined ? undefined : bytes(draft.file.size)}>
        {(ids) => (
          <input {...ids} type="file" onChange={(event) => change({ file: event.target.files?.[0] })} />
        )}
      </Field>
    </FormDialog>
  );
}

async function publishRelease(of: Package | undefined, draft: Draft): Promise<void> {
  const { name, version, channel, message, os, arch, file } = draft;
  if (file === undefined) return;
  const found =
    of ?? (await client.packageList({ query: { q: name } })).items.find((each) => each.name === name);
  const { id } = found ?? (await client.packageCreate({ body: { name } }));
  const { all_releases: releases } = await client.packageRead({ params: { package_id: id } });
  // One that an upload which broke off has left open goes on.
  const open = releases.find((each) => each.version === version && each.published_at === null);
  const release =
    open ?? (await client.releaseCreate({ params: { package_id: id }, body: { version, channel, message } }));
  const params = { package_id: id, release_id: release.id };
  await upload(connectionOptions, api.releaseFilePut, { params, query: { os, arch } }, file);
  await client.releasePublish({ params });
}
