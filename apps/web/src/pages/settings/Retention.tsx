import { useSuspenseQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Retention } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { q, useApi } from "../../api/query.ts";
import { numberIn } from "../../lib/numberIn.ts";
import { say } from "../../ui/announce.ts";
import { Button } from "../../ui/Button.tsx";
import { TextField } from "../../ui/Field.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { TabPage } from "../../ui/Tabs.tsx";

const FIELDS = [
  { field: "run_days", label: "Runs and their timelines", hint: "When they go, everything about them goes." },
  { field: "log_days", label: "Logs", hint: "Lines of a run; what is known about it stays." },
  {
    field: "log_hot_days",
    label: "Logs close at hand",
    hint: "After this they are packed into fewer, smaller objects; reading them takes longer.",
  },
  { field: "evidence_days", label: "Evidence", hint: "Without it a run cannot be replayed or compared." },
  { field: "samples_days", label: "CPU, memory and the like", hint: "The curves of the run page." },
  {
    field: "incident_days",
    label: "Runs with an incident",
    hint: "They keep everything this long, whatever stands above.",
  },
] as const satisfies readonly { field: keyof Retention; label: string; hint: string }[];
const DAYS = { min: 1, max: 3_650, unit: "days" } as const;

export default function RetentionTab() {
  const mayNot = useMayNot("organization:write");
  const retention = useSuspenseQuery(q("retentionRead", {})).data;
  const [texts, setTexts] = useState<Partial<Record<keyof Retention, string>>>({});
  const save = useApi("retentionChange", {
    onSuccess: () => {
      say("Saved");
      setTexts({});
    },
  });
  const read = (field: keyof Retention) =>
    texts[field] === undefined ? retention[field] : numberIn(texts[field], DAYS);
  const problemOf = (field: keyof Retention) => {
    const value = read(field);
    return typeof value === "object" ? value.problem : value === undefined ? "Say how many days." : undefined;
  };
  const isChanged = FIELDS.some(
    ({ field }) => texts[field] !== undefined && texts[field] !== String(retention[field]),
  );
  const shorter = FIELDS.filter(({ field }) => {
    const value = read(field);
    return typeof value === "number" && value < retention[field];
  });
  const days = (field: keyof Retention) => {
    const value = read(field);
    return typeof value === "number" ? Math.round(value) : retention[field];
  };
  const wanted = {
    run_days: days("run_days"),
    log_days: days("log_days"),
    log_hot_days: days("log_hot_days"),
    evidence_days: days("evidence_days"),
    samples_days: days("samples_days"),
    incident_days: days("incident_days"),
  };
  const judged = Retention.safeParse(wanted).error?.issues[0];
  const nameOf = (field: unknown) => FIELDS.find((one) => one.field === field)?.label ?? String(field);
  const whyNot =
    mayNot ??
    FIELDS.map(({ field }) => problemOf(field)).find((problem) => problem !== undefined) ??
    (judged === undefined ? undefined : `${nameOf(judged.path[0])}: ${judged.message}`) ??
    (isChanged ? undefined : "Nothing is changed.");
  return (
    <TabPage>
      <form
        className="flex max-w-[720px] flex-col gap-5"
        onSubmit={(event) => {
          event.preventDefault();
          if (whyNot !== undefined || save.isPending) return;
          save.mutate({ body: wanted });
        }}
      >
        <p className="text-n9">Days until things are deleted, counted from a run's end.</p>
        <div className="grid gap-4 md:grid-cols-2">
          {FIELDS.map(({ field, label, hint }) => (
            <TextField
              key={field}
              label={`${label}, days`}
              hint={hint}
              inputMode="numeric"
              value={texts[field] ?? String(retention[field])}
              problem={problemOf(field)}
              onChange={(event) => {
                const text = event.target.value;
                setTexts((now) => ({ ...now, [field]: text }));
              }}
            />
          ))}
        </div>
        {shorter.length === 0 ? null : (
          <p role="status" className="text-attention">
            Saving deletes what is older than that for good:{" "}
            {shorter.map(({ label }) => label.toLowerCase()).join(", ")}.
          </p>
        )}
        {save.error === null ? null : <Problem error={save.error} />}
        <div>
          <Button type="submit" look="primary" busy={save.isPending} whyNot={whyNot}>
            Save
          </Button>
        </div>
      </form>
    </TabPage>
  );
}
