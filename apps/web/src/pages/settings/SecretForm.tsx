import { useState } from "react";
import { SecretName, type Secret, type Site } from "@flowplane/contract";
import { useApi } from "../../api/query.ts";
import { say } from "../../ui/announce.ts";
import { SelectField, TextArea, TextField } from "../../ui/Field.tsx";
import { FormDialog } from "../../ui/FormDialog.tsx";

/** Stores a secret, or gives a stored one another value. */
export function SecretForm({
  sites,
  secret,
  onClose,
}: {
  sites: readonly Pick<Site, "id" | "name">[];
  secret: Secret | undefined;
  onClose: () => void;
}) {
  const [name, setName] = useState(secret?.name ?? "");
  const [value, setValue] = useState("");
  const [site, setSite] = useState(secret?.site_id ?? "");
  const put = useApi("secretPut", {
    onSuccess: () => {
      say("Stored");
      onClose();
    },
  });
  const nameProblem =
    name === "" || SecretName.safeParse(name).success
      ? undefined
      : "Letters, digits and _ only, no digit first, at most 64.";
  const whyNot =
    nameProblem ??
    (name === "" ? "Give it a name." : undefined) ??
    (value === "" ? "Paste its value." : undefined);
  return (
    <FormDialog
      title={secret === undefined ? "New secret" : `Replace the value of ${secret.name}`}
      description="It is encrypted where it is stored and never shown again. Wherever it turns up in output, it is redacted before it leaves the host."
      action="Store"
      whyNot={whyNot}
      busy={put.isPending}
      error={put.error}
      onSubmit={() =>
        put.mutate({
          params: { secret_name: name },
          body: { value, site_id: site === "" ? null : site },
        })
      }
      onClose={onClose}
    >
      {secret === undefined ? (
        <TextField
          label="Name"
          className="font-mono"
          autoComplete="off"
          spellCheck={false}
          placeholder="WAREHOUSE_PASSWORD"
          value={name}
          problem={nameProblem}
          onChange={(event) => setName(event.target.value)}
        />
      ) : null}
      <TextArea
        label="Value"
        className="font-mono text-sm"
        autoComplete="off"
        spellCheck={false}
        value={value}
        onChange={(event) => setValue(event.target.value)}
      />
      <SelectField label="For runs of" value={site} onChange={(event) => setSite(event.target.value)}>
        <option value="">every site</option>
        {sites.map(({ id, name: siteName }) => (
          <option key={id} value={id}>
            {siteName}
          </option>
        ))}
      </SelectField>
    </FormDialog>
  );
}
