import { useState } from "react";
import { ISOLATION_MODES, type Site } from "@flowplane/contract";
import { useApi } from "../../api/query.ts";
import { say } from "../../ui/announce.ts";
import { TextArea, TextField } from "../../ui/Field.tsx";
import { FormDialog } from "../../ui/FormDialog.tsx";
import { launchPolicyFormOf, readLaunchPolicy } from "./launchPolicy.ts";

export function LaunchPolicyForm({ site, onClose }: { site: Site; onClose: () => void }) {
  const [name, setName] = useState(site.name);
  const [form, setForm] = useState(launchPolicyFormOf(site.launch_policy));
  const set = (part: Partial<typeof form>) => setForm((now) => ({ ...now, ...part }));
  const save = useApi("siteChange", {
    onSuccess: () => {
      say("Saved");
      onClose();
    },
  });
  const read = readLaunchPolicy(form, site.launch_policy);
  const whyNot = "problem" in read ? read.problem : name.trim() === "" ? "Give it a name." : undefined;
  return (
    <FormDialog
      wide
      title={`Change ${site.name}`}
      action="Save"
      whyNot={whyNot}
      busy={save.isPending}
      error={save.error}
      onSubmit={() => {
        if (!("problem" in read))
          save.mutate({
            params: { site_id: site.id },
            body: { name: name.trim(), launch_policy: read.policy },
          });
      }}
      onClose={onClose}
    >
      <TextField
        label="Name"
        maxLength={200}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <div className="grid gap-4 md:grid-cols-2">
        <TextArea
          label="May start"
          hint="Patterns of absolute paths, one a line. Empty: everything that is not denied."
          placeholder={"/usr/bin/*\n/opt/etl/**"}
          className="font-mono text-sm"
          spellCheck={false}
          value={form.allow}
          onChange={(event) => set({ allow: event.target.value })}
        />
        <TextArea
          label="Denied"
          hint="Wins over what may start."
          className="font-mono text-sm"
          spellCheck={false}
          value={form.deny}
          onChange={(event) => set({ deny: event.target.value })}
        />
      </div>
      <fieldset className="flex flex-wrap gap-x-5 gap-y-1">
        <legend className="mb-1 font-medium">Isolation a run may have</legend>
        {ISOLATION_MODES.map((mode) => (
          <label key={mode} className="inline-flex items-center gap-2">
            <input
              type="checkbox"
              checked={form.isolation.includes(mode)}
              onChange={(event) =>
                set({
                  isolation: event.target.checked
                    ? [...form.isolation, mode]
                    : form.isolation.filter((one) => one !== mode),
                })
              }
            />
            {mode}
          </label>
        ))}
      </fieldset>
      <div className="grid gap-4 md:grid-cols-2">
        <TextField
          label="Variables taken over from the agent"
          placeholder="any"
          hint="Names with blanks between. Empty: any. A single -: none."
          className="font-mono"
          spellCheck={false}
          value={form.inherit}
          onChange={(event) => set({ inherit: event.target.value })}
        />
        <TextField
          label="Users a run may be started as"
          placeholder="any"
          hint="Names with blanks between. Empty: any the agent can. A single -: none."
          className="font-mono"
          spellCheck={false}
          value={form.users}
          onChange={(event) => set({ users: event.target.value })}
        />
      </div>
      <label className="inline-flex items-center gap-2">
        <input
          type="checkbox"
          checked={form.requireLimits}
          onChange={(event) => set({ requireLimits: event.target.checked })}
        />
        Refuse runs whose limits the host cannot enforce in the kernel
      </label>
    </FormDialog>
  );
}
