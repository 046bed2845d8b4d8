import { TextField } from "../../ui/Field.tsx";

const ZONES = Intl.supportedValuesOf("timeZone");

/** A time zone by its IANA name, completed as one types. */
export function TimeZoneField({ value, onChange }: { value: string; onChange: (zone: string) => void }) {
  return (
    <>
      <TextField
        label="Time zone"
        list="time-zones"
        spellCheck={false}
        autoComplete="off"
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
      <datalist id="time-zones">
        {ZONES.map((zone) => (
          <option key={zone} value={zone}>
            {zone}
          </option>
        ))}
      </datalist>
    </>
  );
}
