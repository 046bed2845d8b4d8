import { useState } from "react";
import { SecretName, type Secret, type Site } from "@flowplane/contract";
import { useApi } from "../../api/query.ts";
import { say } from "../../ui/announce.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog, DialogActions } from "../../ui/Dialog.tsx";
import { SelectField, TextArea, TextField } from "../../ui/Field.tsx";
import { Problem } from "../../ui/Problem.tsx";

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
    <Dialog
      title={secret === undefined ? "New secret" : `Replace the value of ${secret.name}`}
      description="It is encrypted where it is stored and never shown again. Wherever it turns up in output, it is redacted before it leaves the host."
      onClose={onClose}
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (whyNot === undefined && !put.isPending)
            put.mutate({
              params: { secret_name: name },
              body: { value, site_id: site === "" ? null : site },
            });
        }}
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
        {put.error === null ? null : <Problem error={put.error} />}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={put.isPending} whyNot={whyNot}>
            Store
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
