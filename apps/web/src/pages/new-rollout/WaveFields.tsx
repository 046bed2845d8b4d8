import { Plus, X } from "lucide-react";
import { WAVES_MAX } from "@flowplane/contract";
import { oneOf } from "../../search.ts";
import { Button, IconButton } from "../../ui/Button.tsx";
import { SelectField, TextField } from "../../ui/Field.tsx";
import {
  PRESETS,
  waveFormsOf,
  withAnotherWave,
  type PlanForm,
  type PlanProblems,
  type WaveForm,
} from "./rolloutForm.ts";

export interface PlanFieldsProps {
  readonly form: PlanForm;
  readonly problems: PlanProblems;
  readonly onChange: (part: Partial<PlanForm>) => void;
}

/** How many agents come first, next and after that. */
export function WaveFields({ form, problems, onChange }: PlanFieldsProps) {
  const { waves } = form;
  const change = (key: number, part: Partial<WaveForm>) =>
    onChange({ waves: waves.map((wave) => (wave.key === key ? { ...wave, ...part } : wave)) });
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap gap-x-3 gap-y-1 text-sm text-n8">
        Usual ones:
        {PRESETS.map(({ word, waves: preset }) => (
          <button
            key={word}
            type="button"
            onClick={() => onChange({ waves: waveFormsOf(preset) })}
            className="rounded-sm text-accent hover:underline"
          >
            {word}
          </button>
        ))}
      </div>
      <ol className="flex flex-col gap-2">
        {waves.map((wave, index) =>
          index === waves.length - 1 ? (
            <li key={wave.key} className="flex h-8 items-center gap-2">
              <span className="w-16 shrink-0 text-n8">Wave {index + 1}</span>
              {index === 0 ? "all agents at once" : "all that are left"}
            </li>
          ) : (
            <li key={wave.key} className="flex items-start gap-2">
              <span className="w-16 shrink-0 pt-1.5 text-n8">Wave {index + 1}</span>
              <div className="w-24 [&_label]:sr-only">
                <TextField
                  label={`Size of wave ${index + 1}`}
                  inputMode="decimal"
                  value={wave.amount}
                  problem={problems[`wave ${index}`]}
                  onChange={(event) => change(wave.key, { amount: event.target.value })}
                />
              </div>
              <div className="w-44 [&_label]:sr-only">
                <SelectField
                  label={`Unit of wave ${index + 1}`}
                  value={wave.unit}
                  onChange={(event) =>
                    change(wave.key, { unit: oneOf(event.target.value, ["count", "percent"]) ?? wave.unit })
                  }
                >
                  <option value="count">agents more</option>
                  <option value="percent">% of all, in total</option>
                </SelectField>
              </div>
              <IconButton
                label={`Remove wave ${index + 1}`}
                onClick={() => onChange({ waves: waves.filter(({ key }) => key !== wave.key) })}
              >
                <X size={16} />
              </IconButton>
            </li>
          ),
        )}
      </ol>
      <div>
        <Button
          icon={<Plus size={14} aria-hidden="true" />}
          whyNot={waves.length >= WAVES_MAX ? `At most ${WAVES_MAX} waves.` : undefined}
          onClick={() => onChange({ waves: withAnotherWave(waves) })}
        >
          Add a wave
        </Button>
      </div>
    </div>
  );
}
