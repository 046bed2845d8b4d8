import type { Incident } from "@flowplane/contract";
import { useApi } from "../../api/query.ts";
import { say } from "../../ui/announce.ts";
import { ReasonDialog } from "../../ui/ReasonDialog.tsx";

export function CloseIncident({ incident, onClose }: { incident: Incident; onClose: () => void }) {
  const close = useApi("incidentClose", {
    onSuccess: () => {
      say("Closed");
      onClose();
    },
  });
  return (
    <ReasonDialog
      title={`Close “${incident.title}”`}
      description={`The incident of ${incident.run_name} leaves the inbox. Its evidence is kept; the run goes on as it does.`}
      action="Close the incident"
      danger={false}
      busy={close.isPending}
      error={close.error}
      onSubmit={(reason) => close.mutate({ params: { incident_id: incident.id }, body: { reason } })}
      onClose={onClose}
    />
  );
}
