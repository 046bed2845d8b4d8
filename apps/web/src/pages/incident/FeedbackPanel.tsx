import { ThumbsDown, ThumbsUp } from "lucide-react";
import { useState } from "react";
import type { Incident } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { useApi } from "../../api/query.ts";
import { say } from "../../ui/announce.ts";
import { Button } from "../../ui/Button.tsx";
import { TextArea } from "../../ui/Field.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { Time } from "../../ui/Time.tsx";

const NOTE_LENGTH_MAX = 2_000;

/** Right or wrong, with a note: what is said here becomes suggestions for the policy. */
export function FeedbackPanel({ incident }: { incident: Incident }) {
  const mayNot = useMayNot("run:write");
  const [note, setNote] = useState(incident.feedback?.note ?? "");
  const send = useApi("incidentFeedback", {
    onSuccess: () => say("Noted. It counts for the policy's suggestions."),
  });
  const give = (verdict: "right" | "wrong") =>
    send.mutate({
      params: { incident_id: incident.id },
      body: { verdict, ...(note.trim() === "" ? {} : { note: note.trim() }) },
    });
  const { feedback } = incident;
  return (
    <div className="flex flex-col gap-3">
      {feedback === null ? null : (
        <p className="text-n9">
          {feedback.actor.name} said it was{" "}
          <strong className="font-semibold text-n10">{feedback.verdict}</strong>, <Time at={feedback.at} />.
        </p>
      )}
      <TextArea
        label="Note"
        rows={2}
        maxLength={NOTE_LENGTH_MAX}
        placeholder="What it was really"
        value={note}
        onChange={(event) => setNote(event.target.value)}
      />
      <div className="flex flex-wrap gap-2">
        <Button
          icon={<ThumbsUp size={14} aria-hidden="true" />}
          aria-pressed={feedback?.verdict === "right"}
          className="aria-pressed:border-accent aria-pressed:bg-accent-soft aria-pressed:text-accent"
          whyNot={mayNot}
          busy={send.isPending}
          onClick={() => give("right")}
        >
          It was right
        </Button>
        <Button
          icon={<ThumbsDown size={14} aria-hidden="true" />}
          aria-pressed={feedback?.verdict === "wrong"}
          className="aria-pressed:border-accent aria-pressed:bg-accent-soft aria-pressed:text-accent"
          whyNot={mayNot}
          busy={send.isPending}
          onClick={() => give("wrong")}
        >
          It was wrong
        </Button>
      </div>
      {send.error === null ? null : <Problem error={send.error} />}
    </div>
  );
}
