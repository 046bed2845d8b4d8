import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { Job } from "@flowplane/contract";
import { useApi } from "../../api/query.ts";
import { counted } from "../../lib/units.ts";
import { paths } from "../../paths.ts";
import { say } from "../../ui/announce.ts";
import { TextField } from "../../ui/Field.tsx";
import { FormDialog } from "../../ui/FormDialog.tsx";

/** Cannot be undone, so the name is typed. */
export function ArchiveJob({ job, onClose }: { job: Job; onClose: () => void }) {
  const navigate = useNavigate();
  const [typed, setTyped] = useState("");
  const archive = useApi("jobArchive", {
    onSuccess: () => {
      say(`${job.name} is archived`);
      void navigate(paths.jobs());
    },
  });
  return (
    <FormDialog
      title={`Archive ${job.name}`}
      description={
        job.runs_active === 0
          ? "It starts no further runs and leaves the list. Its runs and their logs stay."
          : `It starts no further runs and leaves the list. ${counted(job.runs_active, "run")} under way end by themselves; stop them if they should not. Runs and logs stay.`
      }
      action="Archive the job"
      danger
      whyNot={typed === job.name ? undefined : `Type ${job.name} to confirm.`}
      busy={archive.isPending}
      error={archive.error}
      onSubmit={() => archive.mutate({ params: { job_id: job.id } })}
      onClose={onClose}
    >
      <TextField
        label={`Type ${job.name} to confirm`}
        autoComplete="off"
        spellCheck={false}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
      />
    </FormDialog>
  );
}
