import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useMayNot } from "../../api/me.ts";
import { q, useApi } from "../../api/query.ts";
import { parseLabels } from "../../lib/labels.ts";
import type { AddPlatform } from "../../search.ts";
import { Button } from "../../ui/Button.tsx";
import { DialogActions } from "../../ui/Dialog.tsx";
import { SelectField, TextArea, TextField } from "../../ui/Field.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { LIFETIMES } from "../tokens/lifetimes.ts";
import type { CreatedToken } from "./created-token.ts";
import { PLATFORM_WORD } from "./commands.ts";

const SITES_SHOWN_MAX = 200;

/** Defaults are right for one machine: one use, one hour, let in at once. */
export function CreateToken({
  platform,
  onCreated,
}: {
  platform: AddPlatform;
  onCreated: (created: CreatedToken) => void;
}) {
  const mayNot = useMayNot("token:write");
  const sites = useQuery(q("siteList", { query: { limit: SITES_SHOWN_MAX } })).data?.items ?? [];
  const [form, setForm] = useState({
    site: "",
    uses: "1",
    seconds: 3_600,
    approval: "automatic",
    labels: "",
    name: "",
  });
  const set = (part: Partial<typeof form>) => setForm((now) => ({ ...now, ...part }));
  const create = useApi("enrolmentTokenCreate", { onSuccess: onCreated });
  const labels = parseLabels(form.labels);
  const problem = "problem" in labels ? labels.problem : undefined;
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        if ("problem" in labels || create.isPending || mayNot !== undefined) return;
        create.mutate({
          body: {
            name: form.name.trim() === "" ? `${PLATFORM_WORD[platform]} agent` : form.name.trim(),
            labels: labels.labels,
            approval: form.approval === "manual" ? "manual" : "automatic",
            uses_max: form.uses === "" ? null : Number(form.uses),
            expires_in_seconds: form.seconds,
            ...(form.site === "" ? {} : { site_id: form.site }),
          },
        });
      }}
    >
      <p className="text-n9">
        This makes an enrolment token and shows the {platform === "collector" ? "configuration" : "command"}{" "}
        with the token inside. The agent connects outward; no port has to be opened.
      </p>
      <div className="grid grid-cols-3 gap-4 max-md:grid-cols-1">
        <SelectField label="Site" value={form.site} onChange={(event) => set({ site: event.target.value })}>
          {sites.length === 0 ? <option value="">the first one</option> : null}
          {sites.map((site, index) => (
            <option key={site.id} value={index === 0 ? "" : site.id}>
              {site.name}
            </option>
          ))}
        </SelectField>
        <SelectField
          label="For how many agents"
          value={form.uses}
          onChange={(event) => set({ uses: event.target.value })}
        >
          <option value="1">one</option>
          <option value="10">up to 10</option>
          <option value="100">up to 100</option>
          <option value="">any number</option>
        </SelectField>
        <SelectField
          label="Valid for"
          value={form.seconds}
          onChange={(event) => set({ seconds: Number(event.target.value) })}
        >
          {LIFETIMES.map(({ word, seconds }) => (
            <option key={seconds} value={seconds}>
              {word}
            </option>
          ))}
        </SelectField>
      </div>
      <details>
        <summary className="cursor-pointer rounded-sm text-n9 hover:text-n10">
          More: approval, labels, name
        </summary>
        <div className="flex flex-col gap-4 pt-4">
          <SelectField
            label="Approval"
            hint={
              form.approval === "manual"
                ? "A newcomer waits until somebody approves it here."
                : "Whoever shows the token is let in."
            }
            value={form.approval}
            onChange={(event) => set({ approval: event.target.value })}
          >
            <option value="automatic">automatic</option>
            <option value="manual">by a person</option>
          </SelectField>
          <TextArea
            label="Labels"
            hint="One key=value a line; every agent it lets in gets them."
            className="font-mono text-sm"
            spellCheck={false}
            value={form.labels}
            problem={problem}
            onChange={(event) => set({ labels: event.target.value })}
          />
          <TextField
            label="Name of the token"
            placeholder={`${PLATFORM_WORD[platform]} agent`}
            maxLength={200}
            value={form.name}
            onChange={(event) => set({ name: event.target.value })}
          />
        </div>
      </details>
      {create.error === null ? null : <Problem error={create.error} />}
      <DialogActions>
        <Button type="submit" look="primary" autoFocus busy={create.isPending} whyNot={mayNot ?? problem}>
          Make the {platform === "collector" ? "configuration" : "command"}
        </Button>
      </DialogActions>
    </form>
  );
}
