import { Plus, X } from "lucide-react";
import type { Category } from "@flowplane/contract";
import { ACTION_WORD, CATEGORY_WORD } from "../../api/states.ts";
import { oneOf } from "../../search.ts";
import { Button, IconButton } from "../../ui/Button.tsx";
import { SelectField, TextField } from "../../ui/Field.tsx";
import { ACTIONS, cannotAddRung, rung, type RungForm } from "./policyForm.ts";

const CATEGORY_MEANS: Readonly<Record<Category, string>> = {
  loop: "The same again and again, and nothing new.",
  stall: "No output, no CPU, no disk, no sign of progress.",
  retry_storm: "The same failure at a rate, without waiting longer each time.",
  runaway: "Memory, disk, output or processes grow towards their end.",
  agent_loop: "An agent calls the same tools with the same results.",
};

/** The rungs of one category: the n-th incident takes the n-th of them. */
export function LadderFields({
  category,
  ladder,
  onChange,
}: {
  category: Category;
  ladder: readonly RungForm[];
  onChange: (ladder: readonly RungForm[]) => void;
}) {
  const change = (index: number, part: Partial<RungForm>) =>
    onChange(ladder.map((one, at) => (at === index ? { ...one, ...part } : one)));
  return (
    <fieldset className="flex min-w-0 flex-col gap-2 rounded-md border border-n4 p-3">
      <legend className="px-1 font-medium">{CATEGORY_WORD[category]}</legend>
      <p className="text-sm text-n8">{CATEGORY_MEANS[category]}</p>
      {ladder.length === 0 ? <p className="text-n9">It is told, nothing more.</p> : null}
      <ol className="flex flex-col gap-2">
        {ladder.map((one, index) => (
          // Rungs have no identity but their place.
          // oxlint-disable-next-line react/no-array-index-key
          <li key={index} className="flex flex-wrap items-end gap-2">
            <div className="w-40">
              <SelectField
                label={`${ordinal(index + 1)} time`}
                value={one.do}
                onChange={(event) => change(index, { do: oneOf(event.target.value, ACTIONS) ?? one.do })}
              >
                {ACTIONS.map((action) => (
                  <option key={action} value={action}>
                    {ACTION_WORD[action]}
                  </option>
                ))}
              </SelectField>
            </div>
            <RungDetails one={one} onChange={(part) => change(index, part)} />
            <IconButton
              label={`Take the ${ordinal(index + 1)} rung out`}
              onClick={() => onChange(ladder.filter((_, at) => at !== index))}
            >
              <X size={16} />
            </IconButton>
          </li>
        ))}
      </ol>
      <div>
        <Button
          look="quiet"
          icon={<Plus size={14} aria-hidden="true" />}
          whyNot={cannotAddRung(ladder)}
          onClick={() => onChange([...ladder, rung(ladder.length === 0 ? "notify" : "stop")])}
        >
          Add a rung
        </Button>
      </div>
    </fieldset>
  );
}

function RungDetails({ one, onChange }: { one: RungForm; onChange: (part: Partial<RungForm>) => void }) {
  if (one.do === "stop" || one.do === "stop_for_good") {
    return (
      <div className="w-44">
        <TextField
          label="Grace, seconds"
          placeholder="the run's own"
          inputMode="decimal"
          value={one.graceSeconds}
          onChange={(event) => onChange({ graceSeconds: event.target.value })}
        />
      </div>
    );
  }
  if (one.do !== "restart") return null;
  return (
    <>
      <div className="min-w-32 flex-1">
        <TextField
          label="With arguments added"
          placeholder="--resume"
          className="font-mono"
          spellCheck={false}
          value={one.args}
          onChange={(event) => onChange({ args: event.target.value })}
        />
      </div>
      <div className="min-w-32 flex-1">
        <TextField
          label="With a variable set"
          placeholder="CONCURRENCY=1"
          className="font-mono"
          spellCheck={false}
          value={one.env}
          onChange={(event) => onChange({ env: event.target.value })}
        />
      </div>
      <div className="w-28">
        <TextField
          label="After, seconds"
          placeholder="0"
          inputMode="decimal"
          value={one.delaySeconds}
          onChange={(event) => onChange({ delaySeconds: event.target.value })}
        />
      </div>
    </>
  );
}

function ordinal(position: number): string {
  return ["1st", "2nd", "3rd"][position - 1] ?? `${position}th`;
}
