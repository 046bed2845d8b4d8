import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { PolicyDocument, type Policy } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { useApi } from "../../api/query.ts";
import { paths } from "../../paths.ts";
import { say } from "../../ui/announce.ts";
import { Button } from "../../ui/Button.tsx";
import { TextArea, TextField } from "../../ui/Field.tsx";
import { Page, Section } from "../../ui/Page.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { Scopes } from "../../ui/Scopes.tsx";
import { PolicyDiff } from "../policy/PolicyLines.tsx";
import { policyDiff, policySentence } from "../policy/policyWords.ts";
import { policyFormOf, readPolicy, readPolicyJson } from "./policyForm.ts";
import { PolicyFields } from "./PolicyFields.tsx";

const VIEWS = [
  { value: undefined, word: "Form" },
  { value: "json", word: "JSON" },
] as const;

interface PolicyEditorProps {
  /** The policy that gets a new version; undefined for a new policy. */
  readonly policy: Policy | undefined;
  /** What the editor begins with. */
  readonly begun: PolicyDocument;
  readonly message?: string;
}

export function PolicyEditor({ policy, begun, message: firstMessage = "" }: PolicyEditorProps) {
  const navigate = useNavigate();
  const mayNot = useMayNot("policy:write");
  const [form, setForm] = useState(policyFormOf(begun));
  const [json, setJson] = useState<string | undefined>(undefined);
  const [name, setName] = useState("");
  const [message, setMessage] = useState(firstMessage);
  const saved = (id: string) => {
    say("Saved");
    void navigate(paths.policy(id));
  };
  const create = useApi("policyCreate", { onSuccess: ({ id }) => saved(id) });
  const save = useApi("policyVersionCreate", { onSuccess: ({ policy_id }) => saved(policy_id) });
  const compare = useApi("policyCompare", {
    onSuccess: ({ id, policy_id }) =>
      void navigate(paths.policyTab(policy_id, "compare", { comparison: id })),
  });
  const read = json === undefined ? readPolicy(form) : readPolicyJson(json);
  const document = "document" in read ? read.document : undefined;
  const problems = "problems" in read ? read.problems : [];
  const isSame =
    policy !== undefined && document !== undefined && policyDiff(policy.current, document).length === 0;
  const cannotUse =
    mayNot ?? problems[0] ?? (isSame ? "It says the same as the current version." : undefined);
  const cannotSave =
    cannotUse ??
    (policy === undefined && name.trim() === "" ? "Give it a name." : undefined) ??
    (policy !== undefined && message.trim() === "" ? "Say what changed and why." : undefined);
  const busy = create.isPending || save.isPending;
  const error = create.error ?? save.error ?? compare.error;
  const switchView = (view: "json" | undefined) => {
    if (view === "json") return setJson(JSON.stringify(document ?? begun, undefined, 2));
    // What stands in the text wins, as far as it is a policy.
    if (document !== undefined) setForm(policyFormOf(document));
    setJson(undefined);
  };
  return (
    <Page
      title={policy === undefined ? "New policy" : `New version of ${policy.name}`}
      sentence={
        document === undefined
          ? problems[0]
          : `${policySentence(document)}${policy === undefined ? "" : " Jobs without a fixed version use it from their next run on."}`
      }
      actions={
        <Scopes
          label="How to edit it"
          scopes={VIEWS}
          chosen={json === undefined ? undefined : "json"}
          onChoose={switchView}
        />
      }
    >
      <form
        className="flex max-w-[980px] flex-col gap-7"
        onSubmit={(event) => {
          event.preventDefault();
          if (cannotSave !== undefined || busy || document === undefined) return;
          if (policy === undefined) create.mutate({ body: { name: name.trim(), document } });
          else save.mutate({ params: { policy_id: policy.id }, body: { document, message: message.trim() } });
        }}
      >
        {policy === undefined ? (
          <TextField
            label="Name"
            autoFocus
            maxLength={200}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        ) : null}
        {json === undefined ? (
          <PolicyFields form={form} onChange={(part) => setForm((now) => ({ ...now, ...part }))} />
        ) : (
          <TextArea
            label="Document"
            rows={26}
            spellCheck={false}
            className="font-mono text-sm"
            problem={problems.length === 0 ? undefined : problems.join(" ")}
            value={json}
            onChange={(event) => setJson(event.target.value)}
          />
        )}
        {json !== undefined || problems.length === 0 ? null : (
          <ul role="alert" className="list-disc pl-5 text-bad">
            {problems.map((problem) => (
              <li key={problem}>{problem}</li>
            ))}
          </ul>
        )}
        {policy === undefined || document === undefined || isSame ? null : (
          <Section title={`Against v${policy.current_version}`}>
            <PolicyDiff before={policy.current} after={document} />
          </Section>
        )}
        {policy === undefined ? null : (
          <TextField
            label="What changed and why"
            maxLength={2_000}
            value={message}
            onChange={(event) => setMessage(event.target.value)}
          />
        )}
        {error === null ? null : <Problem error={error} />}
        <div className="sticky bottom-0 -mx-6 flex flex-wrap items-center justify-end gap-2 border-t border-n4 bg-n0 px-6 py-3 max-md:-mx-4 max-md:px-4">
          <Button
            onClick={() => void navigate(policy === undefined ? paths.policies() : paths.policy(policy.id))}
          >
            Cancel
          </Button>
          {policy === undefined ? null : (
            <Button
              whyNot={cannotUse}
              busy={compare.isPending}
              onClick={() =>
                document === undefined
                  ? undefined
                  : compare.mutate({ params: { policy_id: policy.id }, body: { candidate: { document } } })
              }
            >
              Compare with past runs
            </Button>
          )}
          <Button type="submit" look="primary" busy={busy} whyNot={cannotSave}>
            {policy === undefined ? "Create the policy" : "Save the version"}
          </Button>
        </div>
      </form>
    </Page>
  );
}
